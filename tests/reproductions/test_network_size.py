"""Sizes of networks: what is deployed, what training attaches, and layers counted two ways."""

import pytest

from reproductions import plain_networks
from reproductions.catalog import NetworkSizeParams
from reproductions.errors import ReproductionError
from reproductions.measure import measure as measure_by_name
from reproductions.network_size import network_size


def measure(model, num_classes=1000):
    return network_size(NetworkSizeParams(model=model, num_classes=num_classes), "cpu")


def test_googlenet_is_deployed_without_its_auxiliary_classifiers():
    counts = measure("googlenet").evidence["counts"]
    assert counts == {"deployed": 6_998_552, "training": 13_378_280}


@pytest.mark.parametrize(
    ("model", "convolutions", "weighted"),
    [
        ("alexnet", 5, 8),
        ("googlenet", 57, 58),
        ("lenet5", 2, 5),
        ("simplenet", 13, 14),
        ("vgg16", 15, 16),
        ("resnet50", 53, 54),
    ],
)
def test_layers_are_counted_without_and_with_linear_ones(model, convolutions, weighted):
    facts = measure(model).facts
    assert facts == {"convolutions": convolutions, "weighted_layers": weighted}


@pytest.mark.parametrize(("model", "count"), [("vgg16", 138_357_544), ("resnet18", 11_689_512)])
def test_a_network_of_timm_has_one_size(model, count):
    found = measure(model)
    assert found.evidence["counts"] == {"deployed": count, "training": count}
    assert found.values["deployed"].value == pytest.approx(count / 1e6, abs=0, rel=1e-12)


def test_a_layer_less_is_a_layer_less(monkeypatch):
    whole = measure("simplenet")
    monkeypatch.setattr(plain_networks, "_SIMPLENET", plain_networks._SIMPLENET[:-1])
    less = measure("simplenet")
    assert less.facts["convolutions"] == whole.facts["convolutions"] - 1
    assert less.values["deployed"].value < whole.values["deployed"].value


def test_a_helper_that_is_deployed_counts(monkeypatch):
    monkeypatch.setattr(plain_networks, "AUXILIARY", "second_head")
    counts = measure("googlenet").evidence["counts"]
    assert counts["deployed"] == counts["training"]


def test_params_name_who_supplies_the_network():
    own, theirs = (NetworkSizeParams(model=name, num_classes=10) for name in ("lenet5", "vgg16"))
    assert (own.packages(), own.family(), own.absent()) == ((), None, None)
    assert (theirs.packages(), theirs.family(), theirs.absent()) == (("timm",), "vgg", None)
    with pytest.raises(ReproductionError, match="no network named 'vgg17'; did you mean 'vgg1"):
        measure_by_name("network_size", NetworkSizeParams(model="vgg17", num_classes=10), "cpu")


def test_a_network_of_ours_is_none_of_these():
    assert NetworkSizeParams(model="vig_ti", num_classes=10).absent() is not None
