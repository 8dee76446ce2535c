"""Out of memory: only a peak above the card proves it, only a run under the cap refutes it."""

from typing import Any

import pytest

from reproductions.contract import Measurement, Quantity
from verify.expect import Outcome
from verify.kinds.outcome import outcome

CARD = {"kind": "outcome", "printed": "-", "card": "48 GB", "device": "RTX 6000 Ada"}


def found(peak: float | None = None, **facts: Any) -> Measurement:
    values = {} if peak is None else {"allocated": Quantity.exact(peak, "GiB")}
    return Measurement(values=values, facts=facts)


CAPPED = {"outcome": "runs", "cap_gib": 48.0, "device": "RTX 6000 Ada"}
RAN_OUT = {"outcome": "out_of_memory", "device": "H200"}


@pytest.mark.parametrize(
    ("means", "measurement", "word"),
    [
        ("out_of_memory", found(48.01, device="H200"), "pass"),
        ("out_of_memory", found(48.0, device="H200"), "not_comparable"),
        ("out_of_memory", found(47.9, **CAPPED), "fail"),
        ("out_of_memory", found(47.9, **{**CAPPED, "device": "H200"}), "not_comparable"),
        ("out_of_memory", found(47.9, **{**CAPPED, "cap_gib": 49.0}), "not_comparable"),
        ("out_of_memory", found(None, **RAN_OUT), "not_comparable"),
        ("runs", found(47.9, **{**CAPPED, "device": "H200"}), "pass"),
        ("runs", found(48.01, device="H200"), "fail"),
        ("runs", found(47.9, **{**RAN_OUT, "outcome": "runs"}), "not_comparable"),
        ("runs", found(None, **RAN_OUT), "not_comparable"),
    ],
)
def test_an_outcome_needs_a_peak_above_the_card_or_a_run_under_its_cap(
    means: str, measurement: Measurement, word: str
) -> None:
    assert outcome(Outcome.model_validate({**CARD, "means": means}), measurement).verdict == word


@pytest.mark.parametrize("means", ["out_of_memory", "runs"])
@pytest.mark.parametrize("device", ["cpu-x86-64", "cpu", None])
@pytest.mark.parametrize("key", ["allocated", "allocated_at_least"])
@pytest.mark.parametrize("facts", [{}, {"outcome": "runs", "cap_gib": 48.0}], ids=["", "capped"])
def test_what_no_card_held_says_nothing_of_a_card(
    means: str, device: str | None, key: str, facts: dict[str, Any]
) -> None:
    expect = Outcome.model_validate({**CARD, "means": means, "device": device})
    where = {} if device is None else {"device": device}
    for peak in (40.0, 60.0):
        quantity = {key: Quantity.exact(peak, "GiB")}
        measured = Measurement(values=quantity, facts={**facts, **where})
        verdict = outcome(expect, measured)
        assert (verdict.verdict, verdict.reason) == ("not_comparable", "other_card")
        assert "which is no card" in verdict.detail


def test_a_card_that_is_not_named_is_never_refuted() -> None:
    expect = Outcome.model_validate({**CARD, "means": "out_of_memory", "device": None})
    assert outcome(expect, found(40.0, **CAPPED)).verdict == "not_comparable"


def test_an_outcome_is_judged_with_its_evidence(toy: Any) -> None:
    event = toy.measured("a", facts={"outcome": "runs", "cap_gib": 40, "device": "RTX 6000 Ada"})
    given = {"reproduction": "toy_count", "params": {"model": "a"}}
    id_ = toy.claim("toypaper.toy_count.x", {**CARD, "means": "out_of_memory"}, **given)
    assert (toy.verdict(id_).verdict, toy.verdict(id_).evidence) == ("fail", (event,))
    given = {"reproduction": "toy_count", "params": {"model": "b"}}
    id_ = toy.claim("toypaper.toy_count.y", {**CARD, "means": "runs"}, **given)
    assert toy.verdict(id_).verdict == "blocked"
