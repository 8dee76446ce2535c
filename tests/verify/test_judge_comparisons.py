"""Two inputs against each other: ratios, differences and orderings, measured and printed."""

from typing import Any

import pytest

Triple = tuple[float, float, float]


def widening(by: str, unit: str = "Mparam") -> dict[str, str]:
    return {"by": by, "unit": unit, "basis": "measured_noise", "because": "three runs differ so"}


def said(found: Any) -> tuple[str, str]:
    return found.verdict, found.reason


# -- two measurements --------------------------------------------------------------------


def pair(toy: Any, first: float | Triple, second: float | Triple, **keys: Any) -> list[Any]:
    """Measure two models and give them as inputs."""
    one, other = keys.pop("others", ({}, {}))
    toy.measured("toyvig_m", all=first, **one)
    toy.measured("toyvig_s", all=second, **other)
    return [toy.of("toyvig_m"), toy.of("toyvig_s")]


RATIO = {"kind": "ratio", "unit": "ratio"}
DIFFERENCE = {"kind": "difference", "unit": "Mparam"}


@pytest.mark.parametrize(
    ("expect", "first", "second", "verdict"),
    [
        pytest.param({**RATIO, "printed": "2.0"}, 20.5, 10.0, "pass", id="ratio_on_the_tie"),
        pytest.param({**RATIO, "printed": "2.0"}, 20.51, 10.0, "fail", id="ratio_just_above"),
        pytest.param({**RATIO, "printed": "2.0"}, 19.5, 10.0, "pass", id="ratio_on_the_lower_tie"),
        pytest.param({**RATIO, "printed": "2.0"}, 19.49, 10.0, "fail", id="ratio_just_below"),
        pytest.param({**RATIO, "printed": "2.0"}, 10.0, 20.0, "fail", id="ratio_upside_down"),
        pytest.param(
            {**RATIO, "printed": "2.0"}, (19.9, 20, 20.1), 10.0, "pass", id="ratio_interval_inside"
        ),
        pytest.param(
            {**RATIO, "printed": "2.0"}, 20.0, (9.0, 10, 11.0), "inconclusive", id="ratio_straddles"
        ),
        pytest.param(
            {**DIFFERENCE, "printed": "5"}, 15.5, 10.0, "pass", id="difference_on_the_tie"
        ),
        pytest.param({**DIFFERENCE, "printed": "5"}, 15.6, 10.0, "fail", id="difference_above"),
        pytest.param({**DIFFERENCE, "printed": "5"}, 14.5, 10.0, "pass", id="difference_lower_tie"),
        pytest.param({**DIFFERENCE, "printed": "5"}, 10.0, 15.0, "fail", id="difference_reversed"),
        pytest.param({**DIFFERENCE, "printed": "-5"}, 10.0, 15.0, "pass", id="difference_negative"),
        pytest.param(
            {**DIFFERENCE, "printed": "5"},
            (15.0, 15.2, 15.3),
            (9.9, 10.0, 10.1),
            "pass",
            id="difference_interval_inside",
        ),
        pytest.param(
            {**DIFFERENCE, "printed": "5"},
            (15.0, 15.2, 15.5),
            (9.9, 10.0, 10.1),
            "inconclusive",
            id="difference_straddles",
        ),
    ],
)
def test_a_ratio_or_difference_of_two_measurements(
    toy: Any, expect: dict[str, str], first: float | Triple, second: float | Triple, verdict: str
) -> None:
    claim = toy.compared(expect, pair(toy, first, second))
    found = toy.verdict(claim)
    assert found.verdict == verdict
    assert found.evidence == ("toy_count/toyvig_m/[]", "toy_count/toyvig_s/[]")


def test_a_ratio_shows_its_number_its_interval_and_how_far_it_is_off(toy: Any) -> None:
    inputs = pair(toy, (8.0, 10.0, 12.0), (1.0, 2.0, 4.0))
    found = toy.verdict(toy.compared({**RATIO, "printed": "4"}, inputs))
    assert (found.measured.low, found.measured.value, found.measured.high) == (2.0, 5.0, 12.0)
    assert (found.off_by.last_digits, found.off_by.relative) == (1, 0.25)
    assert found.region == (3.5, 4.5)


