"""What kernels of a task's own add: against layers that are really put in, rule by rule."""

import pytest
from torch import nn

from reproductions import reprogramming as module
from reproductions.catalog import ReprogrammingParams
from reproductions.network_size import build_network

RULES = ("every_convolution", "without_pointwise", "scaled_pointwise")


def measure(model="resnet50"):
    return module.reprogramming(ReprogrammingParams(model=model, num_classes=1000), "cpu")


def _reference_added(model, rule):
    """Count a 3 x 3 kernel, a factor or nothing for each output channel of each convolution."""
    total = 0
    for part in model.modules():
        if not isinstance(part, nn.Conv2d):
            continue
        pointwise = part.kernel_size == (1, 1)
        each = {"every_convolution": 9, "without_pointwise": 0, "scaled_pointwise": 1}[rule]
        total += part.out_channels * (each if pointwise else 9)
    return total


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("model", ["resnet18", "resnet50", "vgg16", "simplenet"])
def test_each_rule_adds_what_its_kernels_hold(model, rule):
    found = measure(model)
    network = build_network(model, 1000)
    wanted = _reference_added(network, rule)
    assert found.evidence["added"][rule] == wanted
    share = 100 * wanted / sum(p.numel() for p in network.parameters())
    assert found.values[rule].value == pytest.approx(share, abs=0, rel=1e-12)


def test_resnet_50_has_26560_channels_behind_convolutions():
    added = measure().evidence["added"]
    assert added["every_convolution"] == 9 * 26_560
    assert added["normalization"] == 2 * 26_560  # each has a BatchNorm
    assert added["without_pointwise"] == 9 * 3_840


def test_a_larger_kernel_adds_more(monkeypatch):
    before = measure("resnet18").evidence["added"]
    monkeypatch.setattr(module, "_WINDOW", 5)
    after = measure("resnet18").evidence["added"]
    assert after["every_convolution"] * 9 == before["every_convolution"] * 25


def test_a_convolution_less_adds_less(monkeypatch):
    before = measure("simplenet").values["every_convolution"].value

    def without_the_first(name, num_classes):
        return build_network(name, num_classes)[1:]

    monkeypatch.setattr(module, "build_network", without_the_first)
    assert measure("simplenet").evidence["added"]["every_convolution"] < before * 1e6
