"""The rule for an unstated counting convention: no row is evidence for itself alone."""

from typing import Any

import pytest

from reproductions.contract import SPECS
from verify.convention import Evidence, family_evidence, qualifying

# Printed "7.1" and "14.0"; counted by default both are off, folded both are right.
ROWS = {"toyvig_s": ("7.1", 7.184, 7.14), "toyvig_m": ("14.0", 14.076, 14.008)}


def folded_family(toy: Any, **fields: Any) -> tuple[str, str]:
    """Print and count two models that only folding reproduces."""
    ids = []
    for model, (printed, everything, folded) in ROWS.items():
        ids.append(toy.row(printed, model, **fields))
        toy.measured(model, all=everything, folded=folded)
    return ids[0], ids[1]


def test_a_convention_the_whole_family_bears_out_passes_its_rows(toy: Any) -> None:
    small, medium = folded_family(toy)
    verdicts = toy.judged()
    for id_ in (small, medium):
        assert (verdicts[id_].verdict, verdicts[id_].reason) == ("pass", "inside_region")
        assert verdicts[id_].agreement == "convention:folded"
        assert verdicts[id_].convention == "folded"
    assert verdicts[small].measured.value == 7.14
    assert verdicts[small].off_by.last_digits == 1  # against the default, 7.184
    assert verdicts[small].explained_by == ()


def test_the_evidence_of_such_a_pass_is_the_whole_family(toy: Any) -> None:
    small, _ = folded_family(toy)
    events = toy.verdict(small).evidence
    assert events == ("toy_count/toyvig_s/[]", "toy_count/toyvig_m/[]")


@pytest.mark.parametrize(
    ("folded", "verdict"),
    [
        pytest.param(7.05, "pass", id="on_the_lower_tie"),
        pytest.param(7.0499, "fail", id="just_below"),
        pytest.param(7.15, "pass", id="on_the_upper_tie"),
        pytest.param(7.1501, "fail", id="just_above"),
        pytest.param((7.1, 7.12, 7.15), "pass", id="interval_inside"),
        pytest.param((7.1, 7.12, 7.16), "inconclusive", id="interval_straddles"),
    ],
)
def test_a_convention_reproduces_a_row_with_its_whole_interval(
    toy: Any, folded: float | tuple[float, float, float], verdict: str
) -> None:
    small, _ = folded_family(toy)
    toy.row("28.0", "toyvig_l")  # keeps two reproduced models where the first drops out
    toy.measured("toyvig_l", all=28.2, folded=28.0)
    toy.measured("toyvig_s", all=7.184, folded=folded)
    assert toy.verdict(small).verdict == verdict


def test_the_default_decides_wherever_it_fits(toy: Any) -> None:
    small, medium = folded_family(toy)
    toy.measured("toyvig_s", all=7.1, folded=6.9)
    verdicts = toy.judged()
    assert verdicts[small].agreement == "as_printed"
    assert (verdicts[medium].verdict, verdicts[medium].reason) == (
        "inconclusive",
        "convention_ambiguous",
    )


def test_one_model_alone_bears_nothing_out(toy: Any) -> None:
    alone = toy.row("25.5", "refnet50")
    toy.measured("refnet50", all=25.557, folded=25.530)
    found = toy.verdict(alone)
    assert (found.verdict, found.reason) == ("inconclusive", "convention_ambiguous")
    assert found.off_by.last_digits == 1
    assert (found.measured.value, found.convention, found.agreement) == (25.557, "all", None)
    assert "folded would fit" in found.detail


def test_a_row_that_another_convention_alone_reproduces_breaks_the_evidence(toy: Any) -> None:
    small, medium = folded_family(toy)
    odd = toy.row("27.0", "toyvig_l")
    toy.measured("toyvig_l", all=27.2, folded=26.8, trainable=27.0)
    verdicts = toy.judged()
    reasons = [(verdicts[id_].verdict, verdicts[id_].reason) for id_ in (small, medium, odd)]
    assert reasons == [("inconclusive", "convention_ambiguous")] * 3


def test_a_row_that_the_default_alone_reproduces_breaks_the_evidence(toy: Any) -> None:
    small, _ = folded_family(toy)
    plain = toy.row("27.2", "toyvig_l")
    toy.measured("toyvig_l", all=27.2, folded=26.8)
    verdicts = toy.judged()
    assert verdicts[plain].verdict == "pass"
    assert verdicts[small].reason == "convention_ambiguous"


