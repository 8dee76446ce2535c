"""How far a set reaches: ranges, maxima and growth on, inside and outside their limits."""

import math
from fractions import Fraction
from itertools import count
from typing import Any

import pytest

from reproductions.speed_statistics import paired_ratio
from verify.acceptance import Interval
from verify.expect import UpTo
from verify.kinds.extent import up_to
from verify.kinds.member import Member
from verify.kinds.rounds import Rounds

_NAMES = count()


def measured(toy: Any, *numbers: float | tuple[float, float, float] | None) -> list[dict[str, Any]]:
    """Store one measurement a number and give the inputs; None is not measured."""
    inputs = []
    for number in numbers:
        name = f"m{next(_NAMES)}"
        if number is not None:
            toy.measured(name, all=number)
        inputs.append(toy.of(name))
    return inputs


def compared(toy: Any, expect: dict[str, Any], inputs: list[Any]) -> Any:
    return toy.verdict(toy.compared(expect, inputs))


def ranged(of: str, low: str = "2.0", high: str = "5.0", **more: Any) -> dict[str, Any]:
    return {"kind": "range", "printed": [low, high], "of": of, "unit": "Mparam", **more}


@pytest.mark.parametrize(
    ("numbers", "of", "word"),
    [
        ((2.0, 3.0, 5.0), "attained", "pass"),
        ((1.95, 5.05), "attained", "pass"),
        ((1.949, 5.0), "attained", "fail"),
        ((2.0, 5.051), "attained", "fail"),
        ((2.5, 5.0), "attained", "fail"),
        ((2.0, 4.0), "attained", "fail"),
        ((2.5, 4.0), "contained", "pass"),
        ((1.95, 5.05), "contained", "pass"),
        ((1.9, 4.0), "contained", "fail"),
        (((1.9, 2.0, 2.1), 4.0), "contained", "inconclusive"),
        (((1.9, 2.0, 2.1), 5.0), "attained", "inconclusive"),
    ],
)
def test_a_range_is_attained_or_contains(toy: Any, numbers: Any, of: str, word: str) -> None:
    found = compared(toy, ranged(of), measured(toy, *numbers))
    assert found.verdict == word
    assert found.detail.startswith(of) or found.detail.startswith("both ends attained")


def test_a_range_with_a_member_missing_fails_only_by_one_outside(toy: Any) -> None:
    found = compared(toy, ranged("contained"), measured(toy, 3.0, None))
    assert (found.verdict, found.reason) == ("blocked", "not_measured")
    found = compared(toy, ranged("contained"), measured(toy, 9.0, None))
    assert (found.verdict, found.reason) == ("fail", "some_part_fails")
    assert "9" in found.detail


def test_a_range_of_ratios_takes_pairs(toy: Any) -> None:
    a, b, c, d = measured(toy, 4.0, 2.0, 10.0, 2.0)
    expect = ranged("attained", unit="ratio", pairs=[[a, b], [c, d]])
    assert compared(toy, expect, []).verdict == "pass"


UP_TO = {"kind": "up_to", "printed": "4", "unit": "Mparam"}


@pytest.mark.parametrize(
    ("numbers", "word", "agreement"),
    [
        ((1.0, 4.0), "pass", "as_printed"),
        ((1.0, 4.5), "pass", "as_printed"),
        ((1.0, 3.5), "pass", "as_printed"),
        ((1.0, 4.6), "pass", "exceeded"),
        (((4.4, 4.5, 4.6),), "pass", "exceeded"),
        ((1.0, 3.49), "fail", None),
        (((3.4, 3.5, 3.6),), "inconclusive", None),
        ((4.6, None), "pass", "exceeded"),
        ((3.0, None), "inconclusive", None),
        ((None, None), "blocked", None),
    ],
)
def test_a_maximum_reaches_the_print_or_does_not(
    toy: Any, numbers: Any, word: str, agreement: str | None
) -> None:
    found = compared(toy, UP_TO, measured(toy, *numbers))
    assert (found.verdict, found.agreement) == (word, agreement)
    assert found.region == (None if word == "blocked" else (3.5, None))
    if None in numbers and word != "blocked":
        assert "missing: toy_count of m" in found.detail or "missing: m" in found.detail


def test_a_low_maximum_with_members_missing_says_so(toy: Any) -> None:
    found = compared(toy, UP_TO, measured(toy, 3.0, None))
    assert found.reason == "members_missing"


def test_a_pair_that_ran_out_of_memory_is_no_member_that_is_missing(toy: Any) -> None:
    a, b, c = measured(toy, 3.0, 1.0, None)
    toy.measured(c["params"]["model"], facts={"outcome": "out_of_memory"})
    expect = {**UP_TO, "unit": "ratio", "pairs": [[a, b], [a, c]]}
    found = compared(toy, expect, [])
    assert found.verdict == "fail"
    assert "out of memory: " in found.detail


