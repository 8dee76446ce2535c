"""What the claims say about each other, beside the verdicts."""

from typing import Any

import pytest

from verify.event import Event, read_event, written
from verify.findings import Finding, findings_of
from verify.state import State


def findings(
    toy: Any, kind: str, *judged: tuple[str, dict[str, str] | None], measured: Any = 1
) -> list[Finding]:
    """List the findings of one kind, given the tolerances recorded at earlier judgements."""
    events: list[Event] = []
    for number, (claim, tolerance) in enumerate(judged):
        fields = {
            "seq": number,
            "prev": "0" * 64,
            "schema": 1,
            "tool": "0",
            "time": f"2030-01-01T00:00:{number:02d}Z",
            "type": "judged",
            "digests": {},
            "environment": {},
            "body": {"claim": claim, "verdict": {"measured": measured}, "tolerance": tolerance},
        }
        events.append(read_event(written(fields), number, "0" * 64))
    state = State({"toy": events}, toy.stored)
    found = findings_of(toy.project, state, toy.judged())
    return [finding for finding in found if finding.kind == kind]


def widening(by: str, unit: str = "Mparam") -> dict[str, str]:
    return {"by": by, "unit": unit, "basis": "published_spread", "because": "two tables differ"}


# -- contradictions ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "contradict"),
    [
        pytest.param("25.5", "25.6", True, id="one_last_digit"),
        pytest.param("25.6", "25.6", False, id="the_same"),
        pytest.param("5", "5.2", False, id="fewer_digits"),
        pytest.param("5", "5.51", True, id="fewer_digits_past_the_tie"),
    ],
)
def test_two_prints_of_one_quantity_contradict_or_are_roundings(
    toy: Any, one: str, other: str, contradict: bool
) -> None:
    ids = (toy.row(one, "refnet50"), toy.row(other, "refnet50"))
    found = findings(toy, "contradiction")
    assert [finding.claims for finding in found] == ([ids] if contradict else [])


def test_a_contradiction_says_which_cell_prints_what(toy: Any) -> None:
    ids = [toy.row(printed, "refnet50") for printed in ("25.5", "25.6")]
    (found,) = findings(toy, "contradiction")
    cells = [f"Table 2, row {id_}, column Params (M) prints" for id_ in ids]
    assert found.detail == f"{cells[0]} 25.5, {cells[1]} 25.6"


def test_three_prints_contradict_in_pairs(toy: Any) -> None:
    first, second, third = (toy.row(printed, "refnet50") for printed in ("25.5", "25.6", "25.5"))
    found = findings(toy, "contradiction")
    assert [finding.claims for finding in found] == [(first, second), (second, third)]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"model": "toyvig_s"}, id="another_model"),
        pytest.param({"source": "otherpaper"}, id="another_document"),
        pytest.param({"reproduction": "toy_other_count"}, id="another_reproduction"),
        pytest.param({"params": {"num_classes": 10}}, id="other_params"),
        pytest.param({"convention": "folded"}, id="another_convention"),
        pytest.param({"scope": "mechanism"}, id="mechanism"),
        pytest.param({"damaged": "cut after 25.6"}, id="damaged"),
        pytest.param({"flags": {"hedge": "about"}}, id="hedged"),
    ],
)
def test_prints_of_different_things_do_not_contradict(toy: Any, second: dict[str, Any]) -> None:
    toy.row("25.5", "refnet50")
    toy.row("25.6", second.pop("model", "refnet50"), **second)
    assert findings(toy, "contradiction") == []


def test_claims_that_nothing_measures_do_not_contradict(toy: Any) -> None:
    for number, printed in enumerate(("0.9", "1.7")):
        expect = {"kind": "value", "printed": printed, "unit": "ratio"}
        toy.claim(f"toypaper.statement.s{number}", expect, check="none", because="no such device")
    assert findings(toy, "contradiction") == []


@pytest.mark.parametrize(
    ("other", "differ"),
    [
        pytest.param({"printed": "25.6"}, True, id="one_last_digit"),
        pytest.param({"printed": "25.5"}, False, id="the_same"),
        pytest.param({"printed": "26"}, False, id="fewer_digits"),
        pytest.param({"printed": "25.6", "model": "toyvig_s"}, False, id="another_model"),
        pytest.param({"printed": "25.6", "params": {"num_classes": 10}}, False, id="other_params"),
        pytest.param({"printed": "25.6", "convention": "folded"}, False, id="other_convention"),
        pytest.param({"printed": "25.6", "scope": "mechanism"}, False, id="mechanism"),
    ],
)
def test_two_documents_differ_where_they_print_one_quantity_in_two_ways(
    toy: Any, other: dict[str, Any], differ: bool
) -> None:
    one = toy.row("25.5", "refnet50")
    printed, model = other.pop("printed"), other.pop("model", "refnet50")
    two = toy.row(printed, model, source="otherpaper", **other)
    found = findings(toy, "documents_differ")
    assert [finding.claims for finding in found] == ([(one, two)] if differ else [])
    assert findings(toy, "contradiction") == []


def test_a_difference_between_documents_names_both(toy: Any) -> None:
    one, two = toy.row("25.5"), toy.row("25.6", source="otherpaper")
    (found,) = findings(toy, "documents_differ")
    assert found.detail == (
        f"toypaper, Table 2, row {one}, column Params (M) prints 25.5, "
        f"otherpaper, Table 2, row {two}, column Params (M) prints 25.6"
    )


