"""Decoys of figures printed for a GPU: a judge that forgets where or in what noise is noticed."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from verify import judge, judge_pairs
from verify.kinds import transfer
from verify.load import load
from verify.selftest.decoys import decoys
from verify.selftest.lab import Wrong

INDEX = """
schema: 1
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
""" % ("0" * 64)
CLAIMS = """
source: toyvig
tables:
  - table: {table: "6", column: "b = 8"}
    title: Speed
    statement: "{row} handles {printed} images a second."
    reproduction: throughput
    params: {batch: 8, precision: default, device: rtx-6000-ada}
    qualifier: b8
    over: {"New": "Old"}
    expect: {kind: value, unit: images/s}
    rows:
      "Old": {printed: "80.0", model: pvig_ti}
      "New": {printed: "170.0", model: clustervig_ti}
claims:
  - id: toyvig.throughput.faster
    statement: New is faster.
    found_at: [{section: "5", printed: "faster"}]
    inputs:
      - {measured: toyvig.throughput.clustervig_ti.b8}
      - {measured: toyvig.throughput.pvig_ti.b8}
    expect: {kind: ordering, relation: more_than}
"""


@pytest.fixture
def wrong(tmp_path: Path) -> Callable[[], list[Wrong]]:
    """Judge the decoys of a value, a ratio and an order of speeds."""
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims.yaml").write_text(INDEX)
    (tmp_path / "claims" / "toyvig.yaml").write_text(CLAIMS)
    return lambda: decoys(load(tmp_path))[1]


def test_decoys_of_speeds_come_out_as_the_rules_say(wrong: Callable[[], list[Wrong]]) -> None:
    assert wrong() == []


def _as_it_was(verdict: Any, *_: Any) -> Any:
    return verdict


SABOTAGES: dict[str, tuple[object, str, object, set[str]]] = {
    "an absolute speed transfers": (judge, "of_value", _as_it_was, {"value"}),
    "a ratio transfers as if at home": (judge_pairs, "of_ratio", _as_it_was, {"ratio"}),
    "a ratio may move by more": (transfer, "SPREAD", Fraction(26, 100), {"ratio"}),
    "a ratio may move by less": (transfer, "SPREAD", Fraction(24, 100), {"ratio"}),
    "the noise is forgotten": (judge, "above_noise", _as_it_was, {"value"}),
    "where it ran is forgotten": (
        transfer,
        "is_elsewhere",
        lambda *_: False,
        {"ratio", "ordering"},
    ),
}


@pytest.fixture(params=SABOTAGES)
def sabotage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Break one rule; give the kinds of claims whose decoys must tell."""
    where, name, instead, kinds = SABOTAGES[request.param]
    monkeypatch.setattr(where, name, instead)
    return kinds


def test_a_judge_that_forgets_a_rule_on_gpus_is_noticed(
    sabotage: set[str], wrong: Callable[[], list[Wrong]]
) -> None:
    assert {one.kind for one in wrong()} == sabotage
