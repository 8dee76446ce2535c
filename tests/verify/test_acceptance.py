"""Printed numbers: what is read, what is refused, and exactly which numbers a print stands for."""

from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reproductions.contract import Quantity
from verify.acceptance import Interval, Printed, at_print, exactly, interval_of, round_half_up

PRINTS = st.builds(
    lambda sign, whole, decimals, exponent: f"{sign}{whole}{decimals}{exponent}",
    st.sampled_from(["", "-", "+"]),
    st.integers(0, 10**7),
    st.one_of(st.just(""), st.integers(0, 9999).map(lambda n: f".{n:04d}"), st.just(".5")),
    st.one_of(st.just(""), st.integers(-6, 6).map(lambda n: f"e{n}")),
)


@pytest.mark.parametrize(
    ("text", "value", "last_digit"),
    [
        pytest.param("80.3", Fraction(803, 10), Fraction(1, 10), id="decimal"),
        pytest.param("7.10", Fraction(71, 10), Fraction(1, 100), id="trailing_zero"),
        pytest.param("42", Fraction(42), Fraction(1), id="integer"),
        pytest.param("40", Fraction(40), Fraction(1), id="round_integer"),
        pytest.param(".0225", Fraction(225, 10000), Fraction(1, 10000), id="no_leading_zero"),
        pytest.param("0.00", Fraction(0), Fraction(1, 100), id="zero"),
        pytest.param("4,938.8", Fraction(49388, 10), Fraction(1, 10), id="thousands"),
        pytest.param("1,234,567", Fraction(1234567), Fraction(1), id="millions"),
        pytest.param("1.2e3", Fraction(1200), Fraction(100), id="exponent"),
        pytest.param("1.25E+1", Fraction(25, 2), Fraction(1, 10), id="signed_exponent"),
        pytest.param("5e-2", Fraction(5, 100), Fraction(1, 100), id="negative_exponent"),
        pytest.param("+0.8", Fraction(8, 10), Fraction(1, 10), id="plus"),
        pytest.param("-0.5", Fraction(-5, 10), Fraction(1, 10), id="hyphen"),
        pytest.param("\u22120.5", Fraction(-5, 10), Fraction(1, 10), id="minus_sign"),
        pytest.param("\u20130.5", Fraction(-5, 10), Fraction(1, 10), id="en_dash"),
        pytest.param("2e\u22123", Fraction(2, 1000), Fraction(1, 1000), id="minus_in_exponent"),
    ],
)
def test_a_print_is_read_exactly(text: str, value: Fraction, last_digit: Fraction) -> None:
    assert Printed.parse(text) == Printed(text, value, last_digit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "7.",
        "1,23",
        "12,34.5",
        "1234,567",
        "0,123",
        "1,000,00",
        "--1",
        " 5",
        "5 ",
        "5\n",
        "1e",
        "1.2.3",
        "6%",
        "7.1M",
        "nan",
        "inf",
        "1_000",
        "0x10",
        "\u0663",
        "\u20145",
        "about 5",
    ],
    ids=repr,
)
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="want a decimal number"):
        Printed.parse(text)


@pytest.mark.parametrize(
    ("measured", "inside"),
    [
        pytest.param("80.25", True, id="lower_tie"),
        pytest.param("80.2499999999", False, id="just_below"),
        pytest.param("80.2500000001", True, id="just_above_lower_tie"),
        pytest.param("80.35", True, id="upper_tie"),
        pytest.param("80.3500000001", False, id="just_above"),
        pytest.param("80.3", True, id="printed"),
    ],
)
def test_a_print_stands_for_what_rounds_to_it_with_both_ties(measured: str, inside: bool) -> None:
    point = Interval(Fraction(measured), Fraction(measured))
    assert Printed.parse("80.3").rounding().contains(point) is inside


