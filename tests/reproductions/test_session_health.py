"""Whether a machine was fit for a timing session: exactly on, inside and outside each limit."""

import pytest

from reproductions.contract import Measurement, Quantity
from reproductions.session_health import fitness

QUIET = {"available": True, "readings": 50, "readings_slowed_by": {}, "other_processes": 0}


def anchors(**figures):
    return Measurement(values={k: Quantity.exact(v, "TFLOP/s") for k, v in figures.items()})


def judged(watched=None, closing=1.0, *, is_gpu=True):
    watched = {**QUIET, "most_processes": 1, "lost": None, **(watched or {})}
    return fitness(anchors(matmul=1.0), anchors(matmul=closing), watched, is_gpu=is_gpu)


@pytest.mark.parametrize(
    ("closing", "fit"),
    [(1.0, True), (1.03, True), (0.97, True), (1.0301, False), (0.9699, False)],
)
def test_anchors_may_drift_by_3_percent(closing, fit):
    assert (judged(closing=closing).unfit == ()) is fit


def test_a_drift_is_told_with_its_numbers():
    (reason,) = judged(closing=0.9).unfit
    assert reason == (
        "the anchor matmul drifted by -10.0 %, from 1 to 0.9 TFLOP/s; at most 3 % are allowed"
    )


def test_the_drift_of_a_cpu_is_a_remark():
    found = judged(closing=0.5, is_gpu=False)
    assert found.unfit == ()
    assert "drifted" in found.remarks[-1]


@pytest.mark.parametrize(
    "slowdown", ["hardware_slowdown", "thermal_software", "thermal_hardware", "power_brake"]
)
def test_one_reading_of_a_slowdown_is_enough(slowdown):
    (reason,) = judged({"readings_slowed_by": {slowdown: 1}}).unfit
    assert f"({slowdown.replace('_', ' ')}) in 1 of 50 readings" in reason


def test_a_power_cap_is_normal_and_remarked_upon():
    found = judged({"readings_slowed_by": {"power_cap": 30}})
    assert found.unfit == ()
    assert found.remarks == ("the GPU was at its power cap in 30 of 50 readings",)


@pytest.mark.parametrize(
    ("watched", "fit"),
    [
        pytest.param({"other_processes": 0}, True, id="alone"),
        pytest.param({"other_processes": 1}, False, id="one was there before"),
        pytest.param({"most_processes": 2}, True, id="the next of ours begins"),
        pytest.param({"most_processes": 3}, False, id="one of three is not ours"),
        pytest.param({"most_processes": 2, "readings_crowded": 5}, True, id="two for a second"),
        pytest.param({"most_processes": 2, "readings_crowded": 6}, False, id="two for longer"),
    ],
)
def test_another_process_on_the_gpu_makes_it_unfit(watched, fit):
    assert (judged(watched).unfit == ()) is fit


def test_a_driver_that_shows_no_process_is_remarked_upon():
    (remark,) = judged({"most_processes": 0}).remarks
    assert remark.startswith("the driver shows no process, not even ours")


def test_a_gpu_that_is_lost_makes_it_unfit():
    (reason,) = judged({"lost": "GPU is lost"}).unfit
    assert reason == "the GPU could no longer be read: GPU is lost"


def test_without_telemetry_a_session_is_fit_and_says_so():
    found = fitness(
        anchors(copy=1.0), anchors(copy=1.0), {"available": False, "because": "x"}, is_gpu=True
    )
    assert (found.unfit, found.remarks) == ((), ("no telemetry: x",))


def test_anchors_that_could_not_be_measured_make_a_gpu_unfit():
    found = fitness(None, anchors(copy=1.0), {"available": False, "because": "x"}, is_gpu=True)
    assert found.unfit == ("the anchors could not be measured before and after",)
