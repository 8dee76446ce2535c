"""Claims and measurements to verdicts: values, obstacles, stand-ins, protocols."""

import copy
from fractions import Fraction
from typing import Any

import pytest

Triple = tuple[float, float, float]


def widening(by: str, unit: str = "Mparam") -> dict[str, str]:
    return {"by": by, "unit": unit, "basis": "measured_noise", "because": "three runs differ so"}


def said(found: Any) -> tuple[str, str]:
    return found.verdict, found.reason


# -- one value ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured", "verdict", "reason"),
    [
        pytest.param(25.55, "pass", "inside_region", id="on_the_upper_tie"),
        pytest.param(25.55001, "fail", "outside_region", id="just_above"),
        pytest.param(25.45, "pass", "inside_region", id="on_the_lower_tie"),
        pytest.param(25.44999, "fail", "outside_region", id="just_below"),
        pytest.param((25.46, 25.5, 25.55), "pass", "inside_region", id="interval_inside"),
        pytest.param((25.46, 25.5, 25.56), "inconclusive", "straddles", id="interval_straddles"),
        pytest.param((25.55, 25.6, 25.7), "inconclusive", "straddles", id="interval_touches"),
        pytest.param((25.56, 25.6, 25.7), "fail", "outside_region", id="interval_outside"),
    ],
)
def test_a_value_passes_inside_the_region_of_its_print(
    toy: Any, measured: float | Triple, verdict: str, reason: str
) -> None:
    claim = toy.row("25.5")
    event = toy.measured(all=measured)
    found = toy.verdict(claim)
    assert said(found) == (verdict, reason)
    assert found.agreement == ("as_printed" if verdict == "pass" else None)
    assert found.region == (25.45, 25.55)
    assert found.evidence == (event,)
    assert found.convention == "all"


@pytest.mark.parametrize(
    ("measured", "verdict", "agreement"),
    [
        pytest.param(25.55, "pass", "as_printed", id="on_the_printed_limit"),
        pytest.param(25.5501, "pass", "within_tolerance", id="just_over_it"),
        pytest.param(25.75, "pass", "within_tolerance", id="on_the_widened_limit"),
        pytest.param(25.7501, "fail", None, id="just_over_that"),
        pytest.param(25.25, "pass", "within_tolerance", id="on_the_lower_widened_limit"),
        pytest.param(25.2499, "fail", None, id="just_under_that"),
    ],
)
def test_a_tolerance_passes_what_lies_near(
    toy: Any, measured: float, verdict: str, agreement: str | None
) -> None:
    claim = toy.row("25.5", tolerance=widening("0.2"))
    toy.measured(all=measured)
    found = toy.verdict(claim)
    assert (found.verdict, found.agreement, found.region) == (verdict, agreement, (25.25, 25.75))


@pytest.mark.parametrize(
    ("unit", "edge"),
    [pytest.param("point", 81.45, id="point"), pytest.param("percent", 81.263, id="percent")],
)
def test_on_a_percentage_points_are_absolute_and_percent_of_the_print(
    toy: Any, unit: str, edge: float
) -> None:
    by = {"point": "1.1", "percent": "1.1358654"}[unit]  # 1.1358654 % of 80.3 is 0.9120999162
    claims = [
        toy.row("80.3", model, reproduction="toy_hit_rate", tolerance=widening(by, unit))
        for model in ("toyvig_s", "toyvig_m")
    ]
    limit = Fraction("80.35") + (
        Fraction(by) if unit == "point" else Fraction("80.3") * Fraction(by) / 100
    )
    toy.measured("toyvig_s", reproduction="toy_hit_rate", all=float(limit) - 1e-6)
    toy.measured("toyvig_m", reproduction="toy_hit_rate", all=float(limit) + 1e-6)
    assert [toy.verdict(id_).verdict for id_ in claims] == ["pass", "fail"]
    assert float(limit) == pytest.approx(edge, rel=0, abs=1e-3)