@pytest.mark.parametrize(
    "divisor",
    [(-1.0, 1.0, 2.0), (0.0, 1.0, 2.0), (-2.0, -1.0, 0.0)],
    ids=["around_zero", "from_zero", "to_zero"],
)
def test_a_ratio_over_what_may_be_zero_is_an_error(toy: Any, divisor: Triple) -> None:
    found = toy.verdict(toy.compared({**RATIO, "printed": "2.0"}, pair(toy, 2.0, divisor)))
    assert said(found) == ("error", "measurement_error")


def test_a_ratio_agrees_within_its_tolerance(toy: Any) -> None:
    claim = toy.compared(
        {**RATIO, "printed": "2.0"}, pair(toy, 22.0, 10.0), tolerance=widening("10", "percent")
    )
    found = toy.verdict(claim)
    assert (found.verdict, found.agreement) == ("pass", "within_tolerance")


@pytest.mark.parametrize(
    ("relation", "first", "verdict"),
    [
        pytest.param("more_than", 10.001, "pass", id="more"),
        pytest.param("more_than", 10.0, "fail", id="equal_is_not_more"),
        pytest.param("at_least", 10.0, "pass", id="equal_is_at_least"),
        pytest.param("at_least", 9.999, "fail", id="less_is_not_at_least"),
        pytest.param("less_than", 9.999, "pass", id="less"),
        pytest.param("less_than", 10.0, "fail", id="equal_is_not_less"),
        pytest.param("at_most", 10.0, "pass", id="equal_is_at_most"),
        pytest.param("at_most", 10.001, "fail", id="more_is_not_at_most"),
        pytest.param("more_than", (9.0, 10.0, 11.0), "inconclusive", id="overlap"),
        pytest.param("more_than", (10.1, 11.0, 12.0), "pass", id="apart"),
    ],
)
def test_an_ordering_of_two_measurements(
    toy: Any, relation: str, first: float | Triple, verdict: str
) -> None:
    claim = toy.compared({"kind": "ordering", "relation": relation}, pair(toy, first, 10.0))
    found = toy.verdict(claim)
    assert found.verdict == verdict
    assert found.off_by is None


@pytest.mark.parametrize(
    ("others", "said_"),
    [
        pytest.param(({"folded": 9.0}, {"folded": 10.0}), "convention_ambiguous", id="changes"),
        pytest.param(({"folded": 9.0}, {"folded": 8.0}), "holds", id="does_not_change"),
        pytest.param(({"folded": 9.0}, {}), "holds", id="only_one_side_has_it"),
        pytest.param(({"hooks": 9.0}, {"hooks": 10.0}), "holds", id="unsound"),
        pytest.param(
            ({"trainable": 12.0, "folded": 9.0}, {"trainable": 10.0, "folded": 10.0}),
            "convention_ambiguous",
            id="the_last_one_changes",
        ),
    ],
)
def test_a_comparison_is_open_where_a_sound_convention_would_change_the_word(
    toy: Any, others: tuple[dict[str, float], dict[str, float]], said_: str
) -> None:
    inputs = pair(toy, 11.0, 10.0, others=others)
    claim = toy.compared({"kind": "ordering", "relation": "more_than"}, inputs)
    assert toy.verdict(claim).reason == said_


@pytest.mark.parametrize(
    ("conventions", "said_"),
    [
        pytest.param(("folded", "folded"), "does_not_hold", id="both_stated"),
        pytest.param(("all", "all"), "holds", id="both_stated_default"),
        pytest.param(("all", "unstated"), "convention_ambiguous", id="second_unstated"),
        pytest.param(("unstated", "all"), "convention_ambiguous", id="first_unstated"),
    ],
)
def test_a_stated_convention_of_an_input_stays(
    toy: Any, conventions: tuple[str, str], said_: str
) -> None:
    pair(toy, 11.0, 10.0, others=({"folded": 9.0}, {"folded": 12.0}))
    models = ("toyvig_m", "toyvig_s")
    inputs = [toy.of(m, convention=c) for m, c in zip(models, conventions, strict=True)]
    claim = toy.compared({"kind": "ordering", "relation": "more_than"}, inputs)
    assert toy.verdict(claim).reason == said_