@pytest.mark.parametrize(
    ("over", "printed", "word", "agreement"),
    [
        ("union", "4", "pass", "as_printed"),
        ("each", "4", "inconclusive", None),
        ("each", "2", "inconclusive", None),
        ("union", "6", "inconclusive", None),
    ],
)
def test_baselines_are_asked_together_or_each(
    toy: Any, over: str, printed: str, word: str, agreement: str | None
) -> None:
    a, b, c, d = measured(toy, 8.0, 2.0, 4.0, 2.0)
    sets = {"one": [[a, b]], "other": [[c, d]], "nowhere": []}
    expect = {**UP_TO, "printed": printed, "unit": "ratio", "over": over, "baselines": sets}
    found = compared(toy, expect, [])
    if (over, printed) == ("each", "4"):
        assert found.verdict == "fail"  # the other baseline is complete and stays below
        assert "over other" in found.detail
        return
    assert (found.verdict, found.agreement) == (word, agreement)
    assert "nowhere" in found.detail


GROWTH = {"kind": "growth", "printed": "2.0", "unit": "exponent"}


def grown(toy: Any, numbers: Any, printed: str = "2.0") -> Any:
    inputs = measured(toy, *numbers)
    points = [{"x": str(10 * 2**n), "y": given} for n, given in enumerate(inputs)]
    return compared(toy, {**GROWTH, "printed": printed, "points": points}, [])


@pytest.mark.parametrize(
    ("numbers", "printed", "word"),
    [
        ((1.0, 4.0, 16.0), "2.0", "pass"),
        ((1.0, 4.0, 16.0), "1.9", "fail"),
        ((1.0, 2.0, 4.0), "1.0", "pass"),
        ((16.0, 4.0, 1.0), "-2", "pass"),
        ((1.0, 2.0**1.95), "2.0", "pass"),
        ((1.0, 2.0**1.94), "2.0", "fail"),
        (((0.9, 1.0, 1.1), 4.0), "2.0", "inconclusive"),
        ((1.0, None), "2.0", "blocked"),
        ((0.0, 1.0), "2.0", "error"),
    ],
)
def test_growth_is_the_slope_on_logarithms(toy: Any, numbers: Any, printed: str, word: str) -> None:
    assert grown(toy, numbers, printed).verdict == word


def test_growth_is_fitted_by_least_squares_over_all_points(toy: Any) -> None:
    np = pytest.importorskip("numpy")
    numbers = (1.0, 3.0, 21.0, 40.0)
    places = [10.0, 20.0, 40.0, 80.0]
    slope = np.polyfit(np.log(places), np.log(numbers), 1)[0]
    assert grown(toy, numbers).measured.value == pytest.approx(slope, rel=1e-9, abs=1e-9)


def timed(label: str, latencies: list[float]) -> Member:
    rounds = Rounds("s", tuple(latencies), Fraction(0))
    speed = Fraction(1 / (sum(latencies) / len(latencies)))
    return Member(label, Interval(speed, speed), speed, 0.05, rounds=rounds)


@pytest.mark.parametrize(("others", "word"), [(0, "pass"), (19, "inconclusive")])
def test_each_ratio_of_a_maximum_has_its_share_of_the_error_rate(others: int, word: str) -> None:
    slow, fast = [4.0, 4.1, 3.9, 4.05, 3.95], [1.0, 0.95, 1.05, 1.1, 0.9]
    low = {of: paired_ratio(slow, fast, level=0.05 / of).low for of in (1, 20)}
    limit = math.sqrt(low[1] * low[20])  # between what one ratio and one of twenty can show
    assert low[20] < limit - 0.001 < limit + 0.001 < low[1]
    pairs = [["toypaper.toy_count.a", "toypaper.toy_count.b"]] * (1 + others)
    expect = UpTo(kind="up_to", printed=f"{limit:.3f}", unit="ratio", pairs=pairs)
    members = [timed("new", fast), timed("old", slow)]
    members += [timed("same", slow), timed("old", slow)] * others
    assert up_to(expect, None, members).verdict == word


def test_a_maximum_of_two_needs_finer_intervals_than_one() -> None:
    member = Member("a", Interval(Fraction(5), Fraction(6)), Fraction(5), 0.05)
    expect = UpTo(kind="up_to", printed="5.0", unit="ratio")
    assert up_to(expect, None, [member]).verdict == "pass"
    found = up_to(expect, None, [member, Member("b", Interval(Fraction(1), Fraction(1)))])
    assert (found.verdict, found.reason) == ("inconclusive", "level")