@pytest.mark.parametrize(
    ("printed", "measured", "last_digits", "relative"),
    [
        pytest.param("25.5", 25.557, 1, "25.557/25.5", id="above"),
        pytest.param("25.5", 25.35, -1, "25.35/25.5", id="tie_rounds_up"),
        pytest.param("25.5", 25.349, -2, "25.349/25.5", id="below"),
        pytest.param("1.3", 1.78, 5, "1.78/1.3", id="far"),
        pytest.param("0", 0.6, 1, None, id="printed_zero"),
    ],
)
def test_a_miss_is_off_by_last_digits_and_relatively(
    toy: Any, printed: str, measured: float, last_digits: int, relative: str | None
) -> None:
    claim = toy.row(printed)
    toy.measured(all=measured)
    found = toy.verdict(claim)
    assert found.verdict == "fail"
    assert found.off_by.last_digits == last_digits
    if relative is None:
        assert found.off_by.relative is None
    else:
        top, bottom = relative.split("/")
        assert found.off_by.relative == float(Fraction(top) / Fraction(bottom) - 1)


def test_a_hit_is_off_by_something_too(toy: Any) -> None:
    claim = toy.row("25.5")
    toy.measured(all=25.51)
    assert toy.verdict(claim).off_by.last_digits == 0
    assert toy.verdict(claim).off_by.relative == float(Fraction("25.51") / Fraction("25.5") - 1)


@pytest.mark.parametrize("printed", ["25.5", "99"], ids=["pass", "fail"])
def test_every_key_of_the_measurement_is_shown(toy: Any, printed: str) -> None:
    claim = toy.row(printed)
    toy.measured(all=25.5, folded=(1.0, 2.0, 3.0), hooks=4.0, extra=5.0)
    shown = toy.verdict(claim).by_key
    assert list(shown) == ["all", "folded", "hooks", "extra"]
    assert (shown["folded"].low, shown["folded"].value, shown["folded"].high) == (1.0, 2.0, 3.0)


def test_a_coarse_print_is_judged_by_its_own_digits(toy: Any) -> None:
    claims = [toy.row("5", model, flags={"coarse": True}) for model in ("toyvig_s", "toyvig_m")]
    toy.measured("toyvig_s", all=5.5)
    toy.measured("toyvig_m", all=5.51)
    assert [toy.verdict(id_).verdict for id_ in claims] == ["pass", "fail"]


def test_a_hedged_print_reaches_a_whole_last_digit(toy: Any) -> None:
    claims = [toy.row("134", model, flags={"hedge": "about"}) for model in ("toyvig_s", "toyvig_m")]
    toy.measured("toyvig_s", all=135.0)
    toy.measured("toyvig_m", all=135.001)
    assert [toy.verdict(id_).verdict for id_ in claims] == ["pass", "fail"]
    assert toy.verdict(claims[0]).agreement == "as_printed"


@pytest.mark.parametrize(
    ("reproduction", "measured", "reason"),
    [
        pytest.param("toy_hit_rate", 81.0, "better_than_printed", id="higher_is_better"),
        pytest.param("toy_hit_rate", 79.0, "outside_region", id="lower_is_worse"),
        pytest.param("toy_miss_rate", 79.0, "better_than_printed", id="lower_is_better"),
        pytest.param("toy_miss_rate", 81.0, "outside_region", id="higher_is_worse"),
        pytest.param("toy_count", 81.0, "outside_region", id="more_is_not_better"),
        pytest.param("toy_count", 79.0, "outside_region", id="less_is_not_better"),
    ],
)
def test_better_than_printed_is_a_fail_shown_apart(
    toy: Any, reproduction: str, measured: float, reason: str
) -> None:
    claim = toy.row("80.0", reproduction=reproduction)
    toy.measured(reproduction=reproduction, all=measured)
    assert said(toy.verdict(claim)) == ("fail", reason)