def test_an_input_of_another_reproduction_has_conventions_of_its_own(toy: Any) -> None:
    toy.measured("toyvig_m", all=11.0, folded=9.0)
    toy.measured("toyvig_s", reproduction="toy_hit_rate", all=10.0)
    inputs = [toy.of("toyvig_m"), toy.of("toyvig_s", "toy_hit_rate", convention="all")]
    claim = toy.compared({"kind": "ordering", "relation": "more_than"}, inputs)
    assert toy.verdict(claim).reason == "convention_ambiguous"


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        pytest.param({"fitted_to": ["toypaper.toy_count.c0"]}, "fitted", id="fitted"),
        pytest.param({}, "substituted", id="substituted"),
    ],
)
@pytest.mark.parametrize("model", ["toyvig_m", "toyvig_s"])
@pytest.mark.parametrize("first", [20.0, 90.0], ids=["would_pass", "would_fail"])
def test_a_ratio_with_a_stand_in_on_either_side_is_left_open(
    toy: Any, note: dict[str, Any], reason: str, model: str, first: float
) -> None:
    toy.models[model] = {"stands_for": "another", "because": "a relative", **note}
    claim = toy.compared({**RATIO, "printed": "2.0"}, pair(toy, first, 10.0))
    found = toy.verdict(claim)
    assert said(found) == ("inconclusive", reason)
    assert found.agreement is None


def test_a_comparison_names_the_input_that_stands_in_its_way(toy: Any) -> None:
    toy.measured("toyvig_m", all=20.0)
    toy.outcome("toyvig_s", "error", reason="boom")
    found = toy.verdict(
        toy.compared({**RATIO, "printed": "2.0"}, [toy.of("toyvig_m"), toy.of("toyvig_s")])
    )
    assert (*said(found), found.detail) == (
        "error",
        "measurement_error",
        "toy_count of toyvig_s: boom",
    )


def test_a_comparison_without_the_key_it_needs_is_an_error(toy: Any) -> None:
    toy.measured("toyvig_m", all=20.0)
    toy.measured("toyvig_s", folded=10.0)
    inputs = [toy.of("toyvig_m"), toy.of("toyvig_s")]
    found = toy.verdict(toy.compared({**RATIO, "printed": "2.0"}, inputs))
    assert said(found) == ("error", "measurement_error")


def test_a_comparison_is_stale_if_one_input_is(toy: Any) -> None:
    inputs = pair(toy, 20.0, 10.0)
    claim = toy.compared({**RATIO, "printed": "2.0"}, inputs)
    assert not toy.verdict(claim).stale
    toy.measured("toyvig_s", all=10.0, stale=True)
    assert toy.verdict(claim).stale


# -- printed numbers in order ------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "relation", "verdict"),
    [
        pytest.param("25.6", "25.4", "more_than", "pass", id="apart"),
        pytest.param("25.6", "25.5", "more_than", "inconclusive", id="ties_touch"),
        pytest.param("25.6", "25.5", "at_least", "pass", id="ties_touch_at_least"),
        pytest.param("25.5", "25.5", "more_than", "inconclusive", id="same_print"),
        pytest.param("25.4", "25.6", "more_than", "fail", id="reversed"),
        pytest.param("25.4", "25.5", "more_than", "fail", id="reversed_ties_touch"),
        pytest.param("26", "25.6", "more_than", "inconclusive", id="coarse_print_reaches_lower"),
        pytest.param("25.4", "25.6", "less_than", "pass", id="less"),
    ],
)
def test_an_ordering_of_prints_is_judged_on_their_rounding(
    toy: Any, first: str, second: str, relation: str, verdict: str
) -> None:
    inputs = [toy.row(first, "toyvig_m"), toy.row(second, "toyvig_s")]
    expect = {"kind": "ordering", "relation": relation}
    found = toy.verdict(toy.compared(expect, inputs, scope="consistency"))
    assert found.verdict == verdict
    assert found.evidence == ()


def test_an_ordering_of_prints_reads_a_hedge(toy: Any) -> None:
    about = toy.row("25.6", "toyvig_m", flags={"hedge": "about"})  # 25.5 to 25.7
    lower, nearer = toy.row("25.4", "toyvig_s"), toy.row("25.5", "toyvig_s")
    expect = {"kind": "ordering", "relation": "more_than"}
    claims = [
        toy.compared(expect, [about, other], scope="consistency") for other in (lower, nearer)
    ]
    assert [toy.verdict(id_).verdict for id_ in claims] == ["pass", "inconclusive"]
