"""Arithmetic over print: exact intervals, and the three outcomes exactly at their limits."""

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from verify.acceptance import Interval, Printed
from verify.arithmetic import UndefinedError, evaluate
from verify.expect import Operand, Operation, is_constant, operands_of, operation_of

A, B, C = "toy.count.a", "toy.count.b", "toy.count.c"


def operation(**raw: Any) -> Operation:
    return Operation.model_validate(raw)


def leaves(**intervals: tuple[str, str]) -> Callable[[str], Interval]:
    ends = {f"toy.count.{name}": Interval(*map(Fraction, it)) for name, it in intervals.items()}
    return ends.__getitem__


@pytest.mark.parametrize(
    ("raw", "low", "high"),
    [
        pytest.param({"ratio": {"of": A, "over": B}}, "1/2", "2", id="ratio"),
        pytest.param({"difference": {"from": A, "to": B}}, "-2", "2", id="difference"),
        pytest.param({"percent_change": {"from": A, "to": C}}, "-350", "-150", id="percent_change"),
        pytest.param({"product": [A, C]}, "-20", "-4", id="product_with_a_negative"),
        pytest.param({"product": [A]}, "2", "4", id="product_of_one"),
        pytest.param({"sum": [A, B, C]}, "-1", "6", id="sum"),
        pytest.param({"maximum": [A, B, "3"]}, "3", "4", id="maximum_with_a_constant"),
        pytest.param({"maximum": [C, A]}, "2", "4", id="maximum"),
        pytest.param({"power": {"base": A, "exponent": "2"}}, "4", "16", id="power"),
        pytest.param({"power": {"base": A, "exponent": "-1"}}, "1/4", "1/2", id="negative_power"),
        pytest.param({"power": {"base": A, "exponent": "0"}}, "1", "1", id="power_zero"),
        pytest.param({"ratio": {"of": {"sum": [A, B]}, "over": "2"}}, "2", "4", id="nested"),
        pytest.param(
            {
                "difference": {
                    "from": "1",
                    "to": {"ratio": {"of": {"product": [A, "3"]}, "over": B}},
                }
            },
            "1/2",
            "5",
            id="nested_twice",
        ),
        pytest.param({"sum": ["1,000", "-0.5", "1e1"]}, "1009.5", "1009.5", id="constants"),
    ],
)
def test_each_operation_gives_the_exact_interval(
    raw: Mapping[str, Any], low: str, high: str
) -> None:
    leaf = leaves(a=("2", "4"), b=("2", "4"), c=("-5", "-2"))
    assert evaluate(operation(**raw), leaf) == Interval(Fraction(low), Fraction(high))


@pytest.mark.parametrize(
    ("exponent", "low", "high"),
    [
        pytest.param("2", "0", "9", id="even_has_its_least_at_zero"),
        pytest.param("3", "-8", "27", id="odd_keeps_the_sign"),
        pytest.param("0", "1", "1", id="zero"),
    ],
)
def test_a_power_of_a_base_around_zero(exponent: str, low: str, high: str) -> None:
    raw = {"base": A, "exponent": exponent}
    found = evaluate(operation(power=raw), leaves(a=("-2", "3")))
    assert found == Interval(Fraction(low), Fraction(high))


@pytest.mark.parametrize(
    "divisor",
    [
        pytest.param(("-1", "1"), id="zero_inside"),
        pytest.param(("0", "1"), id="zero_below"),
        pytest.param(("-1", "0"), id="zero_above"),
        pytest.param(("0", "0"), id="zero_itself"),
    ],
)
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({"ratio": {"of": B, "over": A}}, id="ratio"),
        pytest.param({"percent_change": {"from": A, "to": B}}, id="percent_change"),
        pytest.param({"power": {"base": A, "exponent": "-1"}}, id="power"),
    ],
)
def test_division_by_what_may_be_zero_is_undefined(
    raw: Mapping[str, Any], divisor: tuple[str, str]
) -> None:
    with pytest.raises(UndefinedError, match="a divisor may be zero"):
        evaluate(operation(**raw), leaves(a=divisor, b=("1", "2")))


