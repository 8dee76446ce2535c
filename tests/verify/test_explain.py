"""What would account for a print is shown, near or not at all, and never decides."""

from typing import Any

import pytest

from verify.expect import PrintedFigure
from verify.explain import agrees

FITTED = {"stands_for": "ToyViG-S", "because": "four groups, found by fitting the printed size"}


def fitted(toy: Any, printed: str = "28.2", **fields: Any) -> str:
    """Print a number the released model misses and name a configuration fitted to it."""
    claim = toy.row(printed, "toyvig_s", **fields)
    toy.models["toyvig_s_g4"] = {**FITTED, "fitted_to": [claim]}
    toy.measured("toyvig_s", all=35.5)
    return str(claim)


@pytest.mark.parametrize(
    ("value", "fit", "last_digits"),
    [
        pytest.param(28.16, "reproduces", 0, id="reproduces"),
        pytest.param(28.15, "reproduces", 0, id="on_the_lower_tie"),
        pytest.param(28.25, "reproduces", 1, id="on_the_upper_tie"),
        pytest.param(28.26, "near", 1, id="near_above"),
        pytest.param(28.3499, "near", 1, id="almost_two_last_digits"),
        pytest.param(28.149, "near", -1, id="near_below"),
        pytest.param(28.05, "near", -1, id="one_last_digit_after_rounding"),
    ],
)
def test_a_fitted_model_explains_what_it_reproduces_or_comes_near(
    toy: Any, value: float, fit: str, last_digits: int
) -> None:
    claim = fitted(toy)
    toy.measured("toyvig_s_g4", all=value)
    found = toy.verdict(claim)
    assert (found.verdict, found.reason, found.measured.value) == ("fail", "outside_region", 35.5)
    (explanation,) = found.explained_by
    assert (explanation.what, explanation.reason) == ("toyvig_s_g4", "fitted")
    assert (explanation.value, explanation.fit) == (value, fit)
    assert explanation.off_by.last_digits == last_digits
    assert explanation.off_by.relative == pytest.approx(value / 28.2 - 1, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("value", [28.35, 28.049], ids=["above", "below"])
def test_what_is_farther_off_explains_nothing(toy: Any, value: float) -> None:
    claim = fitted(toy)
    toy.measured("toyvig_s_g4", all=value)
    assert toy.verdict(claim).explained_by == ()


def test_a_fitted_model_not_measured_yet_explains_nothing(toy: Any) -> None:
    claim = fitted(toy)
    toy.outcome("toyvig_s_g4", "error", reason="boom")
    assert toy.verdict(claim).explained_by == ()


def test_a_fitted_model_is_counted_as_the_claim_states(toy: Any) -> None:
    claim = fitted(toy, convention="folded")
    toy.measured("toyvig_s", all=35.5, folded=35.4)
    toy.measured("toyvig_s_g4", all=28.9, folded=28.2)
    (explanation,) = toy.verdict(claim).explained_by
    assert explanation.value == 28.2


def test_a_fitted_model_without_the_key_explains_nothing(toy: Any) -> None:
    claim = fitted(toy)
    toy.measured("toyvig_s_g4", folded=28.2)
    assert toy.verdict(claim).explained_by == ()


def test_a_model_fitted_to_another_claim_explains_nothing_here(toy: Any) -> None:
    fitted(toy)
    other = toy.row("28.2", "toyvig_m")
    toy.measured("toyvig_m", all=35.5)
    toy.measured("toyvig_s_g4", all=28.16)
    assert toy.verdict(other).explained_by == ()


def test_the_primary_explains_a_summary_that_copied_or_nearly_copied_it(toy: Any) -> None:
    near = toy.row("28.2", "toyvig_s", primary={"paper": "original", "printed": "28.1"})
    far = toy.row("28.2", "toyvig_s", primary={"paper": "original", "printed": "27.9"})
    silent = toy.row("28.2", "toyvig_s", primary={"paper": "original"})
    toy.measured("toyvig_s", all=35.5)
    (explanation,) = toy.verdict(near).explained_by
    assert (explanation.fit, explanation.reason) == ("near", "printed by the primary")
    assert "original" in explanation.what
    assert toy.verdict(far).explained_by == toy.verdict(silent).explained_by == ()


def test_everything_that_explains_is_listed(toy: Any) -> None:
    claim = fitted(toy, primary={"paper": "original", "printed": "28.2"})
    toy.measured("toyvig_s", all=35.5, hooks=28.2)
    toy.measured("toyvig_s_g4", all=28.16)
    found = toy.verdict(claim)
    reasons = ["unsound counter", "fitted", "printed by the primary"]
    assert [e.reason for e in found.explained_by] == reasons
    assert found.verdict == "fail"


def test_what_is_left_open_is_explained_too(toy: Any) -> None:
    claim = toy.row("28.2", "toyvig_s")
    toy.measured("toyvig_s", all=(28.0, 29.0, 30.0), hooks=28.2)
    found = toy.verdict(claim)
    assert (found.verdict, found.reason) == ("inconclusive", "straddles")
    assert [e.what for e in found.explained_by] == ["hooks"]


def test_a_pass_needs_no_explanation(toy: Any) -> None:
    claim = fitted(toy, "35.5")
    toy.measured("toyvig_s_g4", all=35.5)
    found = toy.verdict(claim)
    assert (found.verdict, found.explained_by) == ("pass", ())


def test_a_tolerance_counts_for_explanations_too(toy: Any) -> None:
    widening = {"by": "1", "unit": "Mparam", "basis": "published_spread", "because": "two tables"}
    claim = fitted(toy, tolerance=widening)
    toy.measured("toyvig_s_g4", all=27.5)
    (explanation,) = toy.verdict(claim).explained_by
    assert (explanation.fit, explanation.off_by.last_digits) == ("reproduces", -7)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("25.6", "25.6", True, id="equal"),
        pytest.param("25.5", "25.6", False, id="one_last_digit"),
        pytest.param("5", "5.2", True, id="rounded"),
        pytest.param("5", "5.5", True, id="rounded_on_the_tie"),
        pytest.param("5", "5.51", False, id="rounded_past_the_tie"),
        pytest.param("5", "4.49", False, id="rounded_below_the_tie"),
        pytest.param("42.0", "42", True, id="padded"),
        pytest.param("68.6", "80.4", False, id="far"),
        pytest.param("-5", "5", False, id="sign"),
    ],
)
def test_two_prints_agree_if_one_can_be_the_rounding_of_the_other(
    one: str, other: str, same: bool
) -> None:
    first, second = (
        PrintedFigure.model_validate({"printed": text, "unit": "Mparam"}) for text in (one, other)
    )
    assert agrees(first, second) is agrees(second, first) is same


def test_a_hedged_print_agrees_within_a_whole_last_digit() -> None:
    hedged = PrintedFigure.model_validate({"printed": "134", "unit": "Mparam", "hedge": "about"})
    inside, outside = (
        PrintedFigure.model_validate({"printed": text, "unit": "Mparam"})
        for text in ("135.0", "135.1")
    )
    assert agrees(hedged, inside)
    assert not agrees(hedged, outside)
