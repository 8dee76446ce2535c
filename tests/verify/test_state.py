"""The state: the latest outcome of every measurement, over all ledgers, and what is stale."""

import shutil
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from reproductions.contract import SPECS
from verify import state as module
from verify.errors import VerifyError
from verify.ledger import Ledger
from verify.state import State, current_digests, outdated, package_roots, state_of

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured
L = "toyvig.toy_count.toyold_l"


def need_of(project, id_=L):
    return project.needs[id_][0]


def test_what_was_measured_is_stored_under_the_key_of_its_need(measured):
    project = measured.project()
    stored = state_of(project).stored[need_of(project).key]
    event = measured.events("measured")[-1]
    assert (stored.outcome, stored.stale, stored.event) == ("ok", False, event.sha256)
    assert stored.machine == measured.ledger.parent.name
    assert stored.measurement.values["all"].value == 160.2


def test_a_changed_protocol_alone_is_outdated(measured, monkeypatch):
    project = measured.project()
    digests = current_digests(project, need_of(project))
    assert outdated(project, need_of(project), digests) == []
    monkeypatch.setitem(SPECS, "toy_count", replace(SPECS["toy_count"], protocol=2))
    assert outdated(project, need_of(project), digests) == ["protocol"]
    assert state_of(project).stored[need_of(project).key].stale


def test_a_changed_package_alone_is_outdated(measured, monkeypatch):
    project = measured.project()
    need = need_of(project, "toyvig.toy_count.toyvig_ti")
    digests = current_digests(project, need)
    monkeypatch.setattr(module, "package_version", lambda name: "0.0.0")
    assert outdated(project, need, digests) == ["packages"]
    assert outdated(project, need_of(project), current_digests(project, need_of(project))) == []


def test_a_package_that_is_not_here_is_not_compared(measured, monkeypatch):
    project = measured.project()
    need = need_of(project, "toyvig.toy_count.toyvig_ti")
    digests = current_digests(project, need)
    assert digests["packages"]
    monkeypatch.setattr(module, "package_version", lambda name: None)
    assert outdated(project, need, digests) == []
    absent = current_digests(project, need)
    monkeypatch.undo()
    assert outdated(project, need, absent) == ["packages"]


def test_a_measurement_without_digests_is_outdated_in_all(measured):
    project = measured.project()
    assert outdated(project, need_of(project), {}) == ["code", "packages", "protocol"]


def test_of_two_current_outcomes_the_later_one_counts(measured):
    body = measured.events("measured")[-1]
    later = _measured_again(measured, body, value=170.0)
    project = measured.project()
    assert state_of(project).stored[need_of(project).key].event == later.sha256


def test_a_current_outcome_counts_more_than_a_later_stale_one(measured):
    event = measured.events("measured")[-1]
    _measured_again(measured, event, value=170.0, digests={})
    project = measured.project()
    assert state_of(project).stored[need_of(project).key].event == event.sha256


def test_an_outcome_counts_more_than_a_later_error(measured):
    event = measured.events("measured")[-1]
    error = {"outcome": "error", "reason": "broken", "measurement": None}
    _append(measured, {**event.body, **error}, event.digests)
    project = measured.project()
    assert state_of(project).stored[need_of(project).key].event == event.sha256


def test_a_current_error_counts_more_than_a_stale_outcome(measured):
    measured.edit("toy_old.py", "160.2", "161.7")
    measured.trouble(toyold_l="raise")
    assert measured.verify("all").code == 3
    assert measured.verdicts()[L] == "error"


def test_ledgers_of_several_machines_are_read_side_by_side(measured):
    head = state_of(measured.project()).head
    measured_on = measured.ledger.parent.name
    other = measured.root / "results" / "toyputer"
    other.mkdir()
    shutil.copy(measured.ledger, other)
    project = measured.project()
    found = state_of(project)
    assert set(found.ledgers) == {measured_on, "toyputer"}
    assert found.head not in {None, head}
    assert found.stored[need_of(project).key].machine == "toyputer"


def test_events_come_in_the_order_of_time_and_never_against_the_order_of_a_ledger(measured):
    event = measured.events("judged")[0]
    late, early = replace(event, time="2030-01-01", seq=1), replace(event, time="2001-01-01", seq=2)
    middle = replace(event, time="2020-01-01", seq=0)
    found = State({"a": [late, early], "b": [middle]}, {})
    assert [e.time[:4] for e in found.events("judged")] == ["2020", "2030", "2001"]


def test_a_project_without_results_has_no_head_and_no_outcomes(toy):
    found = state_of(toy.project())
    assert (found.head, dict(found.stored)) == (None, {})


def test_a_measurement_nobody_needs_any_more_is_passed_over(measured):
    event = measured.events("measured")[-1]
    _append(measured, {**event.body, "key": 64 * "0"}, event.digests)
    project = measured.project()
    assert 64 * "0" not in state_of(project).stored


def test_a_module_that_is_not_there_is_refused_by_name():
    with pytest.raises(VerifyError, match="module 'toy_nowhere': want it importable, found none"):
        package_roots(("toy_nowhere.part",))


def _measured_again(toy, event, *, value, digests=None):
    quantity = {"value": value, "low": value, "high": value, "unit": "Mparam"}
    body = {**event.body, "measurement": {"values": {"all": quantity}}}
    return _append(toy, body, event.digests if digests is None else digests)


def _append(toy, body, digests):
    return Ledger(toy.ledger.parent).append("measured", body, digests=digests, environment={})