def test_the_order_of_the_models_that_fit_a_label_makes_no_other_quantity(toy: Any) -> None:
    one = toy.row("25.5", ["toyvig_s", "toyvig_m"])
    two = toy.row("25.6", ["toyvig_m", "toyvig_s"])
    assert [found.claims for found in findings(toy, "contradiction")] == [(one, two)]


# -- summaries ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "primary", "flags", "differs"),
    [
        pytest.param("68.6", "80.4", {}, True, id="differs"),
        pytest.param("80.4", "80.4", {}, False, id="agrees"),
        pytest.param("42.0", "42", {"padded": True}, False, id="padded"),
        pytest.param("80.4", "80.41", {}, False, id="more_digits"),
        pytest.param("134", "134.9", {"hedge": "about"}, False, id="hedged"),
        pytest.param("134", "134.9", {}, True, id="not_hedged"),
        pytest.param("134.0", "133", {"hedge": "about"}, True, id="the_hedge_is_not_the_primarys"),
    ],
)
def test_a_summary_that_differs_from_its_primary_is_found(
    toy: Any, printed: str, primary: str, flags: dict[str, Any], differs: bool
) -> None:
    paper = {"paper": "original", "printed": primary}
    claim = toy.row(printed, primary=paper, flags=flags)
    toy.row(printed, primary={"paper": "original"})
    found = findings(toy, "summary_differs")
    assert [finding.claims for finding in found] == ([(claim,)] if differs else [])
    if differs:
        assert found[0].detail == f"printed {printed} here, {primary} in 'The original'"


def test_a_primary_beside_words_is_no_summary_of_a_number(toy: Any) -> None:
    toy.claim(
        "toypaper.toy_graph.word",
        {"kind": "equal", "form": "word", "printed": "GELU"},
        reproduction="toy_graph",
        params={"model": "toyvig_s"},
        primary={"paper": "original", "printed": "1"},
    )
    assert findings(toy, "summary_differs") == []


# -- tolerances that came late -----------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "late"),
    [
        pytest.param(None, widening("0.1"), True, id="added"),
        pytest.param(widening("0.1"), widening("0.1"), False, id="unchanged"),
        pytest.param(widening("0.1"), widening("0.11"), True, id="widened"),
        pytest.param(widening("0.1"), widening("0.09"), False, id="narrowed"),
        pytest.param(widening("0.1"), widening("0.05", "percent"), True, id="another_unit"),
        pytest.param(widening("0.1"), None, False, id="taken_back"),
    ],
)
def test_a_tolerance_widened_after_the_first_judgement_is_post_hoc(
    toy: Any, before: dict[str, str] | None, now: dict[str, str] | None, late: bool
) -> None:
    claim = toy.row("25.5", tolerance=now)
    found = findings(toy, "post_hoc_tolerance", (claim, before), (claim, now))
    assert [finding.claims for finding in found] == ([(claim,)] if late else [])


def test_a_late_tolerance_says_what_it_was(toy: Any) -> None:
    one, other = (toy.row("25.5", tolerance=widening("0.2")) for _ in range(2))
    found = findings(toy, "post_hoc_tolerance", (one, None), (other, widening("0.1")))
    assert [finding.detail for finding in found] == [
        "tolerance 0.2 Mparam, first judged with none",
        "tolerance 0.2 Mparam, first judged with 0.1 Mparam",
    ]


def test_a_tolerance_never_judged_without_is_not_late(toy: Any) -> None:
    toy.row("25.5", tolerance=widening("0.2"))
    assert findings(toy, "post_hoc_tolerance") == []
    assert findings(toy, "post_hoc_tolerance", ("toypaper.toy_count.gone", None)) == []


def test_a_tolerance_added_before_anything_was_measured_is_not_late(toy: Any) -> None:
    claim = toy.row("25.5", tolerance=widening("0.2"))
    assert findings(toy, "post_hoc_tolerance", (claim, None), measured=None) == []
    assert findings(toy, "post_hoc_tolerance", (claim, None)) != []


# -- alarms ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "alarm"), [("pass", False), ("fail", True), ("inconclusive", True)]
)
def test_a_known_verdict_alarms_on_change_and_never_decides(
    toy: Any, known: str, alarm: bool
) -> None:
    claim = toy.row("25.5", known_verdict={"verdict": known, "because": "seen in March"})
    toy.measured(all=25.5)
    assert toy.verdict(claim).verdict == "pass"
    found = findings(toy, "verdict_changed")
    details = [f"known as {known} (seen in March), now pass"] if alarm else []
    assert [finding.detail for finding in found] == details


def test_findings_come_in_the_order_of_their_kinds(toy: Any) -> None:
    paper = {"paper": "original", "printed": "80.4"}
    known = {"verdict": "pass", "because": "seen in March"}
    first = toy.row("25.5", "refnet50", known_verdict=known, primary=paper)
    toy.row("25.6", "refnet50", tolerance=widening("0.1"))
    second = list(toy.claims)[1]
    event = [(first, None), (second, None)]
    kinds = [
        finding.kind
        for kind in ("contradiction", "summary_differs", "post_hoc_tolerance", "verdict_changed")
        for finding in findings(toy, kind, *event)
    ]
    state = State({"toy": []}, toy.stored)
    assert kinds == [
        "contradiction",
        "summary_differs",
        "post_hoc_tolerance",
        "verdict_changed",
    ]
    assert [f.kind for f in findings_of(toy.project, state, toy.judged())] == [
        kind for kind in kinds if kind != "post_hoc_tolerance"
    ]
