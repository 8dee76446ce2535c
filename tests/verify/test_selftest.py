"""The self-test: nothing wrong as it stands, and every sabotage of the judge is noticed."""

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reproductions.contract import SPECS
from verify import convention, judge, judge_printed, rulings
from verify.acceptance import Interval, Printed
from verify.cli import main
from verify.compare import Acceptance
from verify.convention import Evidence
from verify.errors import ClaimError
from verify.kinds import extent, member, order, rules, vague
from verify.kinds import outcome as outcomes
from verify.load import load
from verify.selftest import refusals as planted_through
from verify.selftest import simulation
from verify.selftest.decoys import MAKERS, decoys
from verify.selftest.oracle import beyond, decimal, parsed
from verify.selftest.planted import PLANTED
from verify.selftest.refusals import TAMPERED, refusals
from verify.selftest.simulation import at_least, binomial_interval, simulate

TOY_PROJECT = Path(__file__).parent / "toyproject"
PAIR = [
    {"reproduction": "toy_count", "params": {"model": "toyvig_s"}},
    {"reproduction": "toy_count", "params": {"model": "toyvig_m"}},
]
WIDER = {"by": "0.25", "unit": "Mparam", "basis": "transfer", "because": "x"}
IN_PERCENT = {**WIDER, "by": "3", "unit": "percent"}


def every_kind(toy: Any) -> Any:
    """Put down claims of every kind and flag; nothing is measured, decoys need nothing."""
    first = toy.row("25.5", "toyvig_s")
    second = toy.row("12.25", "toyvig_m")
    toy.row("4,938.8", "toyvig_m", tolerance=IN_PERCENT)
    toy.row("134", "toyvig_l", flags={"hedge": "about"}, tolerance=WIDER)
    toy.row("42.0", "toynet_s", flags={"padded": True})
    toy.row("42.0", flags={"padded": True}, primary={"paper": "original", "printed": "42"})
    toy.row("42.0", flags={"padded": True}, primary={"paper": "original", "printed": "41"})
    toy.row("5", "toynet_b", flags={"coarse": True})
    toy.row("7.1", "toynet_b", convention="folded")
    toy.row("80.3", reproduction="toy_hit_rate")
    toy.row("9.7", reproduction="toy_miss_rate")
    toy.row("1.5", damaged="the line is cut")
    toy.row("14", reproduction="toy_graph")
    for number, relation in enumerate(("at_least", "at_most", "more_than", "less_than")):
        for more, extra in enumerate(
            ({}, {"tolerance": WIDER}, {"params": {"model": "toyvig_m"}, "convention": "folded"})
        ):
            fields = {"reproduction": "toy_count", "params": {"model": "toyvig_s"}, **extra}
            expect = {"kind": "bound", "relation": relation, "printed": "5.0", "unit": "Mparam"}
            hedged = {**expect, "hedge": "about"} if more == 2 else expect
            toy.claim(f"toypaper.toy_count.b{number}{more}", hedged, **fields)
        words = {"kind": "ordering", "relation": relation}
        toy.compared(words, [toy.of("toyvig_s"), toy.of("toyvig_m")])
        toy.compared(words, [first, second], scope="consistency")
    pair = [toy.of("toyvig_s"), toy.of("toyvig_m")]
    toy.compared({"kind": "ratio", "printed": "1.5", "unit": "ratio"}, pair)
    toy.compared({"kind": "ratio", "printed": "4", "unit": "ratio", "hedge": "about"}, pair)
    toy.compared({"kind": "difference", "printed": "-1.5", "unit": "Mparam"}, pair)
    toy.compared({"kind": "difference", "printed": "13.2", "unit": "Mparam"}, pair, tolerance=WIDER)
    rates = [toy.of("toyvig_s", "toy_hit_rate"), toy.of("toyvig_m", "toy_hit_rate")]
    falls = {"kind": "difference", "printed": "-1.5", "unit": "percent"}
    toy.compared(falls, rates, tolerance=IN_PERCENT)
    forms = (("integer", "3"), ("word", "static"), ("list", ["1", "2", "6"]), ("set", ["a", "b"]))
    for form, printed in forms:
        toy.claim(
            f"toypaper.toy_graph.{form}",
            {"kind": "equal", "form": form, "printed": printed},
            reproduction="toy_graph",
            params={"model": "toyvig_s"},
        )
    toy.arithmetic("2.08", {"ratio": {"of": first, "over": second}})
    toy.arithmetic("13.2", {"difference": {"from": second, "to": first}}, unit="Mparam")
    toy.arithmetic("108.2", {"percent_change": {"from": second, "to": first}}, unit="percent")
    toy.arithmetic("37.8", {"sum": [first, second]}, unit="Mparam")
    toy.arithmetic("25.5", {"maximum": [first, second]}, unit="Mparam")
    toy.arithmetic("150", {"power": {"base": second, "exponent": "2"}})
    toy.arithmetic("0.33", {"ratio": {"of": second, "over": {"sum": [first, second]}}})
    toy.arithmetic("312", {"product": [first, second]}, tolerance={**IN_PERCENT, "by": "1"})
    toy.claim("toypaper.statement.fun", None, check="none", because="fun is not measured")
    return of_figures(toy, second)