def test_a_row_that_no_convention_reproduces_says_nothing(toy: Any) -> None:
    small, _ = folded_family(toy)
    wrong = toy.row("99.0", "toyvig_l")
    toy.measured("toyvig_l", all=27.2, folded=26.8, trainable=27.0)
    verdicts = toy.judged()
    assert verdicts[small].verdict == "pass"
    assert (verdicts[wrong].verdict, verdicts[wrong].reason) == ("fail", "outside_region")


def test_a_row_that_a_convention_only_straddles_says_nothing(toy: Any) -> None:
    small, _ = folded_family(toy)
    partly = toy.row("27.0", "toyvig_l")
    toy.measured("toyvig_l", all=27.2, folded=26.8, trainable=(26.9, 27.0, 27.1))
    verdicts = toy.judged()
    assert verdicts[small].verdict == "pass"
    assert (verdicts[partly].verdict, verdicts[partly].reason) == ("inconclusive", "straddles")
    assert "trainable" in verdicts[partly].detail


def test_every_qualifying_convention_is_named_in_declared_order(toy: Any) -> None:
    small, _ = folded_family(toy)
    toy.measured("toyvig_s", all=7.184, folded=7.14, trainable=7.12)
    toy.measured("toyvig_m", all=14.076, folded=14.008, trainable=14.01)
    found = toy.verdict(small)
    assert found.agreement == "convention:trainable,folded"
    assert found.measured.value == 7.12


def test_a_convention_that_fits_the_row_but_not_the_family_is_not_named(toy: Any) -> None:
    small, _ = folded_family(toy)
    toy.measured("toyvig_s", all=7.184, folded=7.14, trainable=7.12)
    assert toy.verdict(small).agreement == "convention:folded"


def test_a_convention_that_fits_the_family_but_not_the_row_does_not_pass_it(toy: Any) -> None:
    folded_family(toy)
    coarse = toy.row("27", "toyvig_l", flags={"coarse": True})
    toy.measured("toyvig_l", all=27.9, folded=28.1, trainable=27.0)
    found = toy.verdict(coarse)
    assert (found.verdict, found.reason) == ("inconclusive", "convention_ambiguous")


def test_an_unsound_convention_never_passes_and_explains(toy: Any) -> None:
    ids = [toy.row(printed, model) for model, (printed, *_) in ROWS.items()]
    toy.measured("toyvig_s", all=7.184, hooks=7.14)
    toy.measured("toyvig_m", all=14.076, hooks=14.008)
    for id_ in ids:
        found = toy.verdict(id_)
        assert (found.verdict, found.reason) == ("fail", "outside_region")
        assert [(e.what, e.fit, e.reason) for e in found.explained_by] == [
            ("hooks", "reproduces", "unsound counter")
        ]


def test_the_default_needs_no_evidence_and_is_never_named(toy: Any) -> None:
    fits = frozenset({"all", "folded"})
    rows = [Evidence(f"c{model}", model, fits, missing=False) for model in ("a", "b")]
    assert qualifying(SPECS["toy_count"], rows) == ["folded"]
    assert qualifying(SPECS["toy_count"], []) == []


def test_a_default_that_straddles_is_left_open_whatever_the_family_says(toy: Any) -> None:
    small, medium = folded_family(toy)
    toy.measured("toyvig_s", all=(7.1, 7.14, 7.184), folded=7.14)
    verdicts = toy.judged()
    assert (verdicts[small].verdict, verdicts[small].reason) == ("inconclusive", "straddles")
    assert verdicts[medium].verdict == "pass"


# -- what is left out of the evidence ----------------------------------------------------


def one_and(toy: Any, **second: Any) -> str:
    """Print one row that only folding reproduces, and a second one of another model."""
    first = toy.row("7.1", "toyvig_s")
    toy.measured("toyvig_s", all=7.184, folded=7.14)
    toy.row(second.pop("printed", "14.0"), second.pop("model", "toyvig_m"), **second)
    toy.measured("toyvig_m", all=14.076, folded=14.008)
    return str(first)


