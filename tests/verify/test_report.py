"""The report: what programs read, and the counts every heading prints."""

import shlex
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from verify.report import Report, report_of, worst_first
from verify.verdict import WORDS
from verify.wording import summary

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured
FIELDS = {
    "id",
    "source",
    "statement",
    "scope",
    "verdict",
    "agreement",
    "reason",
    "detail",
    "printed",
    "relation",
    "unit",
    "measured",
    "fact",
    "by_key",
    "convention",
    "off_by",
    "by_default",
    "explained_by",
    "parts",
    "found_at",
    "null_model",
    "by_hand",
    "stale",
}


@pytest.fixture
def report(measured):
    return report_of(measured.project())


def entry(report, id_):
    return next(e for e in report.entries if e.claim.id == id_)


def test_json_holds_head_counts_claims_and_findings(report):
    found = report.as_json()
    assert set(found) == {"head", "counts", "claims", "findings"}
    assert found["head"] == report.head
    assert {frozenset(claim) for claim in found["claims"]} == {frozenset(FIELDS)}


def test_every_claim_stands_once_in_claim_order(report, measured):
    assert [e.claim.id for e in report.entries] == list(measured.project().claims)


def test_counts_have_every_word_and_add_up(report):
    counts = report.counts()
    assert set(WORDS) < set(counts)
    assert sum(counts[word] for word in WORDS) == counts["claims"] == 11
    assert (counts["pass"], counts["fail"], counts["inconclusive"]) == (7, 1, 1)
    assert (counts["blocked"], counts["not_checkable"], counts["error"]) == (1, 1, 0)
    assert (counts["pass_as_printed"], counts["pass_by_convention"]) == (5, 2)
    assert counts["stale"] == 0


def test_stale_verdicts_are_counted(measured):
    measured.edit("toy_old.py", "160.2", "161.7")
    assert report_of(measured.project()).counts()["stale"] == 2


def test_a_selection_is_counted_alone_and_has_all_findings(measured):
    project = measured.project()
    report = report_of(project, ["toyvig.statement.fast"])
    assert report.counts()["claims"] == report.counts()["not_checkable"] == 1
    assert [finding.kind for finding in report.findings] == ["contradiction"]


def test_a_measured_claim_shows_value_interval_keys_convention_and_distance(report):
    claim = entry(report, "toyvig.toy_count.toyvig_s").as_json()
    assert claim["measured"] == {"value": 22.31, "low": 22.31, "high": 22.31, "level": None}
    assert {key: shown["value"] for key, shown in claim["by_key"].items()} == {
        "all": 22.46,
        "trainable": 22.31,
        "convolutions": 20.1,
    }
    assert (claim["convention"], claim["off_by"]["last_digits"]) == ("trainable", 0)
    assert claim["off_by"]["relative"] == pytest.approx(22.31 / 22.3 - 1, rel=1e-12, abs=0)
    default = claim["by_default"]
    assert (default["convention"], default["measured"]) == ("all", claim["by_key"]["all"])
    assert default["off_by"]["last_digits"] == 2
    assert default["off_by"]["relative"] == pytest.approx(22.46 / 22.3 - 1, rel=1e-12, abs=0)


def test_an_unsound_counter_explains_a_failing_claim_and_does_not_pass_it(report):
    claim = entry(report, "toyvig.toy_count.toyold_l").as_json()
    assert claim["verdict"] == "fail"
    (explanation,) = claim["explained_by"]
    assert explanation["what"] == "convolutions"
    assert (explanation["value"], explanation["fit"]) == (150.0, "reproduces")


def test_a_restated_claim_names_both_places(report):
    assert entry(report, "toyvig.toy_count.toyvig_s").as_json()["found_at"] == [
        "Table II, row ToyViG-S, column Params (M)",
        "Table III, row ToyViG-S backbone, column Backbone (M)",
    ]


def test_a_claim_without_a_measurement_shows_none_and_never_zero(report):
    claim = entry(report, "toyvig.toy_count.toyvig_h").as_json()
    assert (claim["verdict"], claim["measured"], claim["off_by"]) == ("blocked", None, None)
    assert claim["by_hand"] is None
    assert (claim["printed"], claim["unit"]) == ("632", "Mparam")


def test_the_command_by_hand_gives_the_measured_number(report, measured):
    shown = entry(report, "toyvig.toy_count.toyold_l")
    python, *words = shlex.split(shown.by_hand)
    assert python == "python"
    ran = subprocess.run(
        [sys.executable, *words], cwd=measured.root, capture_output=True, text=True, check=True
    )
    assert f'"value": {shown.verdict.measured.value}' in ran.stdout


def test_a_claim_on_two_measurements_has_a_command_for_each(report):
    commands = entry(report, "toyvig.arithmetic.toyvig_s_over_toyvig_ti.measured").by_hand
    assert [line.split()[-1] for line in commands.splitlines()] == [
        '"toyvig_s"}\'',
        '"toyvig_ti"}\'',
    ]


def test_failures_are_sorted_by_relative_distance_and_those_without_come_last(report):
    ids = ["toyvig.statement.fast", "toyvig.toy_count.toyvig_ti", "toyvig.toy_count.toyold_l"]
    ordered = worst_first([entry(report, id_) for id_ in ids])
    assert [e.claim.id for e in ordered] == list(reversed(ids))


def test_exact_measurements_promise_no_false_verdict(report):
    assert report.false_verdicts_to_expect() == 0


def test_the_heading_counts_what_the_json_counts(report):
    assert summary(report) == (
        "decided 8 of 11: 5 hold as printed, 2 only under a counting convention inferred from "
        "the table, 1 do not; 3 undecided"
    )
    assert summary(Report(None, (), ())).startswith("decided 0 of 0: 0 hold as printed")