def of_figures(toy: Any, row: str) -> Any:
    """Put down claims that compare a figure of another work with a print of the document."""
    toy.arithmetic("2.04", {"ratio": {"of": toy.figure("25.0"), "over": row}})
    words = {"kind": "ordering", "relation": "more_than"}
    toy.compared(words, [toy.figure("25.0"), row], scope="consistency")
    return toy.project


def several_numbers(toy: Any) -> Any:
    """Put down claims over several prints and over several measurements."""
    printed = [toy.row(text, "toyvig_s") for text in ("11.5", "12.5", "13.5", "14.5")]
    rates = [toy.row(text, reproduction="toy_hit_rate") for text in ("70.1", "71.1")]
    models = ("toyvig_s", "toyvig_m", "toyvig_l", "toynet_s")
    measured = [toy.of(model) for model in models]
    hits = [toy.of(model, "toy_hit_rate") for model in models[:2]]
    published = [*printed[:2], *(toy.figure(text) for text in ("13.5", "14.5"))]
    of_claims = [{"measured": id_} for id_ in printed]
    for inputs, rated in (
        (printed, rates),
        (published, rates),
        (measured, hits),
        (of_claims, hits),
    ):
        first, second, third, fourth = inputs
        pairs = [[first, second], [third, fourth]]
        fields = {"scope": "consistency"} if isinstance(first, str) else {}
        for expect in _inside(first, [second, third], pairs, rated):
            toy.compared(expect, [], **fields)
        for given in (inputs, inputs[:2], inputs[:3]):
            for direction in ("increases", "decreases"):
                toy.compared({"kind": "monotone", "direction": direction}, given, **fields)
                trend = {"kind": "vague", "word": "trend", "sense": "trend"}
                toy.compared({**trend, "direction": direction}, given, **fields)
            for of in ("attained", "contained"):
                ends = {"kind": "range", "printed": ["12", "25.5"], "unit": "Mparam", "of": of}
                toy.compared(ends, given, **fields)
            most = {"kind": "up_to", "printed": "15.0", "unit": "Mparam"}
            toy.compared(most, given, **fields)
            toy.compared({**most, "hedge": "about"}, given, tolerance=WIDER, **fields)
        toy.compared({"kind": "vague", "word": "near", "sense": "comparable"}, rated, **fields)
    for number, means in enumerate(("out_of_memory", "runs")):
        for more, device in enumerate((None, "a card")):
            expect = {"kind": "outcome", "printed": "-", "means": means, "card": "48 GB"}
            expect |= {"device": device} if device else {}
            fields = {"reproduction": "toy_count", "params": {"model": "toyvig_s"}}
            toy.claim(f"toypaper.toy_count.o{number}{more}", expect, **fields)
    return toy.project