def test_two_plain_rows_of_different_models_are_enough(toy: Any) -> None:
    assert toy.verdict(one_and(toy)).verdict == "pass"


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"printed": "14", "flags": {"coarse": True}}, id="coarse"),
        pytest.param({"source": "otherpaper"}, id="another_document"),
        pytest.param({"convention": "folded"}, id="stated_convention"),
        pytest.param({"scope": "mechanism"}, id="mechanism"),
        pytest.param({"damaged": "cut after 14"}, id="damaged"),
        pytest.param({"model": ["toyvig_m", "toyvig_l"]}, id="several_models"),
    ],
)
def test_such_a_row_is_no_evidence(toy: Any, second: dict[str, Any]) -> None:
    first = one_and(toy, **second)
    toy.measured("toyvig_l", all=14.076, folded=14.008)
    found = toy.verdict(first)
    assert (found.verdict, found.reason) == ("inconclusive", "convention_ambiguous")


def test_a_row_of_another_family_is_no_evidence(toy: Any) -> None:
    first = one_and(toy, model="toynet_s")
    toy.measured("toynet_s", all=14.076, folded=14.008)
    assert toy.verdict(first).reason == "convention_ambiguous"


def test_a_row_of_another_reproduction_is_no_evidence(toy: Any) -> None:
    first = one_and(toy, reproduction="toy_other_count")
    toy.measured("toyvig_m", reproduction="toy_other_count", all=14.076, folded=14.008)
    assert toy.verdict(first).reason == "convention_ambiguous"


@pytest.mark.parametrize(
    "note",
    [{}, {"fitted_to": ["toypaper.toy_count.r0"]}],
    ids=["substituted", "fitted"],
)
def test_a_row_measured_on_a_stand_in_is_no_evidence(toy: Any, note: dict[str, Any]) -> None:
    toy.models["toyvig_m"] = {"stands_for": "ToyViG-M", "because": "a relative", **note}
    assert toy.verdict(one_and(toy)).reason == "convention_ambiguous"


def test_a_row_without_a_model_is_no_evidence(toy: Any) -> None:
    rows = [
        toy.row(text, None, reproduction="toy_whole", params={"size": size})
        for size, text in enumerate(("7.1", "14.0"))
    ]
    for size, (_, everything, folded) in enumerate(ROWS.values()):
        params = {"size": size}
        toy.measured(None, reproduction="toy_whole", params=params, all=everything, folded=folded)
    project = toy.project
    need = project.needs[rows[0]][0]
    assert family_evidence(project, toy.stored, project.claims[rows[0]], need) == []
    assert toy.verdict(rows[0]).reason == "convention_ambiguous"


def test_a_bound_is_no_evidence(toy: Any) -> None:
    first = toy.row("7.1", "toyvig_s")
    toy.measured("toyvig_s", all=7.184, folded=7.14)
    expect = {"kind": "bound", "relation": "at_most", "printed": "14.0", "unit": "Mparam"}
    toy.claim(
        "toypaper.toy_count.b", expect, reproduction="toy_count", params={"model": "toyvig_m"}
    )
    toy.measured("toyvig_m", all=14.076, folded=14.008)
    assert toy.verdict(first).reason == "convention_ambiguous"


def test_the_same_model_with_the_same_print_counts_once(toy: Any) -> None:
    twice = [toy.row("7.1", "toyvig_s"), toy.row("7.1", "toyvig_s")]
    toy.measured("toyvig_s", all=7.184, folded=7.14)
    assert [toy.verdict(id_).reason for id_ in twice] == ["convention_ambiguous"] * 2


def test_the_same_model_with_two_prints_is_still_one_model(toy: Any) -> None:
    twice = [toy.row("7.1", "toyvig_s"), toy.row("7.14", "toyvig_s")]
    toy.measured("toyvig_s", all=7.184, folded=7.14)
    assert [toy.verdict(id_).reason for id_ in twice] == ["convention_ambiguous"] * 2


def test_the_same_model_with_another_print_is_a_row_to_reproduce(toy: Any) -> None:
    small, _ = folded_family(toy)
    again = toy.row("7.18", "toyvig_s")  # only the default reproduces this one
    verdicts = toy.judged()
    assert verdicts[again].verdict == "pass"
    assert verdicts[small].reason == "convention_ambiguous"


def test_a_row_left_out_of_the_evidence_may_still_be_passed_by_it(toy: Any) -> None:
    folded_family(toy)
    coarse = toy.row("27", "toyvig_l", flags={"coarse": True})
    toy.measured("toyvig_l", all=27.6, folded=27.4)
    found = toy.verdict(coarse)
    assert (found.verdict, found.agreement) == ("pass", "convention:folded")


