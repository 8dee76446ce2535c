"""Every pair, every step, every part: what one that fails, is open or is missing makes of all."""

from fractions import Fraction
from typing import Any

import pytest

from verify.acceptance import Interval
from verify.expect import Monotone
from verify.kinds.member import Member
from verify.kinds.order import compared, monotone
from verify.kinds.transfer import Transfer

MORE = {"kind": "ordering", "relation": "more_than"}


def oom(toy: Any) -> str:
    expect = {"kind": "outcome", "printed": "-", "means": "out_of_memory", "card": "48 GB"}
    given = {"reproduction": "toy_count", "params": {"model": "toyvig_s"}}
    return toy.claim(f"toypaper.toy_count.oom{len(toy.claims)}", expect, **given)


def prints(toy: Any, *texts: str) -> list[str]:
    return [toy.row(text) if text != "-" else oom(toy) for text in texts]


def judged(toy: Any, expect: dict[str, Any], inputs: list[str] | None = None) -> Any:
    id_ = f"toypaper.arithmetic.s{len(toy.claims)}"
    return toy.verdict(toy.claim(id_, expect, inputs=inputs or [], scope="consistency"))


def best(toy: Any, better: str, subject: str, *others: str) -> Any:
    first, *rest = prints(toy, subject, *others)
    return judged(toy, {"kind": "best_of", "better": better, "subject": first, "against": rest})


@pytest.mark.parametrize(
    ("better", "numbers", "word"),
    [
        ("higher", ("80.3", "80.1", "79.0"), "pass"),
        ("lower", ("79.0", "80.1", "80.3"), "pass"),
        ("higher", ("80.3", "80.3", "79.0"), "inconclusive"),
        ("higher", ("80.3", "80.2", "79.0"), "inconclusive"),
        ("higher", ("80.3", "80.4", "79.0"), "fail"),
        ("higher", ("80.3", "80.5", "79.0"), "fail"),
        ("higher", ("80.3", "80.3", "80.9"), "fail"),
        ("lower", ("80.3", "80.5", "79.0"), "fail"),
    ],
)
def test_the_best_of_a_list_beats_every_other(
    toy: Any, better: str, numbers: tuple[str, ...], word: str
) -> None:
    found = best(toy, better, *numbers)
    assert found.verdict == word
    assert len(found.parts) == len(numbers) - 1


def test_every_pair_that_fails_is_told_with_its_numbers(toy: Any) -> None:
    found = best(toy, "higher", "80.3", "81", "79.0", "82")
    assert (found.verdict, found.reason) == ("fail", "some_part_fails")
    assert found.detail.startswith("2 of 3 do not hold")
    assert "81" in found.detail
    assert "82" in found.detail
    assert [part.verdict for part in found.parts] == ["fail", "pass", "fail"]


def test_a_pair_with_a_side_out_of_memory_is_counted_apart(toy: Any) -> None:
    found = best(toy, "higher", "80.3", "-", "79.0")
    assert found.verdict == "pass"
    assert found.detail == "all 1 hold; 1 counted apart, out of memory"
    found = best(toy, "higher", "80.3", "-", "-")
    assert (found.verdict, found.reason) == ("inconclusive", "out_of_memory")


def test_a_pair_that_fails_outweighs_one_that_is_missing(toy: Any) -> None:
    toy.measured("a", all=1.0)
    toy.measured("b", all=2.0)
    expect = {"kind": "best_of", "better": "higher", "subject": toy.of("a")}
    found = toy.verdict(toy.compared({**expect, "against": [toy.of("b"), toy.of("c")]}, []))
    assert found.verdict == "fail"
    expect = {**expect, "subject": toy.of("b"), "against": [toy.of("a"), toy.of("c")]}
    found = toy.verdict(toy.compared(expect, []))
    assert (found.verdict, found.reason) == ("blocked", "not_measured")
    assert "1 of 2 hold" in found.detail


def test_an_error_goes_before_what_is_blocked_or_open(toy: Any) -> None:
    toy.measured("a", all=(1.0, 2.0, 3.0))
    toy.measured("b", all=2.0)
    toy.outcome("c", "error", reason="broke")
    others = [toy.of("b"), toy.of("missing"), toy.of("c")]
    expect = {"kind": "best_of", "better": "higher", "subject": toy.of("a"), "against": others}
    found = toy.verdict(toy.compared(expect, []))
    assert (found.verdict, found.reason) == ("error", "measurement_error")


def test_the_measurement_of_another_claim_may_be_meant(toy: Any) -> None:
    toy.measured("a", all=3.0)
    toy.measured("b", all=2.0)
    one, other = toy.row("9", "a"), toy.row("1", "b")
    pairs = [[{"measured": one}, {"measured": other}]]
    expect = {"kind": "best_of", "better": "higher", "pairs": pairs}
    found = toy.verdict(toy.compared(expect, []))
    assert found.verdict == "pass"
    assert found.evidence == ("toy_count/a/[]", "toy_count/b/[]")


def test_a_convention_that_would_change_the_word_leaves_it_open(toy: Any) -> None:
    toy.measured("a", all=3.0, trainable=1.0)
    toy.measured("b", all=2.0, trainable=2.0)
    expect = {"kind": "best_of", "better": "higher", "pairs": [[toy.of("a"), toy.of("b")]]}
    found = toy.verdict(toy.compared(expect, []))
    assert (found.verdict, found.reason) == ("inconclusive", "convention_ambiguous")


