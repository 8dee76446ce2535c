"""Bounds and exact structures, on, just inside and just outside every limit."""

from fractions import Fraction
from typing import Any

import pytest

Triple = tuple[float, float, float]

BOUND_UNIT = {"unit": "Mparam"}


def widening(by: str, unit: str = "Mparam") -> dict[str, str]:
    return {"by": by, "unit": unit, "basis": "measured_noise", "because": "three runs differ so"}


def said(found: Any) -> tuple[str, str]:
    return found.verdict, found.reason


# -- bounds ------------------------------------------------------------------------------


def bound(toy: Any, relation: str, printed: str = "30", **fields: Any) -> str:
    flags = fields.pop("flags", {})
    expect = {"kind": "bound", "relation": relation, "printed": printed, **BOUND_UNIT, **flags}
    return str(
        toy.claim(
            f"toypaper.toy_count.b{len(toy.claims)}",
            expect,
            reproduction="toy_count",
            params={"model": "toyvig_s"},
            **fields,
        )
    )


@pytest.mark.parametrize(
    ("relation", "words"),
    [
        pytest.param("at_least", ("fail", "pass", "pass"), id="at_least"),
        pytest.param("more_than", ("fail", "fail", "pass"), id="more_than"),
        pytest.param("at_most", ("pass", "pass", "fail"), id="at_most"),
        pytest.param("less_than", ("pass", "fail", "fail"), id="less_than"),
    ],
)
def test_a_bound_is_taken_at_the_printed_number(
    toy: Any, relation: str, words: tuple[str, str, str]
) -> None:
    claim = bound(toy, relation)
    found = []
    for measured in (29.999, 30.0, 30.001):
        toy.measured(all=measured)
        found.append(toy.verdict(claim))
    assert tuple(v.verdict for v in found) == words
    for verdict in found:
        assert verdict.reason == ("holds" if verdict.verdict == "pass" else "does_not_hold")
        assert verdict.agreement == ("as_printed" if verdict.verdict == "pass" else None)
    below = relation in {"at_most", "less_than"}
    assert found[0].region == ((None, 30.0) if below else (30.0, None))
    assert found[0].measured.value == 29.999
    assert found[0].off_by.relative == float(Fraction("29.999") / 30 - 1)
    assert found[0].convention == "all"


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        pytest.param((30.0, 31.0, 32.0), "pass", id="touching"),
        pytest.param((29.0, 31.0, 32.0), "inconclusive", id="straddling"),
        pytest.param((28.0, 29.0, 29.9), "fail", id="below"),
    ],
)
def test_a_bound_on_an_interval_may_be_left_open(toy: Any, interval: Triple, verdict: str) -> None:
    claim = bound(toy, "at_least")
    toy.measured(all=interval)
    assert toy.verdict(claim).verdict == verdict


@pytest.mark.parametrize(
    ("relation", "fields", "measured", "agreement"),
    [
        pytest.param("at_least", {}, 30.0, "as_printed", id="on_the_print"),
        pytest.param(
            "at_least", {"tolerance": widening("1")}, 29.9, "within_tolerance", id="tolerance"
        ),
        pytest.param(
            "at_least", {"tolerance": widening("1")}, 29.0, "within_tolerance", id="on_its_limit"
        ),
        pytest.param("at_least", {"tolerance": widening("1")}, 28.999, None, id="under_its_limit"),
        pytest.param(
            "less_than", {"tolerance": widening("1")}, 30.0, "within_tolerance", id="from_above"
        ),
        pytest.param("less_than", {"tolerance": widening("1")}, 31.0, None, id="strict_limit"),
        pytest.param("at_least", {"flags": {"hedge": "about"}}, 29.0, "as_printed", id="hedged"),
        pytest.param("at_least", {"flags": {"hedge": "about"}}, 28.9, None, id="under_the_hedge"),
    ],
)
def test_only_a_hedge_or_a_tolerance_moves_a_bound(
    toy: Any, relation: str, fields: dict[str, Any], measured: float, agreement: str | None
) -> None:
    claim = bound(toy, relation, **fields)
    toy.measured(all=measured)
    found = toy.verdict(claim)
    assert (found.verdict, found.agreement) == ("pass" if agreement else "fail", agreement)


