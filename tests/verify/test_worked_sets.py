"""Worked claims 5 to 9 and 11: from YAML on disk, through the loader, to the verdict."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reproductions.contract import Measurement, Quantity
from verify.findings import findings_of
from verify.judge import judge
from verify.load import load
from verify.project import Project
from verify.state import State
from verify.stored import Stored
from verify.verdict import Verdict

INDEX = """
schema: 1
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
papers:
  vig: {title: ViG}
planned_reproductions:
  speed: {unit: images/s, better: higher}
  peak_bytes: {unit: GiB, better: lower}
  patch_distance: {unit: patches}
  similarity: {unit: cosine}
  hit_rate: {unit: percent, better: higher}
""" % ("0" * 64)


CLAIMS = """
source: toyvig
claims:
  # 5. Up to 4x faster than A, B and C; C is timed nowhere.
  - id: toyvig.speed.up_to_4x
    found_at: [{section: "5.1", printed: "4×"}]
    statement: ToyViG is up to 4 times faster than A, B and C.
    expect:
      kind: up_to
      printed: "4"
      unit: ratio
      over: union
      baselines:
        a:
          - [{reproduction: speed, params: {model: toyvig, batch: 1}},
             {reproduction: speed, params: {model: a, batch: 1}}]
          - [{reproduction: speed, params: {model: toyvig, batch: 16}},
             {reproduction: speed, params: {model: a, batch: 16}}]
        b:
          - - {reproduction: speed, params: {model: toyvig, batch: 1}}
            - {reproduction: speed, params: {model: b, batch: 1}}
        c: []
  - id: toyvig.speed.up_to_4x_each
    found_at: [{section: "5.1", printed: "4×", occurrence: 2}]
    statement: ToyViG is up to 4 times faster than each of A, B and C.
    expect:
      kind: up_to
      printed: "4"
      unit: ratio
      over: each
      baselines:
        a:
          - [{reproduction: speed, params: {model: toyvig, batch: 1}},
             {reproduction: speed, params: {model: a, batch: 1}}]
          - [{reproduction: speed, params: {model: toyvig, batch: 16}},
             {reproduction: speed, params: {model: a, batch: 16}}]
        b:
          - - {reproduction: speed, params: {model: toyvig, batch: 1}}
            - {reproduction: speed, params: {model: b, batch: 1}}
        c: []
  # 6. Outperforms A at every batch size, by the printed cells.
  - id: toyvig.arithmetic.outperforms_a
    found_at: [{section: "5.2", printed: "outperforms"}]
    statement: ToyViG outperforms A at every batch size.
    scope: consistency
    expect:
      kind: best_of
      better: higher
      pairs:
        - [toyvig.speed.toyvig.b1, toyvig.speed.a.b1]
        - [toyvig.speed.toyvig.b2, toyvig.speed.a.b2]
        - [toyvig.speed.toyvig.b4, toyvig.speed.a.b4]
        - [toyvig.speed.toyvig.b8, toyvig.speed.a.b8]
        - [toyvig.speed.toyvig.b16, toyvig.speed.a.b16]
        - [toyvig.speed.toyvig.b32, toyvig.speed.a.b32]
        - [toyvig.speed.toyvig.b64, toyvig.speed.a.b64]
        - [toyvig.speed.toyvig.b512, toyvig.speed.a.b512]
  # 8. Roughly 8.8 in the final layers; rises in the last two layers.
  - id: toyvig.patch_distance.final_layers
    found_at: [{section: "6", printed: "8.8"}]
    statement: Connected patches are roughly 8.8 apart in the last two layers.
    expect:
      kind: all_of
      parts:
        - expect: {kind: value, printed: "8.8", hedge: about, unit: patches}
          inputs: [{reproduction: patch_distance, params: {model: toyvig, layer: 15}}]
        - expect: {kind: value, printed: "8.8", hedge: about, unit: patches}
          inputs: [{reproduction: patch_distance, params: {model: toyvig, layer: 16}}]
  - id: toyvig.similarity.rises
    found_at: [{section: "6", printed: "increases"}]
    statement: Similarity increases in the last two layers.
    inputs:
      - {reproduction: similarity, params: {model: toyvig, layer: 14}}
      - {reproduction: similarity, params: {model: toyvig, layer: 15}}
      - {reproduction: similarity, params: {model: toyvig, layer: 16}}
    expect: {kind: monotone, direction: increases}
  # 9. Comparable throughput, at ratios of 0.59 to 1.17.
  - id: toyvig.speed.comparable
    found_at: [{section: "5.3", printed: "comparable"}]
    statement: Throughput is comparable to that of D.
    expect:
      kind: vague
      word: comparable
      sense: comparable
      pairs:
        all_batches:
          - - {reproduction: speed, params: {model: toyvig, batch: 1}}
            - {reproduction: speed, params: {model: d, batch: 1}}
          - - {reproduction: speed, params: {model: toyvig, batch: 16}}
            - {reproduction: speed, params: {model: d, batch: 16}}
  # 11. A summary of a paper.
  - id: toyvig.hit_rate.vig_s
    found_at: [{section: "2", printed: "68.6"}]
    statement: ViG-S reaches 68.6 % in the analysis pipeline.
    reproduction: hit_rate
    params: {model: vig_s, protocol: analysis}
    primary: {paper: vig, printed: "80.4"}
    expect: {kind: value, printed: "68.6", unit: percent}
