"""``verify all`` and ``verify run``: what is measured, what is written, what is left alone."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from verify import run as module
from verify import state

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured
VIGS = ["toyvig_ti", "toyvig_s", "toyvig_b"]


def test_all_measures_each_shared_measurement_once(toy):
    result = toy.verify("all")
    assert result.code == 0
    assert toy.log() == list(harness.MODELS)
    assert toy.once()


def test_a_run_is_opened_before_its_first_measurement_and_closed_after_its_last_verdict(toy):
    toy.verify("all")
    kinds = [event.type for event in toy.events()]
    assert kinds == ["run_started", *5 * ["measured"], *11 * ["judged"], "run_finished"]
    opened, closed = toy.events()[0], toy.events()[-1]
    assert opened.body["keys"] == [event.body["key"] for event in toy.events("measured")]
    assert opened.body["jobs"] == 5
    assert closed.body == {
        "started": opened.sha256,
        "measured": 5,
        "errors": 0,
        "changed": 11,
        "interrupted": False,
    }


def test_a_measured_event_says_why_it_was_taken_and_what_it_rests_on(toy):
    toy.verify("all")
    event = toy.events("measured")[1]
    assert event.body["because"] == "missing"
    assert event.body["params"] == {"model": "toyvig_ti"}
    assert event.body["measurement"]["values"]["all"]["value"] == 7.12
    assert set(event.digests) == {"code", "packages", "protocol"}
    assert set(event.digests["packages"]) == {"pyyaml"}
    assert event.environment["worker"]["device"] == "cpu"
    assert "torch" in event.environment["packages"]


def test_with_nothing_stale_nothing_is_measured_and_not_a_byte_is_written(measured):
    before = measured.files()
    result = measured.verify("all")
    assert result.code == 0
    assert measured.files() == before
    assert measured.log() == []


def test_only_what_is_missing_is_measured(toy):
    toy.verify("run", "toynotes.*")
    assert toy.log() == ["toymlp_ti"]
    toy.verify("all")
    assert toy.log() == list(harness.MODELS)
    assert toy.once()


def test_fresh_measures_all_again_and_records_what_it_supersedes(measured):
    before = measured.events("measured")
    assert measured.verify("all", "--fresh").code == 0
    after = measured.events("measured")[len(before) :]
    assert measured.log() == list(harness.MODELS)
    assert {event.body["because"] for event in after} == {"asked for afresh"}
    assert [event.body for event in measured.events("superseded")] == [
        {"old": old.sha256, "new": new.sha256} for old, new in zip(before, after, strict=True)
    ]
    assert measured.events()[-1].body["changed"] == 0


def test_run_of_one_claim_measures_its_sibling_rows_and_shows_the_claim_alone(toy):
    result = toy.verify("run", "toyvig.toy_count.toyvig_s", "--json")
    assert toy.log() == VIGS
    (claim,) = result.json["claims"]
    assert (claim["verdict"], claim["agreement"]) == ("pass", "convention:trainable")


def test_run_takes_a_glob(toy):
    toy.verify("run", "toyvig.toy_count.toyold_*")
    assert toy.log() == ["toyold_l"]


def test_run_with_a_source_measures_what_that_document_needs(toy):
    toy.verify("all", "--source", "toynotes")
    assert toy.log() == ["toymlp_ti"]


def test_a_changed_model_makes_exactly_its_own_measurement_stale(measured):
    measured.edit("toy_old.py", "160.2", "161.7")
    stale = {id_ for id_, claim in measured.claims().items() if claim["stale"]}
    assert stale == {"toyvig.toy_count.toyold_l", "toyvig.toy_count.toyold_l.table_iii"}
    measured.verify("all")
    assert measured.log() == ["toyold_l"]
    assert measured.events("measured")[-1].body["because"] == "stale"
    assert measured.claims()["toyvig.toy_count.toyold_l"]["measured"]["value"] == 161.7
    assert measured.events("superseded")[-1].body["new"] == measured.events("measured")[-1].sha256


def test_a_changed_reproduction_makes_all_its_measurements_stale(measured):
    measured.edit("toy_counts.py", "SLEEP_S = 0.01", "SLEEP_S = 0.02")
    measured.verify("all")
    assert measured.log() == list(harness.MODELS)


def test_a_changed_comment_makes_nothing_stale(measured):
    measured.edit("toy_counts.py", "SLEEP_S = 0.01", "SLEEP_S = 0.01  # seconds")
    before = measured.bytes()
    measured.verify("all")
    assert measured.bytes() == before


def test_a_changed_package_version_makes_the_models_it_supplies_stale(measured, monkeypatch):
    monkeypatch.setattr(state, "package_version", lambda name: "0.0.0")
    measured.verify("all")
    assert measured.log() == VIGS


def test_code_that_changes_while_it_is_measured_leaves_the_measurement_stale(toy):
    toy.trouble(toymlp_ti="edit")
    toy.verify("run", "toynotes.*")
    assert toy.claims()["toynotes.toy_count.toymlp_ti"]["stale"]
    toy.trouble()
    toy.verify("run", "toynotes.*")
    claim = toy.claims()["toynotes.toy_count.toymlp_ti"]
    assert (claim["stale"], claim["measured"]["value"]) == (False, 9.9)


def test_an_edited_claim_is_judged_again_without_measuring(measured):
    measured.edit("claims/toyvig.yaml", 'printed: "5.0"', 'printed: "6.0"')
    before = len(measured.events())
    assert measured.verify("all").code == 0
    assert measured.log() == []
    opened, judged, closed = measured.events()[before:]
    assert (opened.type, judged.type, closed.type) == ("run_started", "judged", "run_finished")
    assert judged.body["claim"] == "toyvig.toy_count.toymlp_ti"
    assert judged.body["verdict"]["verdict"] == "fail"


def test_a_reworded_claim_needs_no_new_verdict(measured):
    measured.edit("claims/toynotes.yaml", "The smallest ToyMLP", "ToyMLP-Ti")
    measured.edit("claims/toyvig.yaml", "fun is not measured", "fun has no unit")
    before = measured.bytes()
    measured.verify("all")
    assert measured.bytes() == before


def test_an_exception_becomes_an_error_and_the_other_claims_are_measured(toy):
    toy.trouble(toyvig_s="raise")
    result = toy.verify("all", "--json")
    assert result.code == 3
    assert toy.measured() == list(harness.MODELS)
    event = toy.events("measured")[2]
    assert (event.body["outcome"], event.body["exception"]) == ("error", "RuntimeError")
    assert "the toy is broken" in event.body["traceback"]
    assert "Traceback" in event.body["traceback"]
    claims = {claim["id"]: claim for claim in result.json["claims"]}
    assert claims["toyvig.toy_count.toyvig_s"]["verdict"] == "error"
    assert "RuntimeError: the toy is broken" in claims["toyvig.toy_count.toyvig_s"]["detail"]
    assert claims["toyvig.toy_count.toyvig_ti"]["verdict"] == "pass"
    assert toy.events("run_finished")[-1].body["errors"] == 1


def test_an_error_is_tried_again_next_time_and_the_claim_then_judged(toy, measured):
    toy.trouble(toyvig_s="raise")
    toy.verify("all")
    toy.trouble()
    assert toy.verify("all").code == 0
    assert toy.log() == [*harness.MODELS, "toyvig_s"]
    assert toy.events("measured")[-1].body["because"] == "an error before"
    assert toy.events("superseded") == []
    assert toy.verdicts() == measured.verdicts()


def test_an_error_does_not_displace_a_measurement_that_still_holds(measured):
    measured.trouble(toyvig_ti="raise")
    measured.verify("run", "toyvig.toy_count.toyvig_ti", "--fresh")
    assert measured.verdicts()["toyvig.toy_count.toyvig_ti"] == "pass"


def test_a_known_obstacle_blocks_with_its_reason_and_is_no_error(toy):
    toy.trouble(toyold_l="block")
    assert toy.verify("all").code == 0
    claim = toy.claims()["toyvig.toy_count.toyold_l"]
    assert (claim["verdict"], claim["reason"]) == ("blocked", "not_measurable")
    assert claim["detail"] == "wants the toy weights, found none; buy a toy"


def test_check_writes_nothing_and_finds_nothing_where_all_is_current(measured):
    before = measured.files()
    for arguments in (["all", "--check"], ["all", "--check", "--fresh"]):
        result = measured.verify(*arguments)
        assert (result.code, result.out) == (0, "")
    assert measured.files() == before
    assert measured.log() == list(harness.MODELS)  # by --fresh alone


def test_check_in_a_project_never_run_names_every_change_and_writes_nothing(toy):
    result = toy.verify("all", "--check", "--json")
    assert result.code == 1
    assert len(result.json["verdict_would_change"]) == 11
    assert result.json["measurement_would_change"][0] == "toy_count of toymlp_ti"
    assert "results/README.md" in result.json["page_would_change"]
    assert not (toy.root / "results").exists()


def test_check_finds_a_value_that_no_verdict_shows(measured):
    measured.edit("toy_old.py", "150.0", "149.0")
    result = measured.verify("all", "--check")
    assert result.code == 1
    assert "measurement would change: toy_count of toyold_l" in result.out


def test_check_finds_a_verdict_that_a_changed_model_would_turn(measured):
    measured.edit("toy_old.py", "160.2", "161.7")
    result = measured.verify("all", "--check", "--json")
    assert "toyvig.toy_count.toyold_l.table_iii" in result.json["verdict_would_change"]
    assert result.json["measurement_would_change"] == ["toy_count of toyold_l"]


def test_check_finds_an_edited_claim(measured):
    measured.edit("claims/toyvig.yaml", 'printed: "5.0"', 'printed: "6.0"')
    result = measured.verify("all", "--check")
    assert result.code == 1
    assert "verdict would change: toyvig.toy_count.toymlp_ti" in result.out


def test_check_finds_a_changed_page(measured):
    (measured.root / "results/README.md").write_text("all is well\n")
    result = measured.verify("all", "--check")
    assert (result.code, result.out) == (1, "page would change: results/README.md\n")


def test_check_that_cannot_measure_says_so_and_is_an_error(measured):
    measured.trouble(toyvig_b="raise")
    before = measured.files()
    result = measured.verify("all", "--check", "--fresh")
    assert result.code == 3
    assert "could not measure: toy_count of toyvig_b: RuntimeError" in result.out
    assert measured.files() == before


def test_dry_run_shows_the_plan_and_writes_nothing(toy):
    result = toy.verify("all", "--dry-run")
    assert result.code == 0
    assert "measure toy_count of toyvig_ti (missing, about 0.0 s)" in result.out
    assert "blocked toyvig.toy_count.toyvig_h: no model named toyvig_h yet" in result.out
    assert not (toy.root / "results").exists()
    assert toy.log() == []


def test_judging_again_records_only_changed_verdicts(measured):
    before = measured.bytes()
    assert measured.verify("judge").code == 0
    assert measured.bytes() == before
    measured.edit("claims/toyvig.yaml", 'printed: "5.0"', 'printed: "6.0"')
    measured.verify("judge", "--dry-run")
    assert measured.bytes() == before
    result = measured.verify("judge")
    assert "1 changed verdicts recorded" in result.out
    assert measured.events("judged")[-1].body["verdict"]["verdict"] == "fail"
    assert measured.log() == []


def test_a_verdict_judged_earlier_by_the_clock_but_later_in_the_ledger_counts(measured):
    # Clocks are set back; were time to decide, each run would record the verdict again.
    last = measured.events("judged")[-1]
    text = json.dumps({**last.body["verdict"], "verdict": "fail"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("verify.ledger.datetime", _Past)
        measured.append("judged", {**last.body, "verdict": json.loads(text)})
    project = measured.project()
    found = state.state_of(project)
    assert list(found.events("judged"))[-1].body["verdict"]["verdict"] == "fail"
    assert list(module.changed_now(project)) == [last.body["claim"]]


class _Past:
    @staticmethod
    def now(zone):
        from datetime import datetime  # noqa: PLC0415

        return datetime(2001, 1, 1, tzinfo=zone)
