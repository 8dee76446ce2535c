"""Peak memory: on the CPU against sizes worked out by hand, on a GPU against a made-up one."""

import pytest
import torch
from torch import nn

from reproductions import peak_memory as module
from reproductions.catalog import PeakMemoryParams
from reproductions.contract import NotMeasurableError
from reproductions.errors import ReproductionError
from reproductions.measure import parse_params
from reproductions.peak_memory import peak_memory
from reproductions.training_step import GIB, Peak
from vig_models import ModelError


class Toy(nn.Module):
    """A layer of 3 x 256 weights on the mean of each channel."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 256, bias=False)

    def forward(self, images):
        return self.linear(images.mean(dim=(2, 3)))


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setattr(module, "build_model", lambda *_, **__: Toy())


def measure(**params):
    given = {"model": "vig_ti", "batch": 2, "image_size": 8, "device": "cpu", **params}
    return peak_memory(PeakMemoryParams(**given), "cpu")


def test_weights_images_and_what_is_computed_add_up():
    found = measure()
    held = (3 * 256 + 2 * 3 * 8 * 8) * 4
    computed = (2 * 3 + 2 * 256) * 4
    assert found.values["allocated"].value == (held + computed) / GIB
    assert found.values["activations"].value == computed / GIB
    assert found.facts["outcome"] == "runs"
    assert found.evidence["bytes"]["held"] == held


@pytest.mark.parametrize(("model", "kernel"), [("clustervig_ti", "substitute"), ("vig_ti", "none")])
def test_the_kernel_that_stands_in_is_told(model, kernel):
    assert measure(model=model).facts["kernel"] == kernel


def test_training_takes_gradients_too():
    inference, training = measure(), measure(mode="training")
    more = training.values["allocated"].value - inference.values["allocated"].value
    assert more >= 3 * 256 * 4 / GIB


def test_a_larger_batch_takes_more():
    assert measure(batch=4).values["allocated"].value > measure().values["allocated"].value


def test_a_gpu_that_is_not_there_is_an_obstacle(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NotMeasurableError, match="peak_memory: wants a CUDA device, found none"):
        measure(device="rtx-6000-ada")


def test_memory_that_runs_out_is_an_outcome_without_a_peak(monkeypatch):
    def run_out(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(module, "peak_of", run_out)
    found = measure()
    assert (found.facts["outcome"], found.values) == ("out_of_memory", {})


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ModelError("want 224"), r"'vig_ti' does not run on 8 x 8 images \(want 224\); ask for"),
        (ValueError("Expected more than 1 value per channel"), "'vig_ti' wants two images or more"),
    ],
    ids=["size", "batch"],
)
def test_what_the_model_does_not_take_is_bad_input_and_no_outcome(error, sentence, monkeypatch):
    def refuse(*_):
        raise error

    monkeypatch.setattr(Toy, "forward", refuse)
    with pytest.raises(ReproductionError, match=f"^peak_memory: {sentence}") as refused:
        measure()
    assert refused.type is ReproductionError


def test_any_other_error_is_no_outcome(monkeypatch):
    def fail(*_):
        raise RuntimeError("device lost")

    monkeypatch.setattr(module, "peak_of", fail)
    with pytest.raises(RuntimeError, match="device lost"):
        measure()


@pytest.mark.parametrize(
    ("needed_gib", "fits_cap", "outcome", "cap"),
    [
        pytest.param(40, True, "runs", 48.0, id="under the cap"),
        pytest.param(60, False, "runs", None, id="only without the cap"),
        pytest.param(200, False, "out_of_memory", None, id="not at all"),
    ],
)
def test_a_smaller_card_is_tried_under_a_cap_first(needed_gib, fits_cap, outcome, cap, monkeypatch):
    limit = [141.0]

    def peak(_params, _device):
        return Peak(needed_gib * GIB, 0) if needed_gib <= limit[0] else None

    def set_fraction(fraction):
        limit[0] = 141.0 * fraction

    monkeypatch.setattr(module, "place_of", lambda *_, **__: torch.device("cuda"))
    monkeypatch.setattr(module, "class_name", lambda _: "h200")
    monkeypatch.setattr(module, "_peak_or_none", peak)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (141 * GIB, 141 * GIB))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 139 * GIB)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", set_fraction)
    found = measure(device="rtx-6000-ada", card_gib=48.0)
    assert (found.facts["outcome"], found.facts.get("cap_gib")) == (outcome, cap)
    assert ("allocated" in found.values) is (outcome == "runs")
    if outcome == "out_of_memory":
        assert found.values["allocated_at_least"].value == 139
    assert limit == [141.0]
    assert fits_cap is (cap is not None)


def test_what_earlier_measurements_left_is_given_back_before_a_peak_begins(monkeypatch):
    done = []
    monkeypatch.setattr(module.gc, "collect", lambda: done.append("collect"))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: done.append("empty"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: done.append("reset"))
    monkeypatch.setattr(module, "_peak", lambda *_: Peak(1, 0))
    module._peak_or_none(
        PeakMemoryParams(model="vig_ti", batch=1, device="cuda"), torch.device("cuda")
    )
    assert done == ["collect", "empty", "reset"]


def test_a_card_is_nothing_that_a_cpu_can_be_held_to():
    given = {"model": "vig_ti", "batch": 1, "device": "cpu", "card_gib": 48.0}
    with pytest.raises(ReproductionError, match="want a device with a card for card_gib, got cpu"):
        parse_params("peak_memory", given)