@pytest.mark.parametrize(
    "divisor", [("1/1000", "1"), ("-1", "-1/1000")], ids=["above_zero", "below_zero"]
)
def test_division_by_what_only_comes_near_zero_is_defined(divisor: tuple[str, str]) -> None:
    found = evaluate(operation(ratio={"of": "1", "over": A}), leaves(a=divisor))
    assert {abs(found.low or 0), abs(found.high or 0)} == {Fraction(1), Fraction(1000)}


@pytest.mark.parametrize(
    "exponent",
    ["1.5", "65", "-65", A],
    ids=["not_whole", "too_large", "too_small", "an_interval"],
)
def test_a_power_wants_one_whole_exponent_of_sane_size(exponent: str) -> None:
    with pytest.raises(UndefinedError, match="one whole exponent up to 64"):
        evaluate(operation(power={"base": "2", "exponent": exponent}), leaves(a=("1", "2")))


@pytest.mark.parametrize("exponent", [64, -64])
def test_the_largest_exponents_are_exact(exponent: int) -> None:
    found = evaluate(operation(power={"base": "2", "exponent": str(exponent)}), leaves())
    assert found == Interval(Fraction(2) ** exponent, Fraction(2) ** exponent)


def test_an_operand_without_limit_is_undefined() -> None:
    with pytest.raises(UndefinedError, match="no limit"):
        evaluate(operation(sum=[A]), lambda _: Interval(Fraction(1), None))


def test_a_leaf_that_stands_twice_counts_as_two_numbers() -> None:
    found = evaluate(operation(difference={"from": A, "to": A}), leaves(a=("1", "2")))
    assert found == Interval(Fraction(-1), Fraction(1))


# -- against a slow, obvious reference ---------------------------------------------------

FRACTIONS = st.fractions(-20, 20, max_denominator=12)
INTERVALS = st.tuples(FRACTIONS, FRACTIONS).map(lambda ends: (min(ends), max(ends)))
NAMES = ("ratio", "difference", "percent_change", "product", "sum", "maximum")


@st.composite
def trees(draw: st.DrawFn, depth: int = 2) -> Operation:
    """Draw an operation in which every leaf stands once and no power bends an interval."""
    count = iter(range(64))
    return _tree(draw, depth, count)


def _tree(draw: st.DrawFn, depth: int, count: Iterator[int]) -> Operation:
    name = draw(st.sampled_from(NAMES))
    operands = [_operand(draw, depth - 1, count) for _ in range(2)]
    if name == "ratio":
        return operation(ratio={"of": operands[0], "over": operands[1]})
    if name in {"difference", "percent_change"}:
        return operation(**{name: {"from": operands[0], "to": operands[1]}})
    return operation(**{name: operands})


def _operand(draw: st.DrawFn, depth: int, count: Iterator[int]) -> Operand:
    if depth > 0 and draw(st.booleans()):
        return _tree(draw, depth, count)
    return f"toy.count.l{next(count)}"


@settings(deadline=None, max_examples=150)
@given(tree=trees(), ends=st.lists(INTERVALS, min_size=4, max_size=4))
def test_intervals_equal_the_extremes_over_all_corners(
    tree: Operation, ends: list[tuple[Fraction, Fraction]]
) -> None:
    by_id = {f"toy.count.l{number}": interval for number, interval in enumerate(ends)}
    try:
        found = evaluate(tree, lambda id_: Interval(*by_id[id_]))
    except UndefinedError:
        assume(False)
    assert (found.low, found.high) == _reference_extremes(tree, by_id)


@settings(deadline=None, max_examples=100)
@given(base=INTERVALS, exponent=st.integers(-4, 6), steps=st.integers(1, 8))
def test_a_power_holds_every_point_between_the_corners(
    base: tuple[Fraction, Fraction], exponent: int, steps: int
) -> None:
    assume(exponent >= 0 or not base[0] <= 0 <= base[1])
    tree = operation(power={"base": A, "exponent": str(exponent)})
    found = evaluate(tree, lambda _: Interval(*base))
    width = (base[1] - base[0]) / steps
    points = [(base[0] + width * step) ** exponent for step in range(steps + 1)]
    if base[0] < 0 < base[1]:
        points.append(Fraction(0) ** exponent)
    assert found.low == min(points)
    assert found.high == max(points)


