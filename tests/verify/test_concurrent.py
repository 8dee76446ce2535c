"""Two runs at once: one chain, every verdict, nothing measured twice."""

from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from verify.plan import make_plan
from verify.recorder import Recorder
from verify.state import state_of

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured


def both(first, second):
    return harness.finished(first), harness.finished(second)


def test_two_runs_share_the_measurements_and_record_each_verdict_once(toy, measured):
    for result in both(toy.start("all"), toy.start("all")):
        assert result.code == 0, result.err
    assert toy.verify("ledger", "check").code == 0
    assert toy.once()
    assert Counter(toy.log()) == Counter(harness.MODELS)
    assert toy.claims() == measured.claims()
    judged = Counter(event.body["claim"] for event in toy.events("judged"))
    assert judged == dict.fromkeys(measured.claims(), 1)


def test_a_run_that_meets_a_measurement_in_progress_waits_for_it_and_takes_it_over(toy):
    toy.hold("toyvig_s")
    first = toy.start("all")
    harness.wait_until(lambda: "toyvig_s" in toy.log(), "the third measurement has begun")
    second = toy.start("run", "toyvig.toy_count.toyvig_s")
    harness.wait_until(lambda: len(toy.events("run_started")) == 2, "the second run has begun")
    toy.release()
    for result in both(first, second):
        assert result.code == 0, result.err
    assert toy.once()


@pytest.fixture
def planned(toy):
    """A run that has planned one measurement but not begun, and that measurement."""
    project = toy.project()
    state = state_of(project)
    (job,) = make_plan(project, state.stored, ["toynotes.toy_count.toymlp_ti"]).jobs
    return Recorder(project, state), job


def test_a_measurement_recorded_between_planning_and_starting_is_not_repeated(toy, planned):
    recorder, job = planned
    toy.verify("run", "toynotes.*")
    recorder.start([job], fresh=False)
    assert recorder.measured_meanwhile(job)


def test_an_error_of_another_run_does_not_stand_for_a_measurement(toy, planned):
    recorder, job = planned
    toy.trouble(toymlp_ti="raise")
    toy.verify("run", "toynotes.*")
    recorder.start([job], fresh=False)
    assert not recorder.measured_meanwhile(job)


def test_a_measurement_of_other_code_does_not_stand_for_one_of_ours(toy, planned):
    recorder, job = planned
    recorder.start([job], fresh=False)
    toy.edit("toy_counts.py", "SLEEP_S = 0.01", "SLEEP_S = 0.02")
    toy.verify("run", "toynotes.*")
    assert toy.measured() == ["toymlp_ti"]
    assert not recorder.measured_meanwhile(job)


def test_two_projects_measure_independently(toy, measured):
    measured.edit("toy_old.py", "160.2", "161.7")
    for result in both(toy.start("all"), measured.start("all")):
        assert result.code == 0, result.err
    assert toy.once()
    assert measured.log() == ["toyold_l"]