@pytest.mark.parametrize(
    ("values", "said_", "detail"),
    [
        pytest.param(
            {"folded": 29.0}, ("inconclusive", "convention_ambiguous"), "folded", id="one"
        ),
        pytest.param({"folded": 31.0}, ("pass", "holds"), "holds", id="none"),
        pytest.param({"hooks": 1.0}, ("pass", "holds"), "holds", id="unsound_one"),
    ],
)
def test_a_bound_is_open_where_a_sound_convention_would_change_the_word(
    toy: Any, values: dict[str, float], said_: tuple[str, str], detail: str
) -> None:
    claim = bound(toy, "at_least")
    toy.measured(all=30.0, **values)
    found = toy.verdict(claim)
    assert said(found) == said_
    assert detail in found.detail


def test_a_bound_with_a_stated_convention_knows_no_other(toy: Any) -> None:
    claim = bound(toy, "at_least", convention="folded")
    toy.measured(all=30.0, folded=29.0)
    found = toy.verdict(claim)
    assert (*said(found), found.convention) == ("fail", "does_not_hold", "folded")


def test_a_bound_shows_the_measured_value_not_the_middle_of_its_interval(toy: Any) -> None:
    claim = bound(toy, "at_least")
    toy.measured(all=(30.0, 31.0, 90.0))
    found = toy.verdict(claim)
    assert (found.measured.value, found.measured.high) == (31.0, 90.0)
    assert found.off_by.last_digits == 1


def test_a_bound_that_is_not_measured_is_blocked(toy: Any) -> None:
    found = toy.verdict(bound(toy, "at_least"))
    assert said(found) == ("blocked", "not_measured")


# -- exact structures --------------------------------------------------------------------


def structure(
    toy: Any, form: str, printed: str | list[str], model: str = "toyvig_s", **fields: Any
) -> str:
    return str(
        toy.claim(
            f"toypaper.toy_graph.g{len(toy.claims)}",
            {"kind": "equal", "form": form, "printed": printed},
            reproduction="toy_graph",
            params={"model": model},
            **fields,
        )
    )


@pytest.mark.parametrize(
    ("form", "printed", "fact", "verdict"),
    [
        pytest.param("integer", "12", 12, "pass", id="integer"),
        pytest.param("integer", "12", 13, "fail", id="another_integer"),
        pytest.param("word", "GELU", "GELU", "pass", id="word"),
        pytest.param("word", "GELU", "ReLU", "fail", id="another_word"),
        pytest.param("list", ["9", "12"], [9, 12], "pass", id="list"),
        pytest.param("list", ["9", "12"], [12, 9], "fail", id="wrong_order"),
        pytest.param("set", ["9", "12"], [12, 9], "pass", id="set"),
        pytest.param("set", ["9", "12"], [12, 10], "fail", id="another_set"),
        pytest.param("list", ["9", "12"], "9, 12", "fail", id="wrong_type"),
    ],
)
def test_an_exact_structure_is_equal_or_not(
    toy: Any, form: str, printed: str | list[str], fact: Any, verdict: str
) -> None:
    claim = structure(toy, form, printed)
    event = toy.measured(reproduction="toy_graph", facts={"blocks": fact}, stale=True)
    found = toy.verdict(claim)
    assert said(found) == (verdict, "equal" if verdict == "pass" else "not_equal")
    assert (found.convention, found.evidence, found.stale) == ("blocks", (event,), True)
    assert found.agreement == ("as_printed" if verdict == "pass" else None)
    assert repr(fact) in found.detail


def test_a_structure_may_be_a_number_the_measurement_holds(toy: Any) -> None:
    claim = structure(toy, "integer", "12")
    toy.measured(reproduction="toy_graph", blocks=12.0)
    assert toy.verdict(claim).verdict == "pass"


@pytest.mark.parametrize(
    ("interval", "said_"),
    [
        pytest.param((11.0, 12.0, 13.0), ("inconclusive", "straddles"), id="around"),
        pytest.param((12.0, 13.0, 14.0), ("inconclusive", "straddles"), id="touching"),
        pytest.param((13.0, 14.0, 15.0), ("fail", "not_equal"), id="apart"),
    ],
)
def test_a_number_with_spread_is_never_exactly_equal(
    toy: Any, interval: Triple, said_: tuple[str, str]
) -> None:
    claim = structure(toy, "integer", "12")
    toy.measured(reproduction="toy_graph", blocks=interval)
    assert said(toy.verdict(claim)) == said_