def _inside(one: Any, others: list[Any], pairs: list[Any], rates: list[Any]) -> Iterator[Any]:
    """Yield expectations that name their inputs themselves."""
    for better in ("higher", "lower"):
        yield {"kind": "best_of", "better": better, "subject": one, "against": others}
        yield {"kind": "best_of", "better": better, "pairs": pairs}
        yield {"kind": "best_of", "better": better, "pairs": pairs[:1]}
        apart = {"kind": "vague", "word": "apart", "sense": "different", "better": better}
        yield {**apart, "pairs": {"one": pairs, "other": [pairs[0]], "rates": [rates]}}
    for sense in ("comparable", "different"):
        word = {"kind": "vague", "word": sense, "sense": sense}
        yield {**word, "pairs": {"all": pairs}}
        yield {**word, "pairs": {"one": pairs[:1], "other": pairs[1:], "rates": [rates]}}
    series = {"one": [one, *others], "other": pairs[1]}
    yield {"kind": "vague", "word": "t", "sense": "trend", "direction": "increases"} | {
        "series": {"one": [*pairs[0], *pairs[1]], "other": [one, *others]}
    }
    yield {"kind": "vague", "word": "t", "sense": "trend", "direction": "decreases"} | {
        "series": series
    }
    most = {"kind": "up_to", "printed": "2.2", "unit": "ratio"}
    yield {**most, "pairs": pairs}
    yield {**most, "baselines": {"a": pairs[:1], "b": pairs[1:]}, "over": "each"}
    for over in ("union", "each"):
        yield {**most, "baselines": {"a": pairs, "none": []}, "over": over}
    ends = {"kind": "range", "printed": ["1.5", "2.5"], "unit": "ratio"}
    yield {**ends, "of": "attained", "pairs": pairs}
    yield {**ends, "of": "contained", "pairs": pairs}
    for exponent in ("2", "-1.5"):
        points = [{"x": "196", "y": one}, *({"x": "784", "y": o} for o in others)]
        yield {"kind": "growth", "printed": exponent, "unit": "exponent", "points": points}
    order = {"kind": "ordering", "relation": "less_than"}
    parts = [{"expect": order, "inputs": pair} for pair in pairs]
    yield {"kind": "all_of", "parts": parts}
    if isinstance(one, dict):
        value = {"kind": "value", "printed": "8.8", "unit": "Mparam"}
        bound = {"kind": "bound", "relation": "at_least", "printed": "0.6", "unit": "Mparam"}
        also = [{"expect": value, "inputs": [one]}, {"expect": bound, "inputs": [one]}]
        yield {"kind": "all_of", "parts": [*also, parts[0]]}


def test_decoys_of_every_kind_come_out_as_the_rules_say(toy: Any) -> None:
    every_kind(toy)
    counts, wrong = decoys(several_numbers(toy))
    assert wrong == []
    assert set(counts) == set(MAKERS) - {"planned"}
    assert all(counts.values())


def test_claims_on_reproductions_to_come_are_blocked_once_each(toy: Any) -> None:
    ids = {toy.row("25.5"), toy.compared({"kind": "ratio", "printed": "2", "unit": "ratio"}, PAIR)}
    to_come = replace(SPECS["toy_count"], name="toy_to_come")
    project = toy.project
    needs = {
        id_: tuple(replace(need, reproduction="toy_to_come", planned=to_come) for need in given)
        for id_, given in project.needs.items()
    }
    counts, wrong = decoys(replace(project, needs=needs))
    assert (counts, wrong) == ({"planned": len(ids)}, [])


