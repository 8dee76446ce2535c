"""Decoys over several numbers: what is nearly right must not pass."""

from typing import Any

import pytest


def judged(toy: Any, expect: dict[str, Any], inputs: list[Any] | None = None) -> str:
    return str(toy.verdict(toy.compared(expect, inputs or [])).verdict)


@pytest.fixture
def three(toy: Any) -> list[dict[str, Any]]:
    """Three measurements: 2, 4 and 8."""
    for name, number in (("a", 2.0), ("b", 4.0), ("c", 8.0)):
        toy.measured(name, all=number)
    return [toy.of(name) for name in "abc"]


@pytest.mark.parametrize(
    ("low", "high", "passes"),
    [("2.0", "8.0", True), ("2.1", "8.0", False), ("2.0", "7.9", False), ("1.0", "8.0", False)],
)
def test_a_range_moved_at_one_end_does_not_pass(
    toy: Any, three: Any, low: str, high: str, passes: bool
) -> None:
    expect = {"kind": "range", "printed": [low, high], "of": "attained", "unit": "Mparam"}
    assert (judged(toy, expect, three) == "pass") is passes


@pytest.mark.parametrize(("printed", "passes"), [("4.0", True), ("4.1", False), ("8.0", False)])
def test_a_maximum_raised_does_not_pass(toy: Any, three: Any, printed: str, passes: bool) -> None:
    a, b, c = three
    expect = {"kind": "up_to", "printed": printed, "unit": "ratio", "pairs": [[b, a], [c, a]]}
    assert (judged(toy, expect) == "pass") is passes


@pytest.mark.parametrize(
    ("better", "subject", "passes"),
    [
        ("higher", 2, True),
        ("lower", 2, False),
        ("higher", 1, False),
        ("lower", 0, True),
    ],
)
def test_a_winner_swapped_does_not_pass(
    toy: Any, three: Any, better: str, subject: int, passes: bool
) -> None:
    against = [given for n, given in enumerate(three) if n != subject]
    expect = {"kind": "best_of", "better": better, "subject": three[subject], "against": against}
    assert (judged(toy, expect) == "pass") is passes


@pytest.mark.parametrize(
    ("order", "passes"), [("abc", True), ("bac", False), ("acb", False), ("cba", False)]
)
def test_a_series_out_of_order_does_not_pass(
    toy: Any, three: Any, order: str, passes: bool
) -> None:
    expect = {"kind": "monotone", "direction": "increases"}
    assert (judged(toy, expect, [toy.of(name) for name in order]) == "pass") is passes


@pytest.mark.parametrize(
    ("printed", "passes"), [("1.0", True), ("2.0", False), ("0.9", False), ("-1.0", False)]
)
def test_an_exponent_changed_does_not_pass(
    toy: Any, three: Any, printed: str, passes: bool
) -> None:
    points = [{"x": x, "y": y} for x, y in zip(("1", "2", "4"), three, strict=True)]
    expect = {"kind": "growth", "printed": printed, "unit": "exponent", "points": points}
    assert (judged(toy, expect) == "pass") is passes


def test_one_wrong_part_among_right_ones_does_not_pass(toy: Any, three: Any) -> None:
    a, b, c = three
    right = {"expect": {"kind": "ordering", "relation": "less_than"}, "inputs": [a, b]}
    wrong = {"expect": {"kind": "ordering", "relation": "less_than"}, "inputs": [c, b]}
    assert judged(toy, {"kind": "all_of", "parts": [right, right]}) == "pass"
    assert judged(toy, {"kind": "all_of", "parts": [right, wrong, right]}) == "fail"


@pytest.mark.parametrize("sense", ["comparable", "different"])
def test_a_vague_word_at_a_distance_of_a_third_does_not_pass(toy: Any, sense: str) -> None:
    toy.measured("x", all=3.0)
    toy.measured("y", all=2.0)
    expect = {"kind": "vague", "word": "so", "sense": sense}
    assert judged(toy, expect, [toy.of("x"), toy.of("y")]) == "inconclusive"


KINDS: list[dict[str, Any]] = [
    {"kind": "range", "printed": ["1", "9"], "of": "contained", "unit": "Mparam"},
    {"kind": "range", "printed": ["2", "8"], "of": "attained", "unit": "Mparam"},
    {"kind": "monotone", "direction": "increases"},
    {"kind": "vague", "word": "so", "sense": "trend", "direction": "increases"},
]


@pytest.mark.parametrize("expect", KINDS, ids=["contained", "attained", "monotone", "trend"])
def test_nothing_passes_while_a_member_is_missing(
    toy: Any, three: Any, expect: dict[str, Any]
) -> None:
    assert judged(toy, expect, three) == "pass"
    assert judged(toy, expect, [*three, toy.of("missing")]) == "blocked"
