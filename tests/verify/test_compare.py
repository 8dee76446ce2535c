"""One interval against one expectation, on, just inside and just outside every limit."""

from fractions import Fraction
from typing import Any

import pytest

from verify.acceptance import Interval
from verify.claim import Tolerance
from verify.compare import Acceptance, Relation, Standing, holds, limit_acceptance
from verify.expect import PrintedFigure

TINY = Fraction(1, 10**9)


def tolerance(by: str, unit: str) -> Tolerance:
    return Tolerance.model_validate(
        {"by": by, "unit": unit, "basis": "measured_noise", "because": "three runs differ so"}
    )


def accepted(printed: str, unit: str, given: Tolerance | None, **flags: Any) -> Acceptance:
    figure = PrintedFigure.model_validate({"printed": printed, "unit": unit, **flags})
    return Acceptance.of(figure, given)


def at(value: Fraction | str) -> Interval:
    return Interval(Fraction(value), Fraction(value))


WIDENED = [
    pytest.param("80.3", "percent", None, "80.25", "80.35", id="no_tolerance"),
    pytest.param("80.3", "percent", ("0.10", "point"), "80.15", "80.45", id="points"),
    pytest.param("80.0", "percent", ("5", "percent"), "75.95", "84.05", id="percent_of_print"),
    pytest.param("20", "Mparam", ("5", "percent"), "18.5", "21.5", id="percent_of_a_count"),
    pytest.param("20", "Mparam", ("0.1", "Mparam"), "19.4", "20.6", id="absolute"),
    pytest.param("-20", "ratio", ("5", "percent"), "-21.5", "-18.5", id="percent_of_a_negative"),
]


@pytest.mark.parametrize(("printed", "unit", "given", "low", "high"), WIDENED)
def test_a_tolerance_widens_the_region_on_both_sides(
    printed: str, unit: str, given: tuple[str, str] | None, low: str, high: str
) -> None:
    region = accepted(printed, unit, tolerance(*given) if given else None)
    assert region.widened == Interval(Fraction(low), Fraction(high))
    for end, outwards in ((Fraction(low), -TINY), (Fraction(high), TINY)):
        assert region.standing(at(end)) == "inside"
        assert region.standing(at(end - outwards)) == "inside"
        assert region.standing(at(end + outwards)) == "outside"


def test_the_widened_region_keeps_the_printed_one_beside_it() -> None:
    region = accepted("80.3", "percent", tolerance("0.10", "point"))
    assert region.printed == Interval(Fraction("80.25"), Fraction("80.35"))
    assert region.figure.text == "80.3"


@pytest.mark.parametrize(
    ("value", "agreement"),
    [
        pytest.param("80.35", "as_printed", id="on_the_printed_limit"),
        pytest.param("80.3500001", "within_tolerance", id="just_over_it"),
        pytest.param("80.45", "within_tolerance", id="on_the_widened_limit"),
        pytest.param("80.25", "as_printed", id="on_the_lower_printed_limit"),
        pytest.param("80.2499999", "within_tolerance", id="just_under_it"),
    ],
)
def test_agreement_tells_the_print_from_the_tolerance(value: str, agreement: str) -> None:
    region = accepted("80.3", "percent", tolerance("0.10", "point"))
    assert region.agreement(at(value)) == agreement


def test_hedging_widens_the_print_and_not_the_tolerance() -> None:
    region = accepted("8.8", "ratio", None, hedge="about")
    assert region.printed == Interval(Fraction("8.7"), Fraction("8.9"))
    assert region.agreement(at("8.9")) == "as_printed"


@pytest.mark.parametrize("flags", [{"coarse": True}, {"coarse": False}], ids=["coarse", "plain"])
def test_a_coarse_print_has_the_region_of_its_own_digits(flags: dict[str, bool]) -> None:
    region = accepted("5", "Mparam", None, **flags)
    assert region.widened == Interval(Fraction("4.5"), Fraction("5.5"))


def test_a_padded_print_is_judged_as_printed() -> None:
    region = accepted("42.0", "Mparam", None, padded=True)
    assert region.widened == Interval(Fraction("41.95"), Fraction("42.05"))