def test_a_stand_in_decides_no_comparison(toy: Any) -> None:
    toy.models = {"a": {"stands_for": "x", "because": "x was not released"}}
    toy.measured("a", all=3.0)
    toy.measured("b", all=2.0)
    expect = {"kind": "best_of", "better": "higher", "pairs": [[toy.of("a"), toy.of("b")]]}
    assert toy.verdict(toy.compared(expect, [])).reason == "substituted"


@pytest.mark.parametrize(
    ("direction", "numbers", "word"),
    [
        ("increases", ("1.0", "2.0", "3.0"), "pass"),
        ("decreases", ("3.0", "2.0", "1.0"), "pass"),
        ("increases", ("1.0", "1.0", "3.0"), "inconclusive"),
        ("increases", ("1.0", "1.1", "3.0"), "inconclusive"),
        ("increases", ("1.0", "1.2", "3.0"), "pass"),
        ("increases", ("1.2", "1.0", "3.0"), "fail"),
        ("decreases", ("1.0", "2.0", "3.0"), "fail"),
    ],
)
def test_a_series_is_monotone_where_every_step_is(
    toy: Any, direction: str, numbers: tuple[str, ...], word: str
) -> None:
    found = judged(toy, {"kind": "monotone", "direction": direction}, prints(toy, *numbers))
    assert found.verdict == word


def test_a_measured_step_without_a_rise_is_no_rise(toy: Any) -> None:
    for name, number in (("a", 1.0), ("b", 1.0)):
        toy.measured(name, all=number)
    expect = {"kind": "monotone", "direction": "increases"}
    found = toy.verdict(toy.compared(expect, [toy.of("a"), toy.of("b")]))
    assert found.verdict == "fail"
    assert "a less than b" in found.detail


def parts(toy: Any, *given: tuple[dict[str, Any], list[Any]]) -> Any:
    listed = [{"what": f"part {n}", "expect": e, "inputs": i} for n, (e, i) in enumerate(given)]
    return {"kind": "all_of", "parts": listed}


def test_a_conjunction_holds_where_every_part_does(toy: Any) -> None:
    a, b = prints(toy, "3.0", "1.0")
    bound = {"kind": "bound", "relation": "at_least", "printed": "2", "unit": "Mparam"}
    value = {"kind": "value", "printed": "1", "unit": "Mparam"}
    assert judged(toy, parts(toy, (MORE, [a, b]), (bound, [a]), (value, [b]))).verdict == "pass"
    found = judged(toy, parts(toy, (MORE, [b, a]), (bound, [b]), (value, [b])))
    assert found.verdict == "fail"
    assert [(p.what, p.verdict) for p in found.parts] == [
        ("part 0", "fail"),
        ("part 1", "fail"),
        ("part 2", "pass"),
    ]


def test_a_conjunction_may_hold_comparisons_of_many(toy: Any) -> None:
    a, b, c = prints(toy, "3.0", "1.0", "2.0")
    best = {"kind": "best_of", "better": "higher", "subject": a, "against": [b, c]}
    rise = {"kind": "monotone", "direction": "increases"}
    assert judged(toy, parts(toy, (best, []), (rise, [b, c, a]))).verdict == "pass"
    found = judged(toy, parts(toy, (best, []), (rise, [b, a, c])))
    assert found.verdict == "fail"
    assert "part 1" in found.detail


def test_ratios_and_differences_are_parts_of_measured_conjunctions(toy: Any) -> None:
    toy.measured("a", all=3.0)
    toy.measured("b", all=1.0)
    inputs = [toy.of("a"), toy.of("b")]
    ratio = {"kind": "ratio", "printed": "3", "unit": "ratio"}
    difference = {"kind": "difference", "printed": "2.0", "unit": "Mparam"}
    found = toy.verdict(toy.compared(parts(toy, (ratio, inputs), (difference, inputs)), []))
    assert found.verdict == "pass"


@pytest.mark.parametrize(("level", "of", "word"), [(0.05, 1, "pass"), (0.05, 2, "inconclusive")])
def test_each_of_several_pairs_needs_its_share_of_the_error_rate(
    level: float, of: int, word: str
) -> None:
    first = Member("a", Interval(3, 4), None, level)
    second = Member("b", Interval(1, 2), None, 0.001)
    assert compared(first, second, "more_than", of=of).verdict.verdict == word


@pytest.mark.parametrize(
    ("prints", "measured", "word"),
    [
        ((10, 20, 40), (10, 21, 39), "pass"),
        ((10, 20, 40), (10, 39, 21), "fail"),
        ((10, 15, 23), (10, 39, 21), "fail"),  # 1.5 and more
        ((10, 14, 40), (10, 39, 21), "not_comparable"),  # 1.4 in one step
        ((10, 20, 29), (20, 10, 21), "not_comparable"),
    ],
)
def test_a_series_transfers_to_another_gpu_only_where_every_step_does(
    prints: tuple[int, ...], measured: tuple[int, ...], word: str
) -> None:
    members = [
        Member(str(p), Interval(Fraction(m), Fraction(m)), transfer=Transfer(Fraction(p), None))
        for p, m in zip(prints, measured, strict=True)
    ]
    found = monotone(Monotone(kind="monotone", direction="increases"), members)
    assert found.verdict == word
