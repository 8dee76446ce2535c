"""Decoys: what is nearly right must not pass."""

from typing import Any

import pytest

RATIO = {"kind": "ratio", "unit": "ratio"}
DIFFERENCE = {"kind": "difference", "unit": "Mparam"}


def decoys(toy: Any) -> dict[str, Any]:
    """Put down toy claims that all pass, and give what each one prints."""
    toy.measured("toyvig_s", all=7.14)
    toy.measured("toyvig_m", all=14.008)
    toy.measured("toyvig_l", all=27.46)
    return {"toyvig_s": "7.1", "toyvig_m": "14.0", "toyvig_l": "27.5"}


def nudged(printed: str, last_digits: int) -> str:
    """Change a print by some last digits."""
    places = len(printed.partition(".")[2])
    return f"{float(printed) + last_digits * 10**-places:.{places}f}"


@pytest.mark.parametrize("last_digits", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("model", ["toyvig_s", "toyvig_m", "toyvig_l"])
def test_a_print_changed_in_its_last_digit_does_not_pass(
    toy: Any, model: str, last_digits: int
) -> None:
    printed = decoys(toy)[model]
    found = toy.verdict(toy.row(nudged(printed, last_digits), model))
    assert (found.verdict == "pass") is (last_digits == 0)


@pytest.mark.parametrize("pair_", [("toyvig_s", "toyvig_m"), ("toyvig_m", "toyvig_l")])
def test_two_rows_with_their_prints_swapped_do_not_pass(toy: Any, pair_: tuple[str, str]) -> None:
    printed = decoys(toy)
    one, other = pair_
    right = [toy.row(printed[one], one), toy.row(printed[other], other)]
    wrong = [toy.row(printed[other], one), toy.row(printed[one], other)]
    verdicts = toy.judged()
    assert [verdicts[id_].verdict for id_ in (*right, *wrong)] == ["pass", "pass", "fail", "fail"]


@pytest.mark.parametrize(
    ("printed", "passes"),
    [("1.96", True), ("0.98", False), ("3.92", False), ("1.95", False), ("1.97", False)],
    ids=["right", "halved", "doubled", "one_less", "one_more"],
)
def test_a_ratio_halved_or_nudged_does_not_pass(toy: Any, printed: str, passes: bool) -> None:
    decoys(toy)
    inputs = [toy.of("toyvig_m"), toy.of("toyvig_s")]
    found = toy.verdict(toy.compared({**RATIO, "printed": printed}, inputs))
    assert (found.verdict == "pass") is passes


@pytest.mark.parametrize(
    ("printed", "passes"), [("13.5", True), ("6.7", False), ("13.4", False), ("-13.5", False)]
)
def test_a_difference_halved_nudged_or_reversed_does_not_pass(
    toy: Any, printed: str, passes: bool
) -> None:
    decoys(toy)
    inputs = [toy.of("toyvig_l"), toy.of("toyvig_m")]
    found = toy.verdict(toy.compared({**DIFFERENCE, "printed": printed}, inputs))
    assert (found.verdict == "pass") is passes


@pytest.mark.parametrize(
    ("relation", "passes"), [("more_than", True), ("less_than", False), ("at_most", False)]
)
def test_an_ordering_reversed_does_not_pass(toy: Any, relation: str, passes: bool) -> None:
    decoys(toy)
    inputs = [toy.of("toyvig_l"), toy.of("toyvig_m")]
    found = toy.verdict(toy.compared({"kind": "ordering", "relation": relation}, inputs))
    assert (found.verdict == "pass") is passes


@pytest.mark.parametrize("last_digits", [-2, -1, 0, 1, 2])
def test_a_family_with_one_row_nudged_does_not_pass_that_row_by_convention(
    toy: Any, last_digits: int
) -> None:
    for model, everything, folded in (("toyvig_s", 7.184, 7.14), ("toyvig_m", 14.076, 14.008)):
        toy.measured(model, all=everything, folded=folded)
    toy.row("14.0", "toyvig_m")
    found = toy.verdict(toy.row(nudged("7.1", last_digits), "toyvig_s"))
    by_default = last_digits == 1  # 7.2 is what the default rounds to
    assert found.verdict == ("pass" if last_digits == 0 or by_default else "fail")
    assert found.agreement == {0: "convention:folded", 1: "as_printed"}.get(last_digits)