@pytest.mark.parametrize(
    ("text", "hedged", "low", "high"),
    [
        pytest.param("134", False, "133.5", "134.5", id="integer"),
        pytest.param("134", True, "133", "135", id="hedged_integer"),
        pytest.param("8.8", True, "8.7", "8.9", id="hedged_decimal"),
        pytest.param("1.2e3", False, "1150", "1250", id="exponent"),
        pytest.param("-0.5", False, "-0.55", "-0.45", id="negative"),
        pytest.param("0", False, "-0.5", "0.5", id="zero"),
    ],
)
def test_half_a_last_digit_each_side_or_a_whole_one_if_hedged(
    text: str, hedged: bool, low: str, high: str
) -> None:
    region = Printed.parse(text).rounding(hedged=hedged)
    assert region == Interval(Fraction(low), Fraction(high))


def test_a_padded_print_read_as_an_integer_is_half_a_unit_wide() -> None:
    assert Printed.parse("42.0").integer_region() == Interval(Fraction("41.5"), Fraction("42.5"))


@pytest.mark.parametrize(
    ("number", "rounded"),
    [("2.5", 3), ("2.4999", 2), ("3.5", 4), ("-2.5", -3), ("-2.4999", -2), ("0.5", 1), ("0", 0)],
)
def test_halves_round_away_from_zero(number: str, rounded: int) -> None:
    assert round_half_up(Fraction(number)) == rounded


@pytest.mark.parametrize(
    ("printed", "measured", "off"),
    [
        pytest.param("80.3", "80.3", 0, id="equal"),
        pytest.param("80.3", "80.25", 0, id="lower_tie_rounds_up_to_the_print"),
        pytest.param("80.3", "80.249", -1, id="below_the_lower_tie"),
        pytest.param("80.3", "80.349", 0, id="below_the_upper_tie"),
        pytest.param("80.3", "80.35", 1, id="upper_tie_rounds_up_off_the_print"),
        pytest.param("80.3", "81.3", 10, id="a_whole_unit"),
        pytest.param("25.5", "25.557", 1, id="worked_example"),
        pytest.param("1.2e3", "900", -3, id="exponent"),
        pytest.param("-0.5", "-0.6", -1, id="more_negative_is_less"),
        pytest.param("-0.5", "-0.44", 1, id="less_negative_is_more"),
    ],
)
def test_last_digits_are_counted_after_rounding_half_up(
    printed: str, measured: str, off: int
) -> None:
    assert Printed.parse(printed).last_digits_off(Fraction(measured)) == off


@pytest.mark.parametrize("number", [25.55, 0.1, 1e-7, 1e22, -25.45, 0.0])
def test_a_float_is_read_as_the_decimal_that_prints_it(number: float) -> None:
    assert exactly(number) == Fraction(Decimal(str(number)))


def test_a_float_on_the_tie_stays_on_the_tie() -> None:
    assert Fraction(25.55) != Fraction("25.55")  # what the binary neighbor would have done
    tie = Quantity.exact(25.55, "Mparam")
    assert Printed.parse("25.5").rounding().contains(interval_of(tie))
    assert Printed.parse("25.6").rounding().contains(interval_of(tie))


def test_the_interval_of_a_quantity_is_from_its_low_to_its_high() -> None:
    spread = Quantity(value=2.0, low=1.1, high=2.2, unit="Mparam")
    assert interval_of(spread) == Interval(Fraction("1.1"), Fraction("2.2"))


@pytest.mark.parametrize(
    ("outer", "inner", "contains"),
    [
        pytest.param((1, 2), (1, 2), True, id="equal"),
        pytest.param((1, 2), (1, 3), False, id="over_the_top"),
        pytest.param((1, 2), (0, 2), False, id="under_the_bottom"),
        pytest.param((1, None), (1, 9), True, id="open_above"),
        pytest.param((1, None), (0, 9), False, id="open_above_low_missed"),
        pytest.param((None, 2), (-9, 2), True, id="open_below"),
        pytest.param((None, 2), (-9, 3), False, id="open_below_high_missed"),
        pytest.param((1, 2), (1, None), False, id="open_inside_closed"),
        pytest.param((1, 2), (None, 2), False, id="open_below_inside_closed"),
        pytest.param((None, None), (None, None), True, id="everything"),
    ],
)
def test_an_interval_contains_another_with_its_ends(
    outer: tuple[int | None, int | None], inner: tuple[int | None, int | None], contains: bool
) -> None:
    assert _interval(*outer).contains(_interval(*inner)) is contains