def _reference_extremes(
    tree: Operation, by_id: Mapping[str, tuple[Fraction, Fraction]]
) -> tuple[Fraction, Fraction]:
    """Compute the tree with plain numbers at every corner of the box its leaves span."""
    used = sorted(_leaf_ids(tree))
    results = [
        _reference_value(tree, dict(zip(used, corner, strict=True)))
        for corner in product(*(by_id[id_] for id_ in used))
    ]
    return min(results), max(results)


def _leaf_ids(operand: Operand) -> set[str]:
    if isinstance(operand, Operation):
        return set().union(*(_leaf_ids(inner) for inner in operands_of(operand)))
    return set() if is_constant(operand) else {operand}


def _reference_value(operand: Operand, numbers: Mapping[str, Fraction]) -> Fraction:
    if isinstance(operand, str):
        return Printed.parse(operand).value if is_constant(operand) else numbers[operand]
    name, _ = operation_of(operand)
    values = [_reference_value(inner, numbers) for inner in operands_of(operand)]
    if name == "ratio":
        return values[0] / values[1]
    if name == "difference":
        return values[1] - values[0]
    if name == "percent_change":
        return 100 * (values[1] - values[0]) / values[0]
    if name == "product":
        return math.prod(values, start=Fraction(1))
    return sum(values, Fraction(0)) if name == "sum" else max(values)


# -- the three outcomes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "verdict", "reason"),
    [
        # 20.0 / 10.0 = 2; over the rounding regions 19.95/10.05 .. 20.05/9.95 = 1.98507..2.01507
        pytest.param("2.0", "pass", "recomputes", id="recomputes"),
        pytest.param("2", "pass", "recomputes", id="recomputes_coarsely"),
        pytest.param("2.005", "inconclusive", "compatible", id="only_rounding_allows"),
        pytest.param("2.01", "inconclusive", "compatible", id="only_rounding_allows_the_top"),
        pytest.param("2.0151", "inconclusive", "compatible", id="regions_just_overlap"),
        pytest.param("2.0152", "fail", "do_not_fit_together", id="regions_just_apart"),
        pytest.param("1.9851", "inconclusive", "compatible", id="regions_just_overlap_below"),
        pytest.param("1.9850", "fail", "do_not_fit_together", id="apart_below"),
        pytest.param("2.1", "fail", "do_not_fit_together", id="apart"),
    ],
)
def test_printed_numbers_recompute_or_fit_or_do_not(
    toy: Any, printed: str, verdict: str, reason: str
) -> None:
    one, other = toy.row("20.0", "toyvig_m"), toy.row("10.0", "toyvig_s")
    found = toy.verdict(toy.arithmetic(printed, {"ratio": {"of": one, "over": other}}))
    assert (found.verdict, found.reason) == (verdict, reason)
    assert found.measured.value == 2
    assert found.agreement == ("as_printed" if verdict == "pass" else None)


@pytest.mark.parametrize(
    ("printed", "verdict"),
    [
        pytest.param("5.9", "inconclusive", id="point_outside"),
        pytest.param("6.0", "pass", id="point_on_the_upper_tie"),
        pytest.param("6.1", "pass", id="point_on_the_lower_tie"),
        pytest.param("5.8", "inconclusive", id="spread_touches_from_above"),
        pytest.param("6.3", "inconclusive", id="spread_touches_from_below"),
        pytest.param("5.7", "fail", id="spread_just_apart_below"),
        pytest.param("6.4", "fail", id="spread_just_apart_above"),
    ],
)
def test_the_limits_of_recomputing_are_exact(toy: Any, printed: str, verdict: str) -> None:
    # 10.1 - 4.05 = 6.05; each hedge adds a whole last digit, so the spread is 5.85..6.25
    one = toy.row("10.1", "toyvig_m", flags={"hedge": "about"})
    other = toy.row("4.0", "toyvig_s", flags={"hedge": "about"})
    half = "0.05"
    raw = {"difference": {"from": {"sum": [other, half]}, "to": one}}
    found = toy.verdict(toy.arithmetic(printed, raw))
    assert found.verdict == verdict


