"""Verdicts and numbers in words."""

from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from verify.expect import Bound
from verify.report import report_of
from verify.verdict import MARKS, WORDS, Measured, OffBy
from verify.wording import WORDS as MEANINGS
from verify.wording import measured_words, number, number_line, off_by_words, verdict_words

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured


@pytest.fixture
def entries(measured):
    return {
        e.claim.id.removeprefix("toyvig.toy_count."): e
        for e in report_of(measured.project()).entries
    }


def with_verdict(entry, **changes):
    return replace(entry, verdict=replace(entry.verdict, **changes))


def test_what_holds_as_a_bound_says_so(entries):
    entry = entries["toyvig_ti"]
    bound = Bound(kind="bound", relation="at_least", printed="5.0", unit="param")
    entry = replace(entry, claim=entry.claim.model_copy(update={"expect": bound}))
    assert verdict_words(entry) == "✓ holds (at least 5.0)"


def test_every_verdict_has_a_mark_and_words_of_its_own():
    assert set(MARKS) == set(MEANINGS) == set(WORDS)
    assert len(set(MARKS.values())) == len(set(MEANINGS.values())) == len(WORDS)


@pytest.mark.parametrize(
    ("id_", "words"),
    [
        ("toyvig_ti", "✓ holds"),
        ("toyvig_s", "✓ holds (convention: trainable)"),
        ("toyold_l", "✗ does not hold (outside region)"),
        ("toyvig_h", "○ blocked (no model)"),
        ("toyvig.statement.fast", "– not checkable (no program)"),
    ],
)
def test_a_verdict_is_a_mark_a_word_and_its_reason(entries, id_, words):
    assert verdict_words(entries[id_]) == words


def test_a_pass_within_tolerance_says_so(entries):
    entry = with_verdict(entries["toyvig_ti"], agreement="within_tolerance")
    assert verdict_words(entry) == "✓ holds (within tolerance)"


def test_a_stale_verdict_says_so(entries):
    assert verdict_words(with_verdict(entries["toyvig_ti"], stale=True)) == "✓ holds [stale]"


@pytest.mark.parametrize(
    ("id_", "value", "text"),
    [("toyvig_ti", 7.12, "7.120"), ("toyvig_ti", 7.1, "7.100"), ("toyvig_h", 632.456, "632.46")],
)
def test_a_number_has_two_digits_more_than_the_print(entries, id_, value, text):
    assert number(entries[id_], value) == text


def test_a_measurement_with_spread_shows_its_interval(entries):
    entry = with_verdict(entries["toyvig_ti"], measured=Measured(7.12, 7.05, 7.2))
    assert measured_words(entry) == "7.120 [7.050, 7.200]"
    assert measured_words(entries["toyvig_ti"]) == "7.120"
    assert measured_words(entries["toyvig_h"]) == "not measured"


@pytest.mark.parametrize(
    ("off_by", "text"),
    [
        (OffBy(1, 0.0034), "+1 last digit, +0.34 %"),
        (OffBy(-1, -0.0034), "-1 last digit, -0.34 %"),
        (OffBy(12, 0.5), "+12 last digits, +50.00 %"),
        (OffBy(0, None), "0 last digits"),
        (None, ""),
    ],
)
def test_off_by_gives_last_digits_and_percent(off_by, text):
    assert off_by_words(off_by) == text


def test_the_number_line_puts_the_measurement_beside_the_region(entries):
    region, measurement = number_line(entries["toyold_l"])
    assert region.startswith("[")
    assert "accepted: 149.950 to 150.050" in region
    assert measurement.index("▲") > region.index("]")
    assert measurement.endswith("measured: 160.200")


def test_the_number_line_puts_a_passing_measurement_inside(entries):
    region, measurement = number_line(entries["toyvig_ti"])
    assert region.index("[") < measurement.index("▲") < region.index("]")


def test_the_number_line_of_a_bound_is_open_at_one_end(entries):
    region, _ = number_line(with_verdict(entries["toyvig_ti"], region=(7.05, None)))
    assert "7.050 to ∞" in region
    assert "]" not in region


def test_without_a_measurement_there_is_no_number_line(entries):
    assert number_line(entries["toyvig_h"]) == []


@pytest.mark.parametrize(
    ("reason", "words"),
    [("equal", "as printed"), ("not_equal", "not as printed"), ("no_model", "not measured")],
)
def test_a_measured_structure_is_not_called_unmeasured(entries, reason, words):
    entry = with_verdict(entries["toyvig_ti"], measured=None, reason=reason)
    assert measured_words(entry) == words