def test_a_kind_without_a_maker_counts_as_wrong(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.row("25.5")
    monkeypatch.delitem(MAKERS, "value")
    counts, (wrong,) = decoys(toy.project)
    assert counts == {"value": 0}
    assert (wrong.kind, wrong.expected) == ("value", "a maker of decoys")


# -- sabotage ----------------------------------------------------------------------------


def _half_as_wide(printed: Printed, *, hedged: bool = False) -> Interval:
    reach = printed.last_digit / (2 if hedged else 4)
    return Interval(printed.value - reach, printed.value + reach)


def _without_ties(self: Interval, other: Interval) -> bool:
    return self.low < other.low and other.high < self.high


def _ends_are_outside(self: Interval, other: Interval) -> bool:
    return self.high <= other.low or self.low >= other.high


def _error_fails(court: Any, need: Any, found: Any = judge._Court._found) -> Any:
    verdict = found(court, need)
    if getattr(verdict, "verdict", None) == "error":
        return replace(verdict, verdict="fail", reason="outside_region")
    return verdict


def _missing_passes(court: Any, need: Any, found: Any = judge._Court._found) -> Any:
    verdict = found(court, need)
    return replace(verdict, verdict="pass") if getattr(verdict, "verdict", "") else verdict


def _compatible_passes(*given: Any, right: Any = rulings.recomputed) -> Any:
    verdict = right(*given)
    if verdict.reason == "compatible":
        return replace(verdict, verdict="pass", agreement="as_printed")
    return verdict


def _never_compatible(*given: Any, right: Any = rulings.recomputed) -> Any:
    verdict = right(*given)
    if verdict.reason == "compatible":
        return replace(verdict, verdict="fail", reason="do_not_fit_together")
    return verdict


def _any_fit(spec: Any, evidence: list[Evidence]) -> list[str]:
    return [c.name for c in spec.conventions[1:]]


def _most_rows(spec: Any, evidence: list[Evidence]) -> list[str]:
    """Let two rows of one convention do, whatever another row says."""
    names = [name for row in evidence for name in row.reproduced_by]
    return [c.name for c in spec.conventions[1:] if names.count(c.name) > 1]


def _nothing_missing(*given: Any, right: Any = convention.family_evidence) -> Any:
    return [replace(row, missing=False) for row in right(*given)]


def _everything_sound(spec: Any, found: Any) -> tuple[str, ...]:
    return tuple(c.name for c in spec.conventions if c.name in found.values)


def _no_tolerance(expect: Any, tolerance: Any, right: Any = Acceptance.of) -> Acceptance:
    return right(expect, None)


def _middles(accepted: Acceptance, interval: Interval) -> str:
    middle = (interval.low + interval.high) / 2
    return "inside" if accepted.widened.contains(Interval(middle, middle)) else "outside"


def _swapped(expect: Any, right: Any = rulings.ordering) -> Any:
    decide = right(expect)
    return lambda intervals: decide(list(intervals)[::-1])


def _agreed_on_the_first(labels: Any, verdicts: Any) -> Any:
    return verdicts[0]


NOWHERE = Interval(Fraction(0), Fraction(0))
SABOTAGES = {
    "region half as wide": (Printed, "rounding", _half_as_wide),
    "ties excluded": (Interval, "contains", _without_ties),
    "touching is outside": (Interval, "disjoint", _ends_are_outside),
    "error judged as fail": (judge._Court, "_found", _error_fails),
    "missing judged as pass": (judge._Court, "_found", _missing_passes),
    "compatible judged as pass": (judge_printed, "recomputed", _compatible_passes),
    "compatible judged as fail": (judge_printed, "recomputed", _never_compatible),
    "a convention passes a lone row": (judge, "qualifying", _any_fit),
    "a convention contradicted": (judge, "qualifying", _most_rows),
    "stale siblings taken": (judge, "family_evidence", _nothing_missing),
    "an unsound counter passes": (convention, "sound_conventions", _everything_sound),
    "stand-ins not held back": (judge._Court, "_capped", lambda court, verdict, needs: verdict),
    "tolerances ignored": (Acceptance, "of", _no_tolerance),
    "only the middle counts": (Acceptance, "standing", _middles),
    "operands swapped": (judge_printed, "ordering", _swapped),
    "the first of two models decides": (judge, "agreed", _agreed_on_the_first),
    "no protocol looked at": (judge._Court, "_by_protocol", lambda *given: None),
    "no integer region": (judge, "integer_region", lambda *given: NOWHERE),
    "nothing explained": (judge, "explanations", lambda *given: ()),
    "other conventions not looked at": (judge, "shared_conventions", lambda *given: []),
    "structures match": (rulings, "matches", lambda expect, fact: True),
}  # fmt: skip


def _first_part(parts: Any) -> Any:
    return parts[0].verdict


def _never_apart(parts: Any, right: Any = member.conjunction) -> Any:
    return right([replace(part, apart=False) for part in parts])


def _one_comparison(*given: Any, of: int, right: Any = order.compared) -> Any:
    return right(*given, of=1)


def _held_back_never(accepted: Any, most: Any, verdict: Any, told: str, missing: Any) -> Any:
    return extent_ruled(accepted, most, verdict, told, [])


extent_ruled = extent._ruled
SABOTAGES_OF_SETS = {
    "the first part decides": [(m, "conjunction", _first_part) for m in (order, extent, rules)],
    "a lost run counts": [(m, "conjunction", _never_apart) for m in (order, extent, rules)],
    "every comparison at the full error rate": [(order, "compared", _one_comparison)],
    "what is missing of a maximum is forgotten": [(extent, "_ruled", _held_back_never)],
    "the loosest reading alone": [(vague, "READINGS", vague.READINGS[2:])],
    "the strictest reading alone": [(vague, "READINGS", vague.READINGS[:1])],
    "no figure ends at 100 %": [(vague, "BOUNDED", frozenset())],
    "the card is not looked at": [
        (judge, "outcome", lambda expect, found: outcomes._said("pass", "", None))
    ],
}


@pytest.mark.parametrize("sabotage", sorted(SABOTAGES_OF_SETS))
def test_a_judge_sabotaged_on_several_numbers_is_noticed(
    toy: Any, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    project = several_numbers(toy)
    for where, name, instead in SABOTAGES_OF_SETS[sabotage]:
        monkeypatch.setattr(where, name, instead)
    assert decoys(project)[1] != []


@pytest.mark.parametrize("sabotage", sorted(SABOTAGES))
def test_a_sabotaged_judge_is_noticed(
    toy: Any, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    project = every_kind(toy)
    monkeypatch.setattr(*SABOTAGES[sabotage])
    assert decoys(project)[1] != []


def test_the_noise_notices_a_judge_that_forgets_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Acceptance, "standing", _middles)
    too_often = {(rate.rule, rate.mistake) for rate in simulate(100) if rate.too_often}
    assert {("value", "false pass"), ("value", "false fail")} <= too_often


def test_a_refusal_that_is_lost_counts_as_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted_through, "load", lambda root: None)
    number, wrong = refusals()
    assert len(wrong) == len(PLANTED)
    assert number > len(PLANTED) + len(TAMPERED)
    assert {one.found for one in wrong} == {"accepted"}


def test_two_sentences_for_one_mistake_count_as_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(root: Path) -> None:
        try:
            load(root)
        except ClaimError as error:
            raise ClaimError(f"{error}\n{error}") from error

    monkeypatch.setattr(planted_through, "load", twice)
    assert len(refusals()[1]) == len(PLANTED)


# -- its own tools -----------------------------------------------------------------------


def test_a_planted_mistake_has_a_name_of_its_own() -> None:
    names = [planted.name for planted in PLANTED]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("end", ["25.55", "4938.85", "1234567.85", "0", "-3.5", "0.00012345"])
@pytest.mark.parametrize("step", ["1e-10", "-1e-10"])
def test_a_hair_beyond_an_end_is_beyond_it(end: str, step: str) -> None:
    by = Fraction(step)
    found = beyond(Fraction(end), by)
    assert (decimal(found.value) - Fraction(end)) * by > 0
    assert abs(decimal(found.value) - Fraction(end)) < Fraction("1e-8")


@pytest.mark.parametrize(
    ("printed", "value", "digit"),
    [("80.3", "80.3", "0.1"), ("4,938", "4938", "1"), ("−1.2e3", "-1200", "100")],
)  # fmt: skip
def test_a_print_is_read_as_the_tool_reads_it(printed: str, value: str, digit: str) -> None:
    assert parsed(printed) == (Fraction(value), Fraction(digit))
    theirs = Printed.parse(printed)
    assert parsed(printed) == (theirs.value, theirs.last_digit)


def test_the_binomial_interval_is_that_of_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "CONFIDENCE", 0.95)
    # Clopper and Pearson: 5 of 10 at 95 % is 0.1871 to 0.8129; 0 of 10 ends at 0.3085.
    assert binomial_interval(5, 10) == pytest.approx((0.1871, 0.8129), rel=0, abs=1e-4)
    assert binomial_interval(0, 10) == pytest.approx((0, 0.3085), rel=0, abs=1e-4)
    assert binomial_interval(10, 10) == pytest.approx((0.6915, 1), rel=0, abs=1e-4)


