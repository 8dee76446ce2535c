"""Vague words: every declared reading and every set has to agree."""

from typing import Any

import pytest


def judged(toy: Any, expect: dict[str, Any], inputs: list[str] | None = None) -> Any:
    id_ = f"toypaper.arithmetic.v{len(toy.claims)}"
    expect = {"kind": "vague", "word": "so", **expect}
    return toy.verdict(toy.claim(id_, expect, inputs=inputs or [], scope="consistency"))


def prints(toy: Any, *texts: str, reproduction: str = "toy_count") -> list[str]:
    return [toy.row(text, reproduction=reproduction) for text in texts]


@pytest.mark.parametrize(
    ("one", "other", "comparable", "different"),
    [
        ("1.000", "1.000", "pass", "fail"),
        ("1.000", "0.910", "pass", "fail"),
        ("1.000", "0.900", "inconclusive", "inconclusive"),
        ("1.000", "0.890", "inconclusive", "inconclusive"),
        ("1.000", "0.700", "inconclusive", "inconclusive"),
        ("1.000", "0.490", "fail", "pass"),
        ("0.490", "1.000", "fail", "pass"),
        ("1.000", "0.500", "inconclusive", "inconclusive"),
    ],
)
def test_a_pair_is_comparable_or_different_under_every_reading(
    toy: Any, one: str, other: str, comparable: str, different: str
) -> None:
    pair = prints(toy, one, other)
    assert judged(toy, {"sense": "comparable"}, pair).verdict == comparable
    assert judged(toy, {"sense": "different"}, pair).verdict == different


@pytest.mark.parametrize(("unit", "word"), [("toy_hit_rate", "fail"), ("toy_count", "pass")])
def test_figures_that_end_at_100_percent_are_compared_on_the_error(
    toy: Any, unit: str, word: str
) -> None:
    pair = prints(toy, "99.0", "97.0", reproduction=unit)  # errors of 1 and 3
    assert judged(toy, {"sense": "comparable"}, pair).verdict == word


@pytest.mark.parametrize(("better", "word"), [("higher", "pass"), ("lower", "fail")])
def test_different_may_have_a_side(toy: Any, better: str, word: str) -> None:
    pair = prints(toy, "3.0", "1.0")
    assert judged(toy, {"sense": "different", "better": better}, pair).verdict == word


def test_sets_have_to_agree(toy: Any) -> None:
    a, b, c = prints(toy, "1.00", "0.95", "0.20")
    both = {"sense": "comparable", "pairs": {"large": [[a, b]], "all": [[a, b], [a, c]]}}
    found = judged(toy, both)
    assert (found.verdict, found.reason) == ("inconclusive", "vague")
    assert "large, 10 %: yes" in found.detail
    assert "all, 10 %: no" in found.detail
    assert len(found.parts) == 6


@pytest.mark.parametrize(
    ("numbers", "direction", "word"),
    [
        (("1.0", "2.0", "3.0", "4.0"), "increases", "pass"),
        (("4.0", "3.0", "2.0", "1.0"), "increases", "fail"),
        (("4.0", "3.0", "2.0", "1.0"), "decreases", "pass"),
        (("1.0", "3.0", "2.0", "4.0"), "increases", "inconclusive"),
        (("1.0", "1.0", "1.0", "1.0"), "increases", "inconclusive"),
    ],
)
def test_a_trend_is_read_three_ways(
    toy: Any, numbers: tuple[str, ...], direction: str, word: str
) -> None:
    series = prints(toy, *numbers)
    found = judged(toy, {"sense": "trend", "direction": direction}, series)
    assert found.verdict == word
    named = {"sense": "trend", "direction": direction, "series": {"all": series}}
    assert judged(toy, named).verdict == word


def test_a_missing_side_blocks_unless_every_reading_fails(toy: Any) -> None:
    toy.measured("a", all=1.0)
    toy.measured("b", all=1.0)
    toy.measured("c", all=9.0)

    def found(*models: str) -> Any:
        pairs = [[toy.of("a"), toy.of(model)] for model in models]
        expect = {"kind": "vague", "word": "so", "sense": "comparable", "pairs": {"all": pairs}}
        return toy.verdict(toy.compared(expect, []))

    assert found("b").verdict == "pass"
    assert found("b", "missing").verdict == "blocked"
    assert found("c", "missing").verdict == "fail"
    assert found("missing").verdict == "blocked"
    toy.measured("out", facts={"outcome": "out_of_memory"})
    assert found("b", "out").verdict == "pass"
    assert found("out").reason == "out_of_memory"


def test_a_set_of_which_nothing_is_known_keeps_the_others_from_failing(toy: Any) -> None:
    toy.measured("a", all=1.0)
    toy.measured("c", all=9.0)
    sets = {"known": [[toy.of("a"), toy.of("c")]], "unknown": [[toy.of("a"), toy.of("missing")]]}
    expect = {"kind": "vague", "word": "so", "sense": "comparable", "pairs": sets}
    assert toy.verdict(toy.compared(expect, [])).verdict == "blocked"
