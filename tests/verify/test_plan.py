"""The plan: what is measured, why, for which claims, and what cannot be."""

from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from verify.load import load
from verify.plan import Machine, make_plan, wants_more, with_siblings
from verify.state import state_of
from verify.stored import Stored
from verify.verdict import OffBy, Verdict

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured
S, TI, B = (f"toyvig.toy_count.toyvig_{size}" for size in ("s", "ti", "b"))
L = "toyvig.toy_count.toyold_l"


@pytest.fixture
def project(toy):
    return toy.project()


def key(project, id_):
    return project.needs[id_][0].key


def outcome(word, *, stale=False, duration_s=3.0):
    return Stored(word, None, "", stale, "", "", duration_s)


def models(plan):
    return [job.need.params.model for job in plan.jobs]


def test_claims_that_need_the_same_measurement_share_one_job(project):
    plan = make_plan(project, {}, list(project.claims))
    assert models(plan) == list(harness.MODELS)
    shared = {job.need.params.model: job.claims for job in plan.jobs}
    assert shared["toymlp_ti"] == (
        "toynotes.toy_count.toymlp_ti",
        "toyvig.toy_count.toymlp_ti",
    )
    assert shared["toyold_l"] == (L, f"{L}.table_iii")


@pytest.mark.parametrize(
    ("stored", "because"),
    [
        pytest.param(None, "missing", id="nothing stored"),
        pytest.param(outcome("error"), "an error before", id="error"),
        pytest.param(outcome("ok", stale=True), "stale", id="stale"),
        pytest.param(outcome("blocked", stale=True), "stale", id="blocked and stale"),
        pytest.param(outcome("ok"), None, id="current"),
        pytest.param(outcome("blocked"), None, id="blocked"),
    ],
)
def test_a_job_says_why_it_is_taken(project, stored, because):
    known = {key(project, L): stored} if stored else {}
    assert [job.because for job in make_plan(project, known, [L]).jobs] == [because] * bool(because)


def test_what_was_only_blocked_on_another_machine_is_tried_on_this_one(project):
    blocked = {key(project, L): outcome("blocked")}
    here = blocked[key(project, L)].machine
    plan = make_plan(project, blocked, [L], machine=Machine(here, has_gpu=False))
    assert plan.jobs == ()
    assert plan.blocked == dict.fromkeys([L, f"{L}.table_iii"], blocked[key(project, L)].reason)
    plan = make_plan(project, blocked, [L], machine=Machine("h200", has_gpu=True))
    assert [job.because for job in plan.jobs] == [f"blocked on {here}"]
    assert plan.blocked == {}


