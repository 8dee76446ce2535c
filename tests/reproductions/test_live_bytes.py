"""Live bytes: against sizes worked out by hand, and against torch's own profiler."""

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.checkpoint import checkpoint

from reproductions.live_bytes import LiveBytes, bytes_of
from vig_models import create_model

KIB = 1024


def chain(layers, width=256):
    return nn.Sequential(*(nn.Linear(width, width, bias=False) for _ in range(layers)))


def test_without_gradients_only_two_neighbors_of_a_chain_live():
    model, x = chain(5), torch.ones(4, 256)
    with torch.no_grad(), LiveBytes() as memory:
        kept = model(x)
    assert (memory.peak, memory.now) == (2 * 4 * KIB, 4 * KIB)
    assert kept.shape == (4, 256)


def test_with_gradients_every_output_of_a_chain_lives():
    model, x = chain(5), torch.ones(4, 256)
    with LiveBytes() as memory:
        kept = model(x)
    assert memory.now == 5 * 4 * KIB
    assert kept.requires_grad


def test_what_dies_is_forgotten():
    with LiveBytes() as memory:
        for _ in range(10):
            torch.ones(256)
    assert (memory.peak, memory.now) == (KIB, 0)


def test_views_and_in_place_operations_take_nothing():
    with LiveBytes() as memory:
        x = torch.ones(16, 16)
        x.view(256).add_(1).relu_()
        x[3:5].T.mul_(2)
    assert memory.peak == KIB


def test_a_convolution_takes_its_output():
    conv, x = nn.Conv2d(3, 8, 3, padding=1), torch.ones(2, 3, 16, 16)
    with torch.no_grad(), LiveBytes() as memory:
        out = conv(x)
    assert memory.now == out.numel() * 4 == 2 * 8 * 16 * 16 * 4


def test_memory_that_grows_is_counted_anew():
    with LiveBytes() as memory:
        x = torch.ones(256)
        x.resize_(1024)
    assert memory.now == 4 * KIB


def test_what_was_there_before_is_not_counted():
    x = torch.ones(256)
    with LiveBytes() as memory:
        x.add_(1)
        _ = x.view(16, 16)
    assert memory.peak == 0


def test_the_second_run_of_a_checkpoint_is_seen():
    model, x = chain(6), torch.ones(64, 256, requires_grad=True)
    out = 64 * KIB
    with LiveBytes() as memory:
        kept = checkpoint(model, x, use_reentrant=False)
        forward = memory.now
        kept.sum().backward()
    assert forward == out  # the inputs of the layers are gone
    assert memory.peak >= 5 * out  # and are there again while the layers run backward


def test_shared_memory_counts_once():
    x = torch.ones(256)
    assert bytes_of([x, x[:10], torch.ones(256)]) == 2 * KIB


@pytest.mark.parametrize(
    ("implementation", "backward", "within"),
    [("published", False, 0), ("published", True, 0), ("fast", False, 1e-3), ("fast", True, 0.04)],
)
def test_it_agrees_with_the_profiler_of_torch(implementation, backward, within):
    torch.manual_seed(0)
    model = create_model("vig_ti", implementation=implementation).train()
    images = torch.randn(2, 3, 224, 224)

    def run():
        with torch.set_grad_enabled(backward):
            total = model(images).sum()
        if backward:
            total.backward()
            model.zero_grad(set_to_none=True)

    run()  # what is made once and kept
    with LiveBytes() as memory:
        run()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run()
    now = peak = 0
    for event in profiled.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    assert memory.peak == pytest.approx(peak, rel=within, abs=0)