@pytest.mark.parametrize(
    ("primary", "measured", "verdict", "reason"),
    [
        pytest.param("42", 42.04, "pass", "inside_region", id="inside_the_print"),
        pytest.param("42", 42.06, "fail", "over_precise", id="inside_the_integer"),
        pytest.param("42", 42.5, "fail", "over_precise", id="on_the_integers_upper_tie"),
        pytest.param("42", 42.51, "fail", "outside_region", id="just_above"),
        pytest.param("42", 41.5, "fail", "over_precise", id="on_the_integers_lower_tie"),
        pytest.param("42", 41.49, "fail", "outside_region", id="just_below"),
        pytest.param("43", 42.6, "fail", "over_precise", id="the_primarys_integer_counts"),
        pytest.param("43", 42.4, "fail", "outside_region", id="not_the_documents"),
        pytest.param(None, 42.4, "fail", "over_precise", id="no_primary_print"),
    ],
)
def test_a_padded_print_that_misses_may_be_over_precise(
    toy: Any, primary: str | None, measured: float, verdict: str, reason: str
) -> None:
    paper = {"paper": "original", "printed": primary} if primary else {"paper": "original"}
    claim = toy.row("42.0", flags={"padded": True}, primary=paper)
    toy.measured(all=measured)
    assert said(toy.verdict(claim)) == (verdict, reason)


def test_a_primary_with_thousands_commas_is_read(toy: Any) -> None:
    primary = {"paper": "original", "printed": "1,042"}
    claim = toy.row("1,042.0", flags={"padded": True}, primary=primary)
    toy.measured(all=1042.4)
    assert said(toy.verdict(claim)) == ("fail", "over_precise")


def test_only_a_padded_print_can_be_over_precise(toy: Any) -> None:
    claim = toy.row("42.0", primary={"paper": "original", "printed": "42"})
    toy.measured(all=42.4)
    assert said(toy.verdict(claim)) == ("fail", "outside_region")


def test_an_over_precise_interval_lies_wholly_in_the_integers_region(toy: Any) -> None:
    claim = toy.row("42.0", flags={"padded": True})
    toy.measured(all=(42.4, 42.45, 42.51))
    assert said(toy.verdict(claim)) == ("fail", "outside_region")


@pytest.mark.parametrize("stale", [True, False], ids=["stale", "current"])
@pytest.mark.parametrize("printed", ["25.5", "99"], ids=["pass", "fail"])
def test_a_stale_measurement_still_decides_and_is_marked(
    toy: Any, printed: str, stale: bool
) -> None:
    claim = toy.row(printed)
    toy.measured(all=25.5, stale=stale)
    found = toy.verdict(claim)
    assert (found.verdict, found.stale) == ("pass" if printed == "25.5" else "fail", stale)


# -- nothing to judge by -----------------------------------------------------------------


def test_a_model_still_to_be_written_blocks(toy: Any) -> None:
    claim = toy.row("25.5", "toyvig_unwritten")
    toy.measured("toyvig_unwritten", all=25.5)
    found = toy.verdict(claim)
    assert said(found) == ("blocked", "no_model")
    assert found.detail == "no model named toyvig_unwritten yet"


def test_params_without_a_model_say_themselves_what_is_absent(toy: Any) -> None:
    claim = toy.row("25.5", None, reproduction="toy_whole", params={"ready": False})
    found = toy.verdict(claim)
    assert (*said(found), found.detail) == ("blocked", "no_model", "the whole is not ready")


def test_what_is_not_measured_yet_is_blocked_and_says_what_measures_it(toy: Any) -> None:
    found = toy.verdict(toy.row("25.5"))
    assert said(found) == ("blocked", "not_measured")
    assert found.detail == "toy_count of toyvig_s is not measured yet; `verify all` measures it"
    assert found.measured is None
    assert found.off_by is None


def test_what_cannot_be_measured_is_blocked_with_its_reason(toy: Any) -> None:
    claim = toy.row("25.5")
    event = toy.outcome("toyvig_s", "blocked", reason="no CUDA device", stale=True)
    found = toy.verdict(claim)
    assert (*said(found), found.detail) == ("blocked", "not_measurable", "no CUDA device")
    assert (found.evidence, found.stale) == ((event,), True)


