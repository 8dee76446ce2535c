"""What autograd keeps: by hand on small networks, on the CPU, and as a share."""

import pytest
import torch
from torch import nn

from reproductions import saved_activations as module
from reproductions.catalog import SavedActivationsParams
from reproductions.live_bytes import LiveBytes
from reproductions.network_size import build_network
from reproductions.plain_networks import build_plain_network
from reproductions.saved_activations import bytes_kept


def measure(**changes):
    given = {"model": "wrn_40_2", "num_classes": 10, "batch": 4, "image_size": 32, "copies": 3}
    return module.saved_activations(SavedActivationsParams(**{**given, **changes}), "cpu")


def test_a_linear_layer_keeps_its_input_and_relu_its_output():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 3))
    images = torch.randn(2, 3, 2, 2)
    assert bytes_kept(model, images) == 4 * (2 * 12 + 2 * 5)  # the second input is ReLU's output


def test_what_needs_no_gradient_keeps_nothing():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5)).requires_grad_(requires_grad=False)
    assert bytes_kept(model, torch.randn(2, 3, 2, 2)) == 0


def test_meta_tensors_keep_as_many_bytes_as_those_of_the_cpu():
    torch.manual_seed(0)
    real = build_plain_network("wrn_40_2", 10).train()
    images = torch.randn(2, 3, 32, 32)
    meta = build_network("wrn_40_2", 10)
    assert bytes_kept(meta, images.to("meta")) == bytes_kept(real, images)


def test_what_is_kept_is_what_lives_after_the_forward_pass():
    torch.manual_seed(0)
    model = build_plain_network("wrn_40_2", 10).train()
    images = torch.randn(2, 3, 32, 32)
    with LiveBytes() as memory:
        output = model(images)
        alive = memory.now
    kept = bytes_kept(model, images) - images.untyped_storage().nbytes()
    assert 0 <= alive - kept < 0.01 * alive
    assert output.requires_grad


def test_bytes_grow_with_the_batch_and_shares_with_them():
    small, large = measure(batch=4), measure(batch=8)
    ratio = large.values["activations"].value / small.values["activations"].value
    assert ratio == pytest.approx(2, abs=0, rel=0.001)
    assert large.values["share"].value > small.values["share"].value


def test_shares_are_of_the_bytes_and_of_every_set_of_weights():
    found = measure(copies=2)
    kept, weights = (found.evidence["bytes"][name] for name in ("activations", "weights"))
    for name, sets in (("share", 2), ("share_with_adam", 5)):
        wanted = 100 * kept / (kept + sets * weights)
        assert found.values[name].value == pytest.approx(wanted, abs=0, rel=1e-12)


def test_a_network_that_keeps_less_shows(monkeypatch):
    whole = measure().values["share"].value
    half = build_network("wrn_40_2", 10)
    for part in list(half.children())[:10]:
        part.requires_grad_(requires_grad=False)
    monkeypatch.setattr(module, "build_network", lambda *_: half)
    assert measure().values["share"].value < whole
