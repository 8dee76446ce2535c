"""The worker seen by its parent: whatever a reproduction does is an outcome, never a crash."""

import os
import re
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from reproductions.contract import SPECS
from verify import child
from verify.child import Worker

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured


@pytest.fixture
def project(toy):
    return toy.project()


@pytest.fixture
def worker(project):
    worker = Worker("cpu", ["toy_counts"], [project.root])
    yield worker
    worker.close()


@pytest.fixture
def needs(project):
    return {need.params.model: need for needs in project.needs.values() for need in needs}


@pytest.fixture
def limit(project, monkeypatch):
    def set_limits(**limits):
        monkeypatch.setattr(child, "_END_LIMIT_S", 0.2)
        monkeypatch.setitem(SPECS, "toy_count", replace(SPECS["toy_count"], **limits))

    return set_limits


def test_a_measurement_comes_with_its_duration_and_the_environment_of_its_worker(worker, needs):
    outcome = worker.measure(needs["toyvig_ti"])
    assert outcome.body["outcome"] == "ok"
    assert outcome.body["measurement"]["values"]["trainable"]["value"] == 7.1
    assert outcome.body["duration_s"] >= 0
    assert outcome.body["peak_rss_bytes"] > 0
    assert outcome.worker["device"] == "cpu"


def test_one_worker_serves_all_requests(worker, needs, toy):
    for model in harness.MODELS:
        assert worker.measure(needs[model]).body["outcome"] == "ok"
    assert toy.pids() == [worker.process.pid]


def test_prints_of_a_reproduction_do_not_corrupt_its_answer(worker, needs, toy):
    toy.trouble(toyvig_ti="chat")
    assert worker.measure(needs["toyvig_ti"]).body["outcome"] == "ok"
    assert worker.measure(needs["toyvig_s"]).body["measurement"]["values"]["all"]["value"] == 22.46


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        pytest.param(
            ("leave", {}), r"ended \(exit status 3\); it said last: out of toys", id="exits"
        ),
        pytest.param(("kill", {}), r"ended \(killed by signal 9, Killed", id="is killed"),
        pytest.param(
            ("sleep", {"time_limit_s": 0.3}), "no answer within the limit of 0.3 s", id="hangs"
        ),
        pytest.param(
            ("allocate", {"memory_limit_gib": 0.25}),
            "resident memory passed the limit of 0.25 GiB",
            id="outgrows its limit",
        ),
        pytest.param(("fall silent", {}), "its pipes closed, still running", id="closes its pipes"),
        pytest.param(("forge", {}), r"answered \{.*\}, which was not asked", id="answers unasked"),
        pytest.param(("stammer", {}), r"ended \(exit status 3\)", id="ends within an answer"),
    ],
)
def test_a_worker_that_goes_wrong_makes_an_error_and_is_replaced(
    worker, needs, toy, limit, case, reason
):
    kind, limits = case
    limit(**limits)
    toy.trouble(toyvig_ti=kind)
    outcome = worker.measure(needs["toyvig_ti"])
    assert (outcome.body["outcome"], outcome.body["exception"]) == ("error", "WorkerEnded")
    assert outcome.body["reason"] == f"WorkerEnded: {outcome.body['message']}"
    assert re.search(reason, outcome.body["message"])
    (failed,) = toy.pids()
    assert harness.gone(failed)
    assert worker.measure(needs["toyvig_s"]).body["outcome"] == "ok"
    assert worker.process.pid != failed


def test_a_worker_stands_in_a_session_of_its_own(worker, needs):
    # Ctrl-C at a terminal goes to a whole session; the parent alone is to hear it.
    worker.measure(needs["toyvig_ti"])
    assert os.getsid(worker.process.pid) == worker.process.pid


def test_an_exception_keeps_the_worker(worker, needs, toy):
    toy.trouble(toyvig_ti="raise")
    outcome = worker.measure(needs["toyvig_ti"])
    assert outcome.body["reason"] == "RuntimeError: the toy is broken"
    pid = worker.process.pid
    assert worker.measure(needs["toyvig_s"]).body["outcome"] == "ok"
    assert worker.process.pid == pid


def test_a_worker_killed_between_requests_is_replaced_without_an_error(worker, needs):
    worker.measure(needs["toyvig_ti"])
    killed = worker.process
    killed.kill()
    killed.wait()
    assert worker.measure(needs["toyvig_s"]).body["outcome"] == "ok"
    assert worker.process.pid != killed.pid


def test_a_worker_that_cannot_start_makes_an_error_with_its_last_words(worker, needs):
    worker.command = ["sh", "-c", "echo no python here >&2; exit 7"]
    outcome = worker.measure(needs["toyvig_ti"])
    assert outcome.body["outcome"] == "error"
    assert outcome.body["message"].endswith("(exit status 7); it said last: no python here")
    assert outcome.worker is None


def test_closing_ends_the_child_and_may_be_repeated(worker, needs):
    worker.measure(needs["toyvig_ti"])
    pid = worker.process.pid
    worker.close()
    assert harness.gone(pid)
    worker.close()
