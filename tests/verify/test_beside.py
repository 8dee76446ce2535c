"""Two workers side by side: the same answers as one, from both ends, whatever becomes of either."""

import os
import signal

import psutil
import pytest

from reproductions.catalog import (
    ArchitectureParams,
    MultiplyAccumulatesParams,
    ParameterCountParams,
)
from reproductions.contract import SPECS
from verify import beside
from verify.beside import measured_beside
from verify.child import Worker
from verify.need import Need
from verify.plan import Job, together


def job(reproduction, params):
    return Job(Need(reproduction, params), (), "missing", 1.0)


def counts(*models):
    return [job("parameter_count", ParameterCountParams(model=model)) for model in models]


MODELS = ("vig_ti", "resnet18", "mobilevig_ti", "pvt_tiny")
LARGE = job("architecture", ArchitectureParams(model="mobilevig_ti"))


@pytest.fixture
def worker(monkeypatch):
    monkeypatch.setattr(beside, "_WORTH_A_FORK", 2)
    monkeypatch.setattr(beside, "processors", lambda: 2)
    worker = Worker("cpu", [], [])
    yield worker
    worker.close()


def measured(jobs, worker):
    told = []
    found = {
        str(done.need): outcome.body for done, outcome in measured_beside(jobs, worker, told.append)
    }
    return told, found


def test_two_measure_what_one_measures(worker, monkeypatch):
    jobs = [*counts(*MODELS), LARGE]
    told, found = measured(jobs, worker)
    assert worker.other is not None
    assert told[:2] == [LARGE, jobs[3]], "from both ends, the largest first"
    assert sorted(map(str, told)) == sorted(map(str, jobs))
    monkeypatch.setattr(beside, "processors", lambda: 1)
    alone = Worker("cpu", [], [])
    _, wanted = measured(jobs, alone)
    alone.close()
    assert alone.other is None
    assert {name: body["measurement"] for name, body in found.items()} == {
        name: body["measurement"] for name, body in wanted.items()
    }


def test_the_second_is_kept_for_the_next_list_and_ends_with_the_first(worker):
    measured(counts(*MODELS), worker)
    pids = [worker.process.pid, worker.other.process.pid]
    measured(counts(*MODELS), worker)
    assert [worker.process.pid, worker.other.process.pid] == pids
    worker.close()
    assert worker.other is None
    for pid in pids:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("which", ["first", "second"])
def test_one_that_is_killed_costs_its_own_measurement_and_no_other(worker, which):
    jobs = [*counts(*MODELS), LARGE]
    outcomes = {}
    for done, outcome in measured_beside(jobs, worker, lambda _: None):
        if not outcomes:
            lane = worker if which == "first" else worker.other
            os.kill(lane.process.pid, signal.SIGKILL)
        outcomes[str(done.need)] = outcome.body["outcome"]
    assert len(outcomes) == len(jobs)
    assert list(outcomes.values()).count("error") <= 1
    assert measured(jobs, worker)[1].keys() == outcomes.keys(), "and the next list is measured"


def test_who_wants_no_more_ends_both(worker):
    found = measured_beside([*counts(*MODELS), LARGE], worker, lambda _: None)
    next(found)
    pids = [worker.process.pid, worker.other.process.pid]
    found.close()
    worker.close()
    for pid in pids:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_few_are_not_worth_a_second(worker, monkeypatch):
    monkeypatch.setattr(beside, "_WORTH_A_FORK", len(MODELS) + 1)
    _, found = measured(counts(*MODELS), worker)
    assert len(found) == len(MODELS)
    assert worker.other is None


def test_what_is_timed_or_metered_runs_alone():
    [one] = counts("vig_ti")
    assert [len(group) for group in together([one, LARGE])] == [2]
    assert {name for name, spec in SPECS.items() if spec.beside} == {
        "architecture",
        "multiply_accumulates",
        "network_size",
        "parameter_count",
        "update_rule",
    }


def test_what_is_drawn_is_known_before_it_is_built():
    assert ParameterCountParams(model="vig_ti").drawn() == 0
    assert ArchitectureParams(model="vig_ti").drawn() == 7.2
    assert ArchitectureParams(model="resnet18").drawn() == 0
    assert MultiplyAccumulatesParams(model="pvihgnn_b").drawn() == 93.5
    assert MultiplyAccumulatesParams(model="vig_ti").drawn() == 0