def test_do_not_fit_together_is_worded_so_and_never_refuted(toy: Any) -> None:
    one, other = toy.row("21.3", "toyvig_m"), toy.row("19.9", "toyvig_s")
    raw = {"percent_change": {"from": other, "to": one}}
    found = toy.verdict(toy.arithmetic("6", raw, unit="percent"))
    assert (found.verdict, found.detail) == ("fail", "these printed numbers do not fit together")
    low, high = Fraction("21.25") / Fraction("19.95"), Fraction("21.35") / Fraction("19.85")
    assert (found.measured.low, found.measured.high) == (
        float((low - 1) * 100),
        float((high - 1) * 100),
    )
    assert found.region == (5.5, 6.5)
    assert found.off_by.last_digits == 1  # 7.04 rounds to 7
    assert found.evidence == ()


def test_a_tolerance_widens_what_recomputes(toy: Any) -> None:
    one = toy.row("20.0", "toyvig_m")
    widening = {"by": "0.05", "unit": "ratio", "basis": "published_spread", "because": "two prints"}
    claims = [
        toy.arithmetic(printed, {"ratio": {"of": one, "over": "10"}}, tolerance=widening)
        for printed in ("1.8", "1.9", "2.0", "2.1", "2.0505", "2.11")
    ]
    verdicts = [toy.verdict(id_) for id_ in claims]
    words = ["fail", "pass", "pass", "pass", "inconclusive", "fail"]
    assert [found.verdict for found in verdicts] == words
    agreements = [None, "within_tolerance", "as_printed", "within_tolerance", None, None]
    assert [found.agreement for found in verdicts] == agreements


def test_arithmetic_may_use_the_print_of_arithmetic(toy: Any) -> None:
    one, other = toy.row("20.0", "toyvig_m"), toy.row("10.0", "toyvig_s")
    ratio = toy.arithmetic("2", {"ratio": {"of": one, "over": other}})
    double = toy.arithmetic("4", {"product": [ratio, "2"]})
    assert toy.verdict(double).verdict == "pass"
    assert f"{double}.measured" not in toy.judged()


def test_a_divisor_of_zero_cannot_be_checked(toy: Any) -> None:
    one, zero = toy.row("20.0", "toyvig_m"), toy.row("0", "toyvig_s")
    found = toy.verdict(toy.arithmetic("2", {"ratio": {"of": one, "over": zero}}))
    assert (found.verdict, found.reason) == ("not_checkable", "no_program")
    assert "zero" in found.detail


@pytest.mark.parametrize(
    ("printed", "verdict"), [("20", "pass"), ("3", "inconclusive")], ids=["recomputes", "does_not"]
)
def test_a_divisor_that_may_round_to_zero_rules_nothing_out(
    toy: Any, printed: str, verdict: str
) -> None:
    one = toy.row("20.0", "toyvig_m")
    small = toy.row("1", "toyvig_s", flags={"hedge": "about"})
    found = toy.verdict(toy.arithmetic(printed, {"ratio": {"of": one, "over": small}}))
    assert found.verdict == verdict
    assert found.measured.value == 20


# -- the same statement, measured --------------------------------------------------------


def percent_more(toy: Any, printed: str = "6", **models: Any) -> str:
    one = toy.row("21.3", models.get("one", "toyvig_m"))
    other = toy.row("19.9", "toyvig_s")
    raw = {"percent_change": {"from": other, "to": one}}
    return f"{toy.arithmetic(printed, raw, unit='percent')}.measured"