tables:
"""

# 7. Out of memory stands in the same table: the cell of the last row.
TABLE = """
  - table: {{table: "6", column: "{model}"}}
    title: Throughput
    statement: "At {{row}} it is {{printed}} images a second."
    reproduction: speed
    params: {{model: {model}}}
    expect: {{kind: value, unit: images/s}}
    rows:
"""
BATCHES = (1, 2, 4, 8, 16, 32, 64)
FASTER = {"toyvig": "520.0", "a": "400.0"}


def column(model: str, last: str, cells: Mapping[int, str]) -> str:
    rows = [
        f'      "batch {n}": {{printed: "{cells.get(n, FASTER[model])}", subject: {model}, '
        f"qualifier: b{n}, params: {{batch: {n}}}}}\n"
        for n in BATCHES
    ]
    start = f'      "batch 512": {{printed: "{last}", subject: {model}, qualifier: b512, '
    return TABLE.format(model=model) + "".join(rows) + f"{start}params: {{batch: 512}}"


OOM = ', means: out_of_memory, card: "48 GB", device: "RTX 6000 Ada"}\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Write the worked claims to disk and load them."""
    tables = column("toyvig", "900.0", {}) + "}\n" + column("a", "-", {2: "600.0", 8: "521.0"})
    (tmp_path / "claims.yaml").write_text(INDEX, encoding="utf-8")
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "toyvig.yaml").write_text(CLAIMS + tables + OOM, encoding="utf-8")
    return load(tmp_path)


Answers = Mapping[tuple[str, Any], float | tuple[float, float] | Measurement]


def verdicts(project: Project, answers: Answers) -> dict[str, Verdict]:
    """Judge as if the planned reproductions existed, with measurements by model and number."""
    stored: dict[str, Stored] = {}
    for claim in project.claims.values():
        for need in project.all_needs(claim):
            object.__setattr__(need, "absent", lambda: None)
            params = need.params.model_dump()
            given = answers.get((params["model"], params.get("batch", params.get("layer"))))
            if given is None:
                continue
            if not isinstance(given, Measurement):
                low, high = given if isinstance(given, tuple) else (given, given)
                number = {"value": (low + high) / 2, "low": low, "high": high}
                given = Measurement(values={"planned": Quantity(**number, unit=need.spec.unit)})
            stored[need.key] = Stored("ok", given, "", False, need.key, "toy", 1.0)
    return judge(project, stored)


@pytest.mark.parametrize(
    ("fastest", "union", "agreement", "each"),
    [
        (4.6, "pass", "exceeded", "inconclusive"),
        (4.5, "pass", "as_printed", "inconclusive"),
        (3.5, "pass", "as_printed", "inconclusive"),
        (3.4, "inconclusive", None, "fail"),
    ],
)
def test_5_up_to_passes_over_the_union_and_names_what_is_timed_nowhere(
    project: Project, fastest: float, union: str, agreement: str | None, each: str
) -> None:
    # A and B each reach the same ratio, so that only C is in the way.
    speeds = {("toyvig", 1): 20 * fastest, ("toyvig", 16): 20 * fastest}
    others = {("a", 1): 1000.0, ("a", 16): 20.0, ("b", 1): 20.0}
    found = verdicts(project, {**speeds, **others})
    one = found["toyvig.speed.up_to_4x"]
    assert (one.verdict, one.agreement) == (union, agreement)
    assert one.detail.endswith("missing: c")
    assert found["toyvig.speed.up_to_4x_each"].verdict == each