@pytest.mark.parametrize(
    ("low", "high", "standing"),
    [
        pytest.param("80.25", "80.35", "inside", id="the_region_itself"),
        pytest.param("80.25", "80.36", "straddles", id="over_the_top"),
        pytest.param("80.24", "80.35", "straddles", id="under_the_bottom"),
        pytest.param("80.20", "80.40", "straddles", id="all_around"),
        pytest.param("80.35", "80.40", "straddles", id="touching_above"),
        pytest.param("80.36", "80.40", "outside", id="above"),
        pytest.param("80.20", "80.24", "outside", id="below"),
    ],
)
def test_an_interval_is_inside_outside_or_straddles(
    low: str, high: str, standing: Standing
) -> None:
    interval = Interval(Fraction(low), Fraction(high))
    assert accepted("80.3", "percent", None).standing(interval) == standing


@pytest.mark.parametrize(
    ("relation", "flags", "given", "limit"),
    [
        pytest.param("at_least", {}, None, "30", id="at_least"),
        pytest.param("more_than", {}, None, "30", id="more_than"),
        pytest.param("at_most", {}, None, "30", id="at_most"),
        pytest.param("less_than", {}, None, "30", id="less_than"),
        pytest.param("at_least", {"hedge": "about"}, None, "29", id="hedged_from_below"),
        pytest.param("less_than", {"hedge": "about"}, None, "31", id="hedged_from_above"),
        pytest.param("more_than", {}, ("10", "percent"), "27", id="tolerance_from_below"),
        pytest.param("at_most", {}, ("10", "percent"), "33", id="tolerance_from_above"),
        pytest.param("at_most", {"hedge": "about"}, ("2", "Mparam"), "33", id="both"),
    ],
)
def test_a_bound_stands_at_the_printed_number_unrounded(
    relation: Relation, flags: dict[str, str], given: tuple[str, str] | None, limit: str
) -> None:
    figure = PrintedFigure.model_validate({"printed": "30", "unit": "Mparam", **flags})
    found, half_line = limit_acceptance(figure, relation, tolerance(*given) if given else None)
    below = relation in {"at_most", "less_than"}
    assert found == Fraction(limit)
    assert half_line == (Interval(None, found) if below else Interval(found, None))


@pytest.mark.parametrize(
    ("relation", "less", "equal", "more"),
    [
        ("at_least", "outside", "inside", "inside"),
        ("more_than", "outside", "outside", "inside"),
        ("at_most", "inside", "inside", "outside"),
        ("less_than", "inside", "outside", "outside"),
    ],
)
def test_a_relation_of_points_holds_or_not(
    relation: Relation, less: Standing, equal: Standing, more: Standing
) -> None:
    assert holds(relation, at(5 - TINY), at("5")) == less
    assert holds(relation, at("5"), at("5")) == equal
    assert holds(relation, at(5 + TINY), at("5")) == more


@pytest.mark.parametrize(
    ("left", "at_least", "more_than"),
    [
        pytest.param(("6", "7"), "inside", "inside", id="above"),
        pytest.param(("5", "7"), "inside", "straddles", id="touching_from_above"),
        pytest.param(("4", "7"), "straddles", "straddles", id="around"),
        pytest.param(("3", "4"), "straddles", "outside", id="touching_from_below"),
        pytest.param(("2", "3"), "outside", "outside", id="below"),
    ],
)
def test_a_relation_of_intervals_straddles_where_they_overlap(
    left: tuple[str, str], at_least: Standing, more_than: Standing
) -> None:
    one, other = Interval(*map(Fraction, left)), Interval(Fraction(4), Fraction(5))
    assert holds("at_least", one, other) == at_least
    assert holds("more_than", one, other) == more_than
    assert holds("at_most", other, one) == at_least
    assert holds("less_than", other, one) == more_than


def test_an_open_interval_is_not_compared() -> None:
    with pytest.raises(ValueError, match="want finite intervals"):
        holds("at_least", Interval(Fraction(1), None), at("1"))