def test_an_exact_fact_decides_beside_a_number_with_spread(toy: Any) -> None:
    claim = structure(toy, "integer", "12")
    toy.measured(reproduction="toy_graph", facts={"blocks": 12}, blocks=(11.0, 12.0, 13.0))
    assert said(toy.verdict(claim)) == ("pass", "equal")


@pytest.mark.parametrize(
    ("facts", "convention", "said_"),
    [
        pytest.param({"layers": 12}, "unstated", "convention_ambiguous", id="sound"),
        pytest.param({"seen": 12}, "unstated", "not_equal", id="unsound"),
        pytest.param({"layers": 12}, "blocks", "not_equal", id="stated"),
        pytest.param({"layers": 24}, "unstated", "not_equal", id="no_fit"),
    ],
)
def test_a_structure_another_convention_fits_is_left_open(
    toy: Any, facts: dict[str, int], convention: str, said_: str
) -> None:
    claim = structure(toy, "integer", "12", convention=convention)
    toy.measured(reproduction="toy_graph", facts={"blocks": 24, **facts})
    assert toy.verdict(claim).reason == said_


def test_a_structure_that_was_not_measured_is_an_error(toy: Any) -> None:
    claim = structure(toy, "integer", "12", convention="layers")
    toy.measured(reproduction="toy_graph", facts={"blocks": 12}, seen=1.0)
    found = toy.verdict(claim)
    assert said(found) == ("error", "measurement_error")
    assert "want the key 'layers', found blocks, seen" in found.detail


def test_a_structure_of_what_crashed_is_an_error(toy: Any) -> None:
    claim = structure(toy, "integer", "12")
    toy.outcome("toyvig_s", "error", reproduction="toy_graph", reason="boom")
    assert said(toy.verdict(claim)) == ("error", "measurement_error")


# -- reproductions that hold facts instead of conventions --------------------------------


def about(toy: Any, key: str, expect: dict[str, str]) -> str:
    return str(
        toy.claim(
            f"toypaper.toy_facts.f{len(toy.claims)}",
            expect,
            reproduction="toy_facts",
            params={"model": "toyvig_s"},
            convention=key,
        )
    )


@pytest.mark.parametrize(
    ("key", "expect", "said_"),
    [
        ("type", {"kind": "equal", "form": "word", "printed": "GNN"}, ("pass", "equal")),
        ("type", {"kind": "equal", "form": "word", "printed": "CNN"}, ("fail", "not_equal")),
        ("num_nodes", {"kind": "equal", "form": "integer", "printed": "196"}, ("pass", "equal")),
        # 320 stands under another key, which is never tried
        (
            "num_nodes",
            {"kind": "equal", "form": "integer", "printed": "320"},
            ("fail", "not_equal"),
        ),
        (
            "num_nodes",
            {"kind": "value", "printed": "196", "unit": "nodes"},
            ("pass", "inside_region"),
        ),
        (
            "num_nodes",
            {"kind": "value", "printed": "320", "unit": "nodes"},
            ("fail", "outside_region"),
        ),
        (
            "blocks",
            {"kind": "equal", "form": "integer", "printed": "12"},
            ("error", "measurement_error"),
        ),
    ],
    ids=["word", "other_word", "integer", "other_key", "value", "other_value", "not_measured"],
)
def test_a_claim_is_held_against_the_fact_it_names_alone(
    toy: Any, key: str, expect: dict[str, str], said_: tuple[str, str]
) -> None:
    claim = about(toy, key, expect)
    facts = {"type": "GNN", "num_nodes": 196, "channels": 320}
    toy.measured(reproduction="toy_facts", facts=facts, num_nodes=196.0, channels=320.0)
    assert said(toy.verdict(claim)) == said_


def test_a_ratio_of_two_counted_facts_is_measured(toy: Any) -> None:
    models = ("toyvig_m", "toyvig_s")
    inputs = [toy.of(model, "toy_facts", convention="num_nodes") for model in models]
    claim = toy.compared({"kind": "ratio", "printed": "4", "unit": "ratio"}, inputs)
    for model, nodes in zip(models, (784.0, 196.0), strict=True):
        toy.measured(model, reproduction="toy_facts", num_nodes=nodes, channels=1.0)
    found = toy.verdict(claim)
    assert (found.verdict, found.convention, found.measured.value) == ("pass", "num_nodes", 4.0)