def test_the_twin_asks_the_models_what_the_print_was_asked(toy: Any) -> None:
    events = (toy.measured("toyvig_s", all=20.04), toy.measured("toyvig_m", all=21.26))
    twin = percent_more(toy)
    found = toy.verdict(twin)
    assert (found.verdict, found.reason) == ("pass", "inside_region")
    assert toy.verdict(twin.removesuffix(".measured")).verdict == "fail"
    assert found.measured.value == float((Fraction("21.26") / Fraction("20.04") - 1) * 100)
    assert found.off_by.last_digits == 0
    assert set(found.evidence) == set(events)
    assert found.convention == "all"


@pytest.mark.parametrize(
    ("bigger", "verdict"),
    [
        pytest.param(105.5, "pass", id="on_the_lower_limit"),
        pytest.param(105.49, "fail", id="just_below"),
        pytest.param(106.5, "pass", id="on_the_upper_limit"),
        pytest.param(106.51, "fail", id="just_above"),
        pytest.param((106.4, 106.45, 106.5), "pass", id="interval_inside"),
        pytest.param((106.4, 106.45, 106.51), "inconclusive", id="interval_straddles"),
    ],
)
def test_the_twin_is_judged_by_the_region_of_the_print(
    toy: Any, bigger: float | tuple[float, float, float], verdict: str
) -> None:
    toy.measured("toyvig_s", all=100.0)
    toy.measured("toyvig_m", all=bigger)
    assert toy.verdict(percent_more(toy)).verdict == verdict


def test_the_twin_is_open_where_a_sound_convention_would_change_the_word(toy: Any) -> None:
    toy.measured("toyvig_s", all=100.0, folded=100.0, hooks=100.0)
    toy.measured("toyvig_m", all=106.0, folded=107.0, hooks=150.0)
    found = toy.verdict(percent_more(toy))
    assert (found.verdict, found.reason) == ("inconclusive", "convention_ambiguous")
    assert found.detail == "pass as counted by default, fail counted folded"


def test_an_unsound_convention_does_not_open_the_twin(toy: Any) -> None:
    toy.measured("toyvig_s", all=100.0, folded=100.0, hooks=100.0)
    toy.measured("toyvig_m", all=106.0, folded=106.1, hooks=150.0)
    assert toy.verdict(percent_more(toy)).verdict == "pass"


def test_the_twin_is_blocked_until_every_input_is_measured(toy: Any) -> None:
    toy.measured("toyvig_s", all=100.0)
    found = toy.verdict(percent_more(toy))
    assert (found.verdict, found.reason) == ("blocked", "not_measured")
    assert "toyvig_m" in found.detail


def test_the_twin_names_the_model_that_is_still_to_be_written(toy: Any) -> None:
    toy.measured("toyvig_s", all=100.0)
    found = toy.verdict(percent_more(toy, one="toyvig_unwritten"))
    assert (found.verdict, found.reason) == ("blocked", "no_model")
    assert "no model named toyvig_unwritten yet" in found.detail


def test_a_crash_on_one_input_is_an_error_of_the_twin(toy: Any) -> None:
    toy.measured("toyvig_s", all=100.0)
    toy.outcome("toyvig_m", "error", reason="ValueError: boom")
    found = toy.verdict(percent_more(toy))
    assert (found.verdict, found.reason) == ("error", "measurement_error")


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        pytest.param({"fitted_to": ["toypaper.toy_count.r0"]}, "fitted", id="fitted"),
        pytest.param({}, "substituted", id="substituted"),
    ],
)
@pytest.mark.parametrize("bigger", [106.0, 150.0], ids=["would_pass", "would_fail"])
def test_the_twin_of_a_fitted_or_substituted_model_is_left_open(
    toy: Any, note: dict[str, Any], reason: str, bigger: float
) -> None:
    toy.models["toyvig_m"] = {"stands_for": "ToyViG-M", "because": "nearest relative", **note}
    toy.measured("toyvig_s", all=100.0)
    toy.measured("toyvig_m", all=bigger)
    found = toy.verdict(percent_more(toy))
    assert (found.verdict, found.reason) == ("inconclusive", reason)
    assert found.off_by is not None


