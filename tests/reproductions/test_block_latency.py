"""Time with and without graphs at high resolution, with a clock that is set by hand."""

from itertools import count

import pytest

from reproductions import block_latency as module
from reproductions.catalog import BlockLatencyParams
from reproductions.contract import NotMeasurableError
from vig_models import create_model


@pytest.fixture(autouse=True)
def small(monkeypatch):
    def build(name, *, implementation, graph_depths):
        return create_model(
            name, implementation=implementation, graph_depths=graph_depths, local_depths=(0,) * 4
        )

    monkeypatch.setattr(module, "create_model", build)


def measure(model="mobilevigv2_ti", **params):
    given = {"batch": 1, "image_size": 64, "device": "cpu", "rounds": 5, **params}
    return module.block_latency(BlockLatencyParams(model=model, **given), "cpu")


def test_the_middle_of_the_timed_passes_is_told_and_both_run_in_turn(monkeypatch):
    ran = []
    readings = count(1)

    def passed(model, images):
        ran.append(module._graph_blocks(model))
        return float(next(readings))

    monkeypatch.setattr(module, "_pass", passed)
    found = measure()
    assert ran == [6, 2] * 7
    assert found.samples == {
        "all_stages": [5.0, 7.0, 9.0, 11.0, 13.0],
        "last_stage": [6.0, 8.0, 10.0, 12.0, 14.0],
    }
    one = found.values["all_stages"]
    assert (one.low, one.value, one.high, one.level) == (5.0, 9.0, 13.0, 2.0**-4)
    assert found.facts["graph_blocks"] == {"all_stages": 6, "last_stage": 2}


def test_blocks_that_take_longer_show(monkeypatch):
    monkeypatch.setattr(module, "_pass", lambda model, _: 2.0 * module._graph_blocks(model))
    values = measure().values
    assert (values["all_stages"].value, values["last_stage"].value) == (12.0, 4.0)


def test_a_pass_is_timed_in_milliseconds(monkeypatch):
    clock = iter((1.0, 1.25))
    monkeypatch.setattr(module, "seconds", lambda _: next(clock))
    model = create_model("mobilevigv2_ti", graph_depths=(0, 0, 0, 1)).eval()
    assert module._pass(model, module.torch.rand(1, 3, 32, 32)) == 250.0


def test_a_gpu_that_is_not_there_is_an_obstacle():
    with pytest.raises(NotMeasurableError, match="block_latency: wants a CUDA device, found"):
        measure(device="cuda")


@pytest.mark.parametrize("model", ["vig_ti", "mobilevig_ti", "resnet50"])
def test_a_model_without_such_stages_is_an_obstacle(model):
    with pytest.raises(NotMeasurableError, match="ask for a variant of mobilevigv2 or greedyvig"):
        measure(model)