def test_6_a_conjunction_lists_the_pairs_that_fail_and_counts_memory_apart(
    project: Project,
) -> None:
    found = verdicts(project, {})["toyvig.arithmetic.outperforms_a"]
    assert (found.verdict, found.reason) == ("fail", "some_part_fails")
    assert found.detail.startswith("2 of 7 do not hold: toyvig.speed.toyvig.b2 ")
    assert "520 [519.95, 520.05] against 600 [599.95, 600.05]" in found.detail
    assert "against 521 [520.95, 521.05]" in found.detail
    assert found.detail.endswith("; 1 counted apart, out of memory")


@pytest.mark.parametrize(
    ("peak", "facts", "word"),
    [
        (48.5, {"device": "another"}, "pass"),
        (48.5, {"device": "cpu-x86-64"}, "not_comparable"),
        (40.0, {"outcome": "runs", "cap_gib": 48, "device": "RTX 6000 Ada"}, "fail"),
        (
            40.0,
            {"outcome": "runs", "cap_gib": 48, "device": "RTX 6000 Ada", "kernel": "substitute"},
            "inconclusive",
        ),
        (40.0, {"outcome": "runs", "cap_gib": 48, "device": "another"}, "not_comparable"),
        (40.0, {"outcome": "runs", "device": "RTX 6000 Ada"}, "not_comparable"),
    ],
)
def test_7_out_of_memory_passes_only_by_a_peak_above_the_card(
    project: Project, peak: float, facts: dict[str, Any], word: str
) -> None:
    allocated = {"allocated": Quantity.exact(peak, "GiB")}
    answers = {("a", 512): Measurement(values=allocated, facts=facts)}
    assert verdicts(project, answers)["toyvig.speed.a.b512"].verdict == word
    assert project.tables[-1].rows[-1].claim == "toyvig.speed.a.b512"


@pytest.mark.parametrize(("taken", "word"), [(48.5, "pass"), (40.0, "not_comparable")])
def test_7_what_was_taken_when_memory_ran_out_proves_only_that_more_was_needed(
    project: Project, taken: float, word: str
) -> None:
    values = {"allocated_at_least": Quantity.exact(taken, "GiB")}
    facts: dict[str, Any] = {"outcome": "out_of_memory", "device": "another"}
    answers = {("a", 512): Measurement(values=values, facts=facts)}
    assert verdicts(project, answers)["toyvig.speed.a.b512"].verdict == word


@pytest.mark.parametrize(
    ("last", "word"),
    [(8.7, "pass"), (8.9, "pass"), (8.69, "fail"), (8.91, "fail"), ((8.6, 8.8), "inconclusive")],
)
def test_8_about_is_a_whole_last_digit_in_every_layer(
    project: Project, last: Any, word: str
) -> None:
    found = verdicts(project, {("toyvig", 15): 8.8, ("toyvig", 16): last})
    assert found["toyvig.patch_distance.final_layers"].verdict == word


@pytest.mark.parametrize(
    ("series", "word"),
    [
        (((0.50, 0.52), (0.53, 0.55), (0.56, 0.58)), "pass"),
        (((0.50, 0.54), (0.53, 0.55), (0.56, 0.58)), "inconclusive"),
        (((0.50, 0.52), (0.53, 0.55), (0.49, 0.52)), "fail"),
    ],
)
def test_8_a_rise_needs_every_step_by_its_intervals(
    project: Project, series: Any, word: str
) -> None:
    answers = {("toyvig", 14 + n): interval for n, interval in enumerate(series)}
    found = verdicts(project, answers)["toyvig.similarity.rises"]
    assert found.verdict == word
    if word == "fail":
        assert "layer 15 less than toyvig, layer 16" in found.detail


def test_9_comparable_is_left_open_where_the_readings_differ(project: Project) -> None:
    speeds = {("toyvig", 1): 59.0, ("d", 1): 100.0, ("toyvig", 16): 117.0, ("d", 16): 100.0}
    found = verdicts(project, speeds)["toyvig.speed.comparable"]
    assert (found.verdict, found.reason) == ("inconclusive", "vague")
    assert "10 %: no, all_batches, 25 %: no, all_batches, 50 %: yes" in found.detail
    assert "0.59" in found.detail
    assert "1.17" in found.detail


def test_11_the_verdict_is_on_the_summary_and_the_primary_differs(project: Project) -> None:
    found = verdicts(project, {("vig_s", None): 68.6})
    assert found["toyvig.hit_rate.vig_s"].verdict == "pass"
    told = findings_of(project, State({}, {}), found)
    assert [f.kind for f in told] == ["summary_differs"]