@pytest.mark.parametrize(
    ("second", "verdict", "reason"),
    [
        pytest.param(106.1, "pass", "inside_region", id="agree"),
        pytest.param(120.0, "inconclusive", "model_ambiguous", id="differ"),
    ],
)
def test_the_twin_is_judged_on_each_model_a_label_fits(
    toy: Any, second: float, verdict: str, reason: str
) -> None:
    toy.measured("toyvig_s", all=100.0)
    toy.measured("toyvig_m", all=106.0)
    toy.measured("toyvig_l", all=second)
    found = toy.verdict(percent_more(toy, one=["toyvig_m", "toyvig_l"]))
    assert (found.verdict, found.reason) == (verdict, reason)


def test_one_input_used_twice_is_one_model_at_a_time(toy: Any) -> None:
    toy.measured("toyvig_m", all=10.0)
    toy.measured("toyvig_l", all=20.0)
    either = toy.row("10", ["toyvig_m", "toyvig_l"])
    twin = toy.arithmetic("1", {"ratio": {"of": either, "over": either}})
    found = toy.verdict(f"{twin}.measured")
    assert (found.verdict, found.measured.value) == ("pass", 1.0)
    assert found.evidence == ("toy_count/toyvig_m/[]", "toy_count/toyvig_l/[]")


def test_the_twin_counts_an_input_as_its_claim_states(toy: Any) -> None:
    toy.measured("toyvig_m", all=10.0, folded=12.0)
    toy.measured("toyvig_s", all=10.0, folded=10.0)
    one = toy.row("12", "toyvig_m", convention="folded")
    other = toy.row("10", "toyvig_s", convention="all")
    found = toy.verdict(f"{toy.arithmetic('1.2', {'ratio': {'of': one, 'over': other}})}.measured")
    assert (found.verdict, found.convention) == ("pass", "folded,all")


def test_a_measured_divisor_that_may_be_zero_is_an_error_not_a_verdict(toy: Any) -> None:
    toy.measured("toyvig_m", all=10.0)
    toy.measured("toyvig_s", all=(-1.0, 1.0, 2.0))
    one, other = toy.row("10", "toyvig_m"), toy.row("1", "toyvig_s")
    found = toy.verdict(f"{toy.arithmetic('10', {'ratio': {'of': one, 'over': other}})}.measured")
    assert (found.verdict, found.reason) == ("error", "measurement_error")


def test_the_number_shown_is_that_of_the_measured_values(toy: Any) -> None:
    toy.measured("toyvig_m", all=(9.0, 10.0, 20.0))
    one = toy.row("10", "toyvig_m")
    found = toy.verdict(f"{toy.arithmetic('20', {'product': [one, '2']})}.measured")
    assert (found.measured.value, found.measured.low, found.measured.high) == (20.0, 18.0, 40.0)
    assert found.off_by.last_digits == 0


def test_the_twin_is_stale_if_one_input_is(toy: Any) -> None:
    toy.measured("toyvig_s", all=100.0, stale=True)
    toy.measured("toyvig_m", all=106.0)
    assert toy.verdict(percent_more(toy)).stale


def test_no_twin_without_a_measurement_for_every_input(toy: Any) -> None:
    one = toy.row("20.0", "toyvig_m")
    unchecked = toy.claim("toypaper.statement.x", None, check="none", because="no device")
    toy.arithmetic("2", {"sum": ["1", "1"]})
    mixed = toy.arithmetic("2", {"ratio": {"of": one, "over": unchecked}})
    assert [id_ for id_ in toy.project.claims if id_.endswith(".measured")] == []
    known = {"verdict": "pass", "because": "seen in March"}
    whole = toy.arithmetic("20", {"sum": [one]}, known_verdict=known)
    twin = toy.project.claims[f"{whole}.measured"]
    assert (twin.scope, twin.twin_of, twin.known_verdict) == ("claim", whole, None)
    assert mixed in toy.project.claims