@pytest.mark.parametrize(("hits", "rate"), [(0, 0.3), (3, 0.3), (10, 0.3), (4, 0.05)])
def test_the_binomial_tail_is_that_of_counting(hits: int, rate: float) -> None:
    draw = random.Random(1)
    trials = 20_000
    counted = sum(sum(draw.random() < rate for _ in range(10)) >= hits for _ in range(trials))
    assert at_least(hits, 10, rate) == pytest.approx(counted / trials, rel=0, abs=0.015)


def test_the_simulation_is_drawn_alike_every_time() -> None:
    assert simulate(50) == simulate(50)


# -- the command -------------------------------------------------------------------------


@pytest.fixture
def on_the_toy_project(known_reproductions: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Choose a project of few claims: the decoys of this one are judged in ``.ci/run``."""
    monkeypatch.syspath_prepend(str(TOY_PROJECT))
    sys.modules.pop("toy_counts", None)  # so that it declares its reproductions again
    return ["--project", str(TOY_PROJECT)]


def test_the_command_says_how_many_were_wrong(
    on_the_toy_project: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["selftest", *on_the_toy_project, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["wrong"] == []
    assert found["counts"]["wrong"] == found["counts"]["refused_wrongly"] == 0
    assert found["counts"]["decoys"] > found["counts"]["refusals"] > 100
    assert found["counts"]["simulations"] == len(found["simulation"])


def test_the_command_ends_with_one_if_anything_is_wrong(
    on_the_toy_project: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Printed, "rounding", _half_as_wide)
    assert main(["selftest", *on_the_toy_project]) == 1
    said = capsys.readouterr().out
    assert said.startswith("wrong: ")
    assert "\nwrong: toyvig." in said
    assert "decoys, 0 judged wrongly" not in said.partition("value: ")[2].splitlines()[0]