def test_a_crash_is_an_error_and_never_a_fail(toy: Any) -> None:
    claim = toy.row("25.5")
    event = toy.outcome("toyvig_s", "error", reason="ValueError: boom", stale=True)
    found = toy.verdict(claim)
    assert (*said(found), found.detail) == ("error", "measurement_error", "ValueError: boom")
    assert (found.evidence, found.stale) == ((event,), True)


def test_a_measurement_without_the_default_key_is_an_error(toy: Any) -> None:
    claim = toy.row("25.5")
    toy.measured(folded=25.5)
    found = toy.verdict(claim)
    assert said(found) == ("error", "measurement_error")
    assert "want the key 'all', found folded" in found.detail


def test_what_no_program_settles_is_not_checkable(toy: Any) -> None:
    claim = toy.claim("toypaper.statement.view", None, check="none", because="an opinion")
    found = toy.verdict(claim)
    assert (*said(found), found.detail) == ("not_checkable", "no_program", "an opinion")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"check": "none"}, id="unchecked"),
        pytest.param(
            {"reproduction": "toy_count", "params": {"model": "toyvig_s"}}, id="with_a_reproduction"
        ),
    ],
)
def test_damaged_text_is_never_judged_even_where_it_would_fit(
    toy: Any, fields: dict[str, Any]
) -> None:
    expect = {"kind": "value", "printed": "0", "unit": "Mparam"}
    claim = toy.claim("toypaper.toy_count.cut", expect, damaged="cut after 0", **fields)
    toy.measured(all=0.2)
    found = toy.verdict(claim)
    assert said(found) == ("not_checkable", "text_damaged")
    assert "cut after 0" in found.detail


# -- several released models, stand-ins --------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "verdict", "reason"),
    [
        pytest.param(22.5, 22.46, "pass", "inside_region", id="both_pass"),
        pytest.param(22.05, 22.0, "fail", "outside_region", id="both_fail"),
        pytest.param(22.5, 22.0, "inconclusive", "model_ambiguous", id="first_passes"),
        pytest.param(22.0, 22.5, "inconclusive", "model_ambiguous", id="second_passes"),
    ],
)
def test_a_label_that_fits_two_models_is_judged_on_both(
    toy: Any, one: float, other: float, verdict: str, reason: str
) -> None:
    claim = toy.row("22.5", ["toynet_s", "toynet_b"])
    events = (toy.measured("toynet_s", all=one), toy.measured("toynet_b", all=other, stale=True))
    found = toy.verdict(claim)
    assert said(found) == (verdict, reason)
    assert found.evidence == events
    assert found.stale
    assert found.agreement == ("as_printed" if verdict == "pass" else None)
    assert "toynet_s" in found.detail
    assert "toynet_b" in found.detail


@pytest.mark.parametrize("order", [1, -1], ids=["nearest_first", "nearest_last"])
@pytest.mark.parametrize("sign", [1, -1], ids=["above", "below"])
def test_models_that_agree_show_the_nearest_one(toy: Any, order: int, sign: int) -> None:
    claim = toy.row("22.5", ["toynet_s", "toynet_b"][::order])
    toy.measured("toynet_s", all=22.5 + sign)
    toy.measured("toynet_b", all=22.5 - 2 * sign)
    assert toy.verdict(claim).measured.value == 22.5 + sign


@pytest.mark.parametrize(
    ("outcome", "verdict"), [("error", "error"), ("blocked", "blocked")], ids=["error", "blocked"]
)
@pytest.mark.parametrize("order", [1, -1], ids=["first", "second"])
def test_a_model_without_measurement_says_nothing_about_agreement(
    toy: Any, outcome: str, verdict: str, order: int
) -> None:
    claim = toy.row("22.5", ["toynet_s", "toynet_b"][::order])
    toy.measured("toynet_s", all=22.5)
    toy.outcome("toynet_b", outcome, reason="boom")
    found = toy.verdict(claim)
    assert found.verdict == verdict
    assert found.detail.startswith("boom; ")