@pytest.mark.parametrize(
    ("reason", "asked"),
    [
        ("wants weights toy (a toy), found none; run `verify fetch toy`", ["toy"]),
        ("wants the data set toy (x), found none; run `verify fetch toy --from FILE`", ["toy"]),
        ("wants 2 classes, found 1", []),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_what_waited_for_weights_is_tried_once_they_are_there(project, reason, asked, there):
    seen = []
    blocked = {key(project, L): replace(outcome("blocked"), reason=reason)}
    here = blocked[key(project, L)].machine
    machine = Machine(here, has_gpu=False, has_fetched=lambda name: seen.append(name) or there)
    jobs = make_plan(project, blocked, [L], machine=machine).jobs
    wanted = ["toy was fetched since"] if asked and there else []
    assert ([job.because for job in jobs], seen) == (wanted, asked)


def test_a_gpu_gets_its_work_first_speeds_by_batch_then_memory_then_what_no_claim_needs():
    project = load(Path(__file__).parents[2])
    jobs = make_plan(project, {}, list(project.claims), machine=Machine("h200", has_gpu=True)).jobs
    wants_gpu = [job.need.params.wants_cuda() for job in jobs]
    assert wants_gpu == sorted(wants_gpu, reverse=True)
    on_gpu = jobs[: sum(wants_gpu)]
    is_claimed = [bool(job.claims) for job in on_gpu]
    assert is_claimed == sorted(is_claimed, reverse=True)
    claimed, beside = on_gpu[: sum(is_claimed)], on_gpu[sum(is_claimed) :]
    named = [job.need.reproduction for job in claimed]
    assert named == sorted(named, key=lambda name: name != "throughput")
    assert {"peak_memory", "training_memory"} < set(named)
    batches = [job.need.params.batch for job in claimed if job.need.reproduction == "throughput"]
    assert batches == sorted(batches)
    assert {job.need.params.implementation for job in beside} == {"published", "fast"}
    rest = [job for job in jobs if not job.need.params.wants_cuda()]
    assert rest == list(
        make_plan(project, {}, list(project.claims), machine=Machine("x", False)).jobs
    )


def test_fresh_takes_what_is_current_too(project):
    plan = make_plan(project, {key(project, L): outcome("ok")}, [L], fresh=True)
    assert [job.because for job in plan.jobs] == ["asked for afresh"]


def test_a_claim_whose_model_is_not_written_is_blocked_and_never_a_job(project):
    plan = make_plan(project, {}, ["toyvig.toy_count.toyvig_h"])
    assert plan.blocked == {"toyvig.toy_count.toyvig_h": "no model named toyvig_h yet"}
    assert "toyvig_h" not in models(plan)


def test_siblings_are_the_rows_of_the_same_family_in_the_same_document(project):
    assert with_siblings(project, [S]) == [TI, S, B]
    assert with_siblings(project, ["toyvig.statement.fast"]) == ["toyvig.statement.fast"]


def test_the_estimate_is_the_last_duration_else_the_median_of_others_else_the_declared_cost(
    project,
):
    (job,) = make_plan(project, {}, [L]).jobs
    assert job.estimate_s == job.need.spec.cost_s
    others = {str(n): outcome("ok", duration_s=s) for n, s in enumerate((2.0, 5.0, 9.0))}
    (job,) = make_plan(project, others, [L]).jobs
    assert job.estimate_s == 5.0
    own = {**others, key(project, L): outcome("ok", stale=True, duration_s=7.0)}
    plan = make_plan(project, own, [L])
    assert plan.estimate_s == plan.jobs[0].estimate_s == 7.0


@pytest.mark.parametrize(("there", "costs"), [(True, True), (False, False)])
def test_what_waits_for_weights_is_said_at_once(there, costs):
    project = load(Path(__file__).parents[2])
    machine = Machine("x", has_gpu=False, has_fetched=lambda _: there)
    jobs = make_plan(project, {}, list(project.claims), machine=machine).jobs
    reading = [job for job in jobs if job.need.params.artifacts()]
    assert len(reading) > 10
    assert all((job.estimate_s > 0) is costs for job in reading)
    assert all(job.estimate_s > 0 for job in jobs if job not in reading)


def test_a_failed_duration_estimates_nothing(project):
    stored = {key(project, L): outcome("error", duration_s=900.0)}
    (job,) = make_plan(project, stored, [L]).jobs
    assert job.estimate_s == job.need.spec.cost_s


def test_the_plan_in_json_names_jobs_blocked_claims_and_time(project):
    plan = make_plan(project, {}, [L, "toyvig.toy_count.toyvig_h"])
    found = plan.as_json()
    assert found["jobs"][-1] == {
        "reproduction": "toy_count",
        "params": {"model": "toyold_l"},
        "claims": [L, f"{L}.table_iii"],
        "because": "missing",
        "estimate_s": 0.01,
    }
    assert found["blocked"] == dict(plan.blocked)
    assert found["estimate_s"] == plan.estimate_s


def test_a_plan_may_be_held_to_some_measurements(project):
    plan = make_plan(project, {}, list(project.claims))
    first = plan.jobs[0].need.key
    assert [job.need.key for job in plan.among({first, "no such key"}).jobs] == [first]
    assert plan.among({}).jobs == ()


def test_a_project_measured_completely_plans_nothing(measured):
    project = measured.project()
    plan = make_plan(project, state_of(project).stored, list(project.claims))
    assert plan.jobs == ()
    assert plan.blocked == {"toyvig.toy_count.toyvig_h": "no model named toyvig_h yet"}


def test_a_stored_outcome_that_turns_stale_is_planned_again(measured):
    project = measured.project()
    stored = dict(state_of(project).stored)
    stored[key(project, L)] = replace(stored[key(project, L)], stale=True)
    assert models(make_plan(project, stored, list(project.claims))) == ["toyold_l"]


@pytest.mark.parametrize(
    ("word", "relative", "wanted"),
    [
        pytest.param("fail", -0.01, True, id="print above"),
        pytest.param("inconclusive", -0.01, True, id="undecided, print above"),
        pytest.param("fail", 0.01, False, id="print below"),
        pytest.param("fail", 0.0, False, id="print met"),
        pytest.param("fail", None, False, id="print of zero"),
        pytest.param("pass", -0.01, False, id="holds"),
        pytest.param("blocked", -0.01, False, id="blocked"),
    ],
)
def test_only_a_print_above_what_was_measured_wants_larger_params_tried(word, relative, wanted):
    verdict = Verdict(verdict=word, reason="outside_region", detail="", off_by=OffBy(0, relative))
    assert wants_more(verdict) is wanted


def test_a_miss_without_a_distance_wants_nothing_tried():
    assert not wants_more(Verdict(verdict="fail", reason="not_equal", detail=""))