def test_a_tolerance_counts_in_the_evidence_too(toy: Any) -> None:
    widening = {"by": "0.1", "unit": "Mparam", "basis": "published_spread", "because": "two tables"}
    first = one_and(toy, tolerance=widening)
    toy.measured("toyvig_m", all=14.2, folded=14.15)
    assert toy.verdict(first).verdict == "pass"
    toy.measured("toyvig_m", all=14.2, folded=14.16)
    assert toy.verdict(first).reason == "convention_ambiguous"


# -- families not measured to the end ----------------------------------------------------


def unmeasured(toy: Any) -> None:
    toy.row("27.0", "toyvig_l")


def stale(toy: Any) -> None:
    unmeasured(toy)
    toy.measured("toyvig_l", all=27.2, folded=27.0, stale=True)


def crashed(toy: Any) -> None:
    unmeasured(toy)
    toy.outcome("toyvig_l", "error", reason="boom")


def refused(toy: Any) -> None:
    unmeasured(toy)
    toy.outcome("toyvig_l", "blocked", reason="no weights")


GAPS = [unmeasured, stale, crashed, refused]


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.__name__)
def test_a_family_with_a_gap_decides_nothing_by_convention(toy: Any, gap: Any) -> None:
    small, _ = folded_family(toy)
    gap(toy)
    found = toy.verdict(small)
    assert (found.verdict, found.reason) == ("inconclusive", "family_incomplete")
    assert found.detail == "folded would fit; to be measured first: toypaper.toy_count.r2"
    assert found.agreement is None


def test_a_sibling_whose_model_is_still_to_be_written_is_a_gap(
    toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, _ = folded_family(toy)
    families = type(toy.project.needs[small][0].params).family.__globals__["FAMILIES"]
    monkeypatch.setitem(families, "toyvig_unwritten", "toyvig")
    toy.row("50.0", "toyvig_unwritten")
    assert toy.verdict(small).reason == "family_incomplete"


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.__name__)
def test_a_row_no_convention_fits_fails_whatever_its_siblings(toy: Any, gap: Any) -> None:
    wrong = toy.row("99.0", "toyvig_s")
    toy.measured("toyvig_s", all=7.184, folded=7.14)
    gap(toy)
    found = toy.verdict(wrong)
    assert (found.verdict, found.reason) == ("fail", "outside_region")


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.__name__)
def test_a_row_the_default_fits_passes_whatever_its_siblings(toy: Any, gap: Any) -> None:
    right = toy.row("7.2", "toyvig_s")
    toy.measured("toyvig_s", all=7.184, folded=7.14)
    gap(toy)
    assert toy.verdict(right).verdict == "pass"


def test_a_gap_in_another_family_does_not_matter(toy: Any) -> None:
    small, _ = folded_family(toy)
    toy.row("27.0", "toynet_s")
    assert toy.verdict(small).verdict == "pass"


def test_a_row_with_its_own_measurement_stale_waits_too(toy: Any) -> None:
    small, _ = folded_family(toy)
    toy.measured("toyvig_s", all=7.184, folded=7.14, stale=True)
    found = toy.verdict(small)
    assert (found.reason, found.stale) == ("family_incomplete", True)


# -- a stated convention -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("convention", "verdict"),
    [
        pytest.param("all", "fail", id="default"),
        pytest.param("folded", "pass", id="folded"),
        pytest.param("trainable", "fail", id="trainable"),
    ],
)
def test_a_stated_convention_decides_alone(toy: Any, convention: str, verdict: str) -> None:
    folded_family(toy)
    stated = toy.row("7.1", "toyvig_s", convention=convention)
    toy.measured("toyvig_s", all=7.184, folded=7.14, trainable=7.0)
    found = toy.verdict(stated)
    assert (found.verdict, found.convention) == (verdict, convention)
    assert found.agreement == ("as_printed" if verdict == "pass" else None)


def test_a_stated_convention_is_off_by_its_own_key(toy: Any) -> None:
    stated = toy.row("7.1", "toyvig_s", convention="trainable")
    toy.measured("toyvig_s", all=7.184, folded=7.14, trainable=7.0)
    found = toy.verdict(stated)
    assert (found.measured.value, found.off_by.last_digits) == (7.0, -1)


def test_a_stated_convention_that_was_not_measured_is_an_error(toy: Any) -> None:
    stated = toy.row("7.1", "toyvig_s", convention="trainable")
    toy.measured("toyvig_s", all=7.184, folded=7.14)
    found = toy.verdict(stated)
    assert (found.verdict, found.reason) == ("error", "measurement_error")
    assert found.detail == "toy_count of toyvig_s: want the key 'trainable', found all, folded"