@pytest.mark.parametrize(
    ("one", "other", "disjoint"),
    [
        pytest.param((1, 2), (3, 4), True, id="apart"),
        pytest.param((1, 2), (2, 4), False, id="touching"),
        pytest.param((1, 3), (2, 4), False, id="overlapping"),
        pytest.param((None, 2), (3, None), True, id="open_apart"),
        pytest.param((None, 3), (3, None), False, id="open_touching"),
        pytest.param((None, None), (3, 4), False, id="everything"),
    ],
)
def test_disjoint_intervals_share_no_value(
    one: tuple[int | None, int | None], other: tuple[int | None, int | None], disjoint: bool
) -> None:
    assert _interval(*one).disjoint(_interval(*other)) is disjoint
    assert _interval(*other).disjoint(_interval(*one)) is disjoint


def test_widening_moves_the_finite_ends_only() -> None:
    assert _interval(1, 2).widened(Fraction(3)) == _interval(-2, 5)
    assert _interval(None, 2).widened(Fraction(3)) == _interval(None, 5)
    assert _interval(1, None).widened(Fraction(3)) == _interval(-2, None)


@pytest.mark.parametrize(
    ("number", "last_digit", "shown"),
    [
        pytest.param("25.557032", "0.1", "25.557", id="two_more_digits"),
        pytest.param("25.5575", "0.1", "25.558", id="half_up"),
        pytest.param("-25.5575", "0.1", "-25.558", id="half_away_from_zero"),
        pytest.param("1234.567", "100", "1235", id="exponent"),
        pytest.param("1/3", "1", "0.33", id="endless"),
        pytest.param("42", "1", "42.00", id="padded"),
    ],
)
def test_a_number_is_shown_with_two_digits_more_than_the_print(
    number: str, last_digit: str, shown: str
) -> None:
    assert at_print(Fraction(number), Fraction(last_digit)) == shown


@settings(deadline=None)
@given(text=PRINTS, eighths=st.integers(-12, 12), nudge=st.sampled_from([-1, 0, 1]))
def test_the_region_holds_exactly_the_numbers_that_round_to_the_print(
    text: str, eighths: int, nudge: int
) -> None:
    printed = Printed.parse(text)
    measured = printed.value + printed.last_digit * (Fraction(eighths, 8) + Fraction(nudge, 10**9))
    inside = printed.rounding().contains(Interval(measured, measured))
    assert inside is _reference_rounds_to(measured, text)


@settings(deadline=None)
@given(text=PRINTS)
def test_a_measurement_equal_to_the_print_is_off_by_nothing(text: str) -> None:
    printed = Printed.parse(text)
    assert printed.last_digits_off(printed.value) == 0
    assert printed.value / printed.last_digit == int(printed.value / printed.last_digit)


@settings(deadline=None)
@given(number=st.integers(-(10**12), 10**12), places=st.integers(0, 6))
def test_what_python_prints_with_commas_is_read_back(number: int, places: int) -> None:
    decimal = Decimal(number).scaleb(-places)
    printed = Printed.parse(f"{decimal:,f}")
    assert (printed.value, printed.last_digit) == (Fraction(decimal), Fraction(1, 10**places))


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_reading_a_float_loses_nothing(number: float) -> None:
    assert float(exactly(number)) == number


def _reference_rounds_to(measured: Fraction, text: str) -> bool:
    """Round both ways at school and compare with the print."""
    printed = Decimal(text)
    with localcontext() as context:
        context.prec = 100
        number = Decimal(measured.numerator) / Decimal(measured.denominator)
        unit = Decimal((0, (1,), int(printed.as_tuple().exponent)))
        ways = (ROUND_HALF_UP, ROUND_HALF_DOWN)
        return any(number.quantize(unit, rounding=way) == printed for way in ways)


def _interval(low: int | None, high: int | None) -> Interval:
    return Interval(
        None if low is None else Fraction(low), None if high is None else Fraction(high)
    )
