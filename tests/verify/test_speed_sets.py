"""Claims over several speeds: what a word, a range and a growth say on another class of GPU."""

from pathlib import Path

import pytest

from reproductions.contract import Measurement, Quantity
from verify.judge import judge
from verify.load import load
from verify.project import Project
from verify.stored import Stored
from verify.verdict import Verdict

INDEX = """
schema: 1
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
""" % ("0" * 64)
TABLE = """
  - table: {{table: "6", column: "b = {batch}"}}
    title: Speed
    statement: "{{row}} handles {{printed}} images a second."
    reproduction: throughput
    params: {{batch: {batch}, precision: default, device: rtx-6000-ada}}
    qualifier: b{batch}
    expect: {{kind: value, unit: images/s}}
    rows:
      "Old": {{printed: "{old}", model: pvig_ti}}
      "New": {{printed: "{new}", model: clustervig_ti}}
"""
BOTH = "{measured: toyvig.throughput.clustervig_ti.b64}, {measured: toyvig.throughput.pvig_ti.b64}"
AT_1, AT_64 = (f"{{measured: toyvig.throughput.pvig_ti.b{batch}}}" for batch in (1, 64))
UNPRINTED = (
    "{{reproduction: throughput, params: {{model: {}, batch: 64, precision: default, "
    "device: rtx-6000-ada}}, convention: throughput}}"
)
CLAIMS = f"""
claims:
  - id: toyvig.throughput.comparable
    statement: Both are comparably fast.
    found_at: [{{section: "5", printed: "comparable"}}]
    expect:
      kind: vague
      word: comparable
      sense: comparable
      pairs: {{at_64: [[{BOTH}]]}}
  - id: toyvig.throughput.unprinted
    statement: Both are comparably fast, which no table shows.
    found_at: [{{section: "5", printed: "comparable"}}]
    expect:
      kind: vague
      word: comparable
      sense: comparable
      pairs: {{at_64: [[{UNPRINTED.format("clustervig_ti")}, {UNPRINTED.format("pvig_ti")}]]}}
  - id: toyvig.throughput.trend
    statement: Speed tends to grow with the batch.
    found_at: [{{section: "5", printed: "grows"}}]
    inputs: [{AT_1}, {AT_64}]
    expect: {{kind: vague, word: trend, sense: trend, direction: increases}}
  - id: toyvig.throughput.bound
    statement: New handles at least 100 images a second.
    found_at: [{{section: "5", printed: "100"}}]
    reproduction: throughput
    params: {{model: clustervig_ti, batch: 64, precision: default, device: rtx-6000-ada}}
    expect: {{kind: bound, relation: at_least, printed: "100", unit: images/s}}
  - id: toyvig.arithmetic.as_fast
    statement: New is as fast.
    found_at: [{{section: "5", printed: "as fast"}}]
    scope: consistency
    expect:
      kind: arithmetic
      printed: "1.0"
      unit: ratio
      ratio: {{of: toyvig.throughput.clustervig_ti.b64, over: toyvig.throughput.pvig_ti.b64}}
  - id: toyvig.throughput.between
    statement: Both lie between 100 and 110 images a second.
    found_at: [{{section: "5", printed: "100 to 110"}}]
    inputs: [{BOTH}]
    expect: {{kind: range, printed: ["100", "110"], of: contained, unit: images/s}}
  - id: toyvig.throughput.grows
    statement: Speed grows with the batch.
    found_at: [{{section: "5", printed: "grows"}}]
    expect:
      kind: growth
      printed: "0.6"
      unit: exponent
      points:
        - {{x: "1", y: {{measured: toyvig.throughput.pvig_ti.b1}}}}
        - {{x: "64", y: {{measured: toyvig.throughput.pvig_ti.b64}}}}
"""
CARD, ELSEWHERE = "rtx-6000-ada", "h200"
NAMES = ("comparable", "unprinted", "trend", "bound", "between", "grows")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Print speeds at batches of 1 and 64, where a batch of 64 takes six times as long."""
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims.yaml").write_text(INDEX)
    tables = TABLE.format(batch=1, old="10.0", new="10.0")
    tables += TABLE.format(batch=64, old="105.0", new="105.0")
    (tmp_path / "claims" / "toyvig.yaml").write_text(f"source: toyvig{CLAIMS}tables:{tables}")
    return load(tmp_path)


def judged(
    project: Project,
    device: str,
    new: float,
    old: float,
    *,
    alone: float = 10.0,
    floor: float = 0.0,
) -> dict[str, Verdict]:
    """Judge speeds at batch 64, and of both models at batch 1."""
    stored = {}
    speeds = {("clustervig_ti", 64): new, ("pvig_ti", 64): old}
    for (model, batch), value in {
        **speeds,
        ("clustervig_ti", 1): alone,
        ("pvig_ti", 1): alone,
    }.items():
        (need,) = project.needs[f"toyvig.throughput.{model}.b{batch}"]
        measured = Measurement(
            values={
                "throughput": Quantity.exact(value, "images/s"),
                "noise_floor": Quantity.exact(floor, "percent"),
            },
            facts={"outcome": "runs", "device": device},
        )
        stored[need.key] = Stored("ok", measured, "", False, need.key, "toy", 1.0)
    found = judge(project, stored)
    named = {name: found[f"toyvig.throughput.{name}"] for name in NAMES}
    return {**named, "as_fast": found["toyvig.arithmetic.as_fast.measured"]}


@pytest.mark.parametrize(
    ("device", "new", "word"),
    [
        pytest.param(CARD, 105.0, "pass", id="comparable there"),
        pytest.param(CARD, 300.0, "fail", id="apart there"),
        pytest.param(CARD, 125.0, "inconclusive", id="in between there"),
        pytest.param(ELSEWHERE, 105.0, "pass", id="comparable elsewhere"),
        pytest.param(ELSEWHERE, 300.0, "not_comparable", id="apart elsewhere"),
        pytest.param(ELSEWHERE, 125.0, "inconclusive", id="in between elsewhere"),
    ],
)
def test_a_vague_word_on_speeds_may_pass_elsewhere_and_never_fails(
    project: Project, device: str, new: float, word: str
) -> None:
    assert judged(project, device, new, 105.0)["comparable"].verdict == word


@pytest.mark.parametrize(("device", "word"), [(CARD, "pass"), (ELSEWHERE, "not_comparable")])
def test_a_vague_word_on_speeds_that_are_not_printed_does_not_transfer(
    project: Project, device: str, word: str
) -> None:
    assert judged(project, device, 105.0, 105.0)["unprinted"].verdict == word


@pytest.mark.parametrize(
    ("new", "floor", "word"),
    [
        pytest.param(105.0, 9.9, "pass", id="the same, less noise than 10 percent"),
        pytest.param(105.0, 10.1, "inconclusive", id="the same, more noise than 10 percent"),
        pytest.param(420.0, 24.9, "fail", id="75 percent apart"),
        pytest.param(420.0, 25.1, "inconclusive", id="75 percent apart, 50 within the noise"),
    ],
)
def test_a_vague_word_is_open_where_noise_could_turn_it(
    project: Project, new: float, floor: float, word: str
) -> None:
    assert judged(project, CARD, new, 105.0, floor=floor)["comparable"].verdict == word


@pytest.mark.parametrize(("floor", "word"), [(4.9, "pass"), (5.1, "inconclusive")])
def test_a_trend_within_the_noise_is_open(project: Project, floor: float, word: str) -> None:
    found = judged(project, CARD, 105.0, 105.0, alone=100.0, floor=floor)["trend"]
    assert found.verdict == word


@pytest.mark.parametrize(
    ("device", "new", "floor", "word"),
    [
        pytest.param(CARD, 105.0, 4.9, "pass", id="above, less noise"),
        pytest.param(CARD, 105.0, 5.1, "inconclusive", id="above by less than noise"),
        pytest.param(CARD, 90.0, 9.9, "fail", id="below, less noise"),
        pytest.param(CARD, 90.0, 10.1, "inconclusive", id="below by less than noise"),
        pytest.param(ELSEWHERE, 105.0, 0.0, "not_comparable", id="above elsewhere"),
        pytest.param(ELSEWHERE, 90.0, 0.0, "not_comparable", id="below elsewhere"),
    ],
)
def test_a_bound_on_a_speed_is_of_its_own_gpu_and_held_to_the_noise(
    project: Project, device: str, new: float, floor: float, word: str
) -> None:
    assert judged(project, device, new, 105.0, floor=floor)["bound"].verdict == word


@pytest.mark.parametrize(
    ("device", "new", "floor", "word"),
    [
        pytest.param(CARD, 105.0, 4.9, "pass", id="as printed, less noise"),
        pytest.param(CARD, 105.0, 5.1, "inconclusive", id="as printed, more noise"),
        pytest.param(CARD, 210.0, 4.9, "fail", id="far off"),
        pytest.param(ELSEWHERE, 105.0, 0.0, "not_comparable", id="as printed elsewhere"),
        pytest.param(ELSEWHERE, 210.0, 0.0, "not_comparable", id="far off elsewhere"),
    ],
)
def test_arithmetic_on_speeds_is_of_its_own_gpu_and_held_to_the_noise(
    project: Project, device: str, new: float, floor: float, word: str
) -> None:
    assert judged(project, device, new, 105.0, floor=floor)["as_fast"].verdict == word


def test_a_vague_word_is_not_said_of_the_host(project: Project) -> None:
    found = judged(project, ELSEWHERE, 105.0, 105.0, alone=105 / 64 * 1.4)["comparable"]
    assert (found.verdict, found.reason) == ("not_comparable", "host_bound")


@pytest.mark.parametrize("new", [105.0, 200.0], ids=["inside", "outside"])
@pytest.mark.parametrize("name", ["between", "grows"])
def test_ranges_and_growth_of_speeds_do_not_transfer(
    project: Project, name: str, new: float
) -> None:
    assert judged(project, CARD, new, new)[name].verdict == ("pass" if new == 105.0 else "fail")
    found = judged(project, ELSEWHERE, new, new)[name]
    assert (found.verdict, found.reason) == ("not_comparable", "other_card")