def test_an_error_goes_before_what_is_blocked(toy: Any) -> None:
    claim = toy.row("22.5", ["toynet_s", "toynet_b"])
    toy.outcome("toynet_b", "error", reason="boom")
    assert toy.verdict(claim).verdict == "error"


@pytest.mark.parametrize("measured", [25.5, 99.0], ids=["would_pass", "would_fail"])
def test_a_stand_in_settles_nothing(toy: Any, measured: float) -> None:
    toy.models["toyvig_s"] = {"stands_for": "ToyViG-S", "because": "a later rewrite"}
    claim = toy.row("25.5")
    toy.measured(all=measured)
    found = toy.verdict(claim)
    assert said(found) == ("inconclusive", "substituted")
    assert found.agreement is None
    assert found.measured.value == measured
    assert "ToyViG-S" in found.detail


def test_a_stand_in_that_crashes_is_still_an_error(toy: Any) -> None:
    toy.models["toyvig_s"] = {"stands_for": "ToyViG-S", "because": "a later rewrite"}
    claim = toy.row("25.5")
    toy.outcome("toyvig_s", "error", reason="boom")
    assert toy.verdict(claim).verdict == "error"


def test_a_stand_in_that_straddles_keeps_that_reason(toy: Any) -> None:
    toy.models["toyvig_s"] = {"stands_for": "ToyViG-S", "because": "a later rewrite"}
    claim = toy.row("25.5")
    toy.measured(all=(25.0, 25.5, 26.0))
    assert said(toy.verdict(claim)) == ("inconclusive", "straddles")


# -- protocols the document leaves open --------------------------------------------------


@pytest.mark.parametrize(
    ("default", "other", "said_"),
    [
        pytest.param(25.5, 99.0, ("pass", "inside_region"), id="default_hits"),
        pytest.param(99.0, 25.5, ("inconclusive", "protocol_ambiguous"), id="another_hits"),
        pytest.param(99.0, 98.0, ("fail", "outside_region"), id="none_hits"),
    ],
)
def test_a_protocol_left_open_is_measured_every_way(
    toy: Any, default: float, other: float, said_: tuple[str, str]
) -> None:
    claim = toy.row("25.5", protocols={"few_classes": {"num_classes": 10}})
    toy.measured(all=default)
    toy.measured(params={"num_classes": 10}, all=other)
    assert said(toy.verdict(claim)) == said_


@pytest.mark.parametrize(
    ("convention", "reason"),
    [
        ("unstated", "protocol_ambiguous"),
        ("folded", "protocol_ambiguous"),
        ("all", "outside_region"),
    ],
)
def test_under_another_protocol_a_stated_convention_still_decides_alone(
    toy: Any, convention: str, reason: str
) -> None:
    claim = toy.row("25.5", protocols={"few_classes": {"num_classes": 10}}, convention=convention)
    toy.measured(all=99.0, folded=98.0)
    toy.measured(params={"num_classes": 10}, all=97.0, folded=25.5)
    assert toy.verdict(claim).reason == reason


def test_a_protocol_not_measured_yet_blocks_a_fail(toy: Any) -> None:
    claim = toy.row("25.5", protocols={"few_classes": {"num_classes": 10}})
    toy.measured(all=99.0)
    found = toy.verdict(claim)
    assert said(found) == ("blocked", "not_measured")
    assert found.detail.startswith("protocol few_classes: ")


# -- the judge as a whole ----------------------------------------------------------------


def test_every_claim_gets_a_verdict_in_claim_order(toy: Any) -> None:
    ids = [toy.row("25.5", "toyvig_m"), toy.row("25.5", "toyvig_s")]
    toy.arithmetic("1", {"ratio": {"of": ids[0], "over": ids[1]}})
    assert list(toy.judged()) == list(toy.project.claims)
    assert len(toy.judged()) == 4


def test_judging_is_pure(toy: Any) -> None:
    toy.row("25.5", "toyvig_m")
    toy.measured("toyvig_m", all=25.557, folded=25.5)
    before = copy.deepcopy(toy.stored)
    assert toy.judged() == toy.judged()
    assert toy.stored == before
