"""Mistakes in claims over several numbers: one sentence each."""

from pathlib import Path

import pytest

from verify.errors import ClaimError
from verify.load import load

INDEX = """schema: 1
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
planned_reproductions: {speed: {unit: images/s, better: higher}}
""" % ("a" * 64)

R18, R50, X = "toyvig.parameter_count.resnet18", "toyvig.speed.resnet50", "toyvig.arithmetic.x"

CLAIMS = """source: toyvig
claims:
  - id: toyvig.parameter_count.resnet18
    statement: It has 11.7 M parameters.
    found_at: [{table: "2", row: "R", column: "P"}]
    reproduction: parameter_count
    params: {model: resnet18, num_classes: 1000}
    expect: {kind: value, printed: "11.7", unit: Mparam}
  - id: toyvig.speed.resnet50
    statement: It is fast.
    found_at: [{table: "2", row: "R", column: "S"}]
    reproduction: speed
    params: {model: resnet50}
    expect: {kind: value, printed: "900", unit: images/s}
  - id: toyvig.arithmetic.x
    statement: As printed.
    found_at: [{section: "1", printed: "x"}]
    scope: SCOPE
    inputs: INPUTS
    expect: EXPECT
"""


def refusal(root: Path, expect: str, inputs: str = "[]", scope: str = "consistency") -> str:
    claims = CLAIMS.replace("EXPECT", expect).replace("INPUTS", inputs).replace("SCOPE", scope)
    (root / "claims.yaml").write_text(INDEX)
    (root / "claims").mkdir()
    (root / "claims" / "toyvig.yaml").write_text(claims)
    with pytest.raises(ClaimError) as caught:
        load(root)
    return str(caught.value)


def vague(rest: str) -> str:
    return f"{{kind: vague, word: so, {rest}}}"


CASES = [
    (
        'range: {kind: range, printed: ["5", "2"], of: attained, unit: Mparam}',
        f"[{R18}, {R18}]",
        "want the lower end first, got '5', '2'; swap them",
    ),
    (
        'range: {kind: range, printed: ["2"], of: attained, unit: Mparam}',
        f"[{R18}, {R18}]",
        "claims.2.expect.printed: want at least two, got a list",
    ),
    (
        'range: {kind: range, printed: ["2", "5"], of: reached, unit: Mparam}',
        f"[{R18}, {R18}]",
        "want 'attained' or 'contained', got 'reached'",
    ),
    (
        'range: {kind: range, printed: ["2", "5"], of: attained, unit: Mparam}',
        f"[{R18}]",
        "want 2 or more inputs for range, got 1",
    ),
    (
        'range: {kind: range, printed: ["2", "5"], of: attained, unit: Mparam}',
        f"[{R18}, {R50}]",
        f"want every input in Mparam, got '{R50}' in images/s; compare like with like",
    ),
    (
        f'up_to: {{kind: up_to, printed: "4", unit: ratio, pairs: [[{R18}, {R18}, {R18}]]}}',
        "[]",
        "claims.2.expect.pairs.0: want at most two, got a list",
    ),
    (
        'up_to: {kind: up_to, printed: "4", unit: ratio, over: each}',
        "[]",
        "want baselines by name for over: each, got none",
    ),
    (
        f'up_to: {{kind: up_to, printed: "4", unit: ratio, pairs: [[{R18}]]}}',
        "[]",
        "claims.2.expect.pairs.0: want at least two, got a list",
    ),
    (
        f'up_to: {{kind: up_to, printed: "4", unit: Mparam, pairs: [[{R18}, {R18}]]}}',
        "[]",
        "want ratio, the unit of pairs, got 'Mparam'",
    ),
    (
        f'up_to: {{kind: up_to, printed: "4", unit: ratio, pairs: [[{R18}, {R18}]]}}',
        f"[{R18}]",
        "want inputs or the sets inside up_to, got both",
    ),
    (
        f"best_of: {{kind: best_of, better: higher, subject: {R18}}}",
        "[]",
        "want subject and against together for best_of, got one of them",
    ),
    (
        "best_of: {kind: best_of, better: higher}",
        "[]",
        "want either subject and against, or pairs for best_of",
    ),
    (
        f"best_of: {{kind: best_of, better: higher, subject: {R18}, against: [{R50}]}}",
        "[]",
        "want every input in Mparam, got",
    ),
    (
        f"best_of: {{kind: best_of, better: higher, subject: {R18}, against: [{X}]}}",
        "[]",
        f"want a claim with a printed number, got '{X}', which has none",
    ),
    (
        f"best_of: {{kind: best_of, better: higher, subject: {R18}, against: [{{measured: {R18}}}]}}",  # noqa: E501
        "[]",
        "want claim ids only or measurements only as inputs, got both",
    ),
    ("all_of: {kind: all_of, parts: []}", "[]", "want at least one"),
    (
        f"all_of: {{kind: all_of, parts: [{{expect: {{kind: ordering, relation: more_than}}, "
        f"inputs: [{R18}]}}]}}",
        "[]",
        "want two inputs for ordering, got 1",
    ),
    (
        f"all_of: {{kind: all_of, parts: [{{expect: {{kind: ordering, relation: more_than}}, "
        f"inputs: [{R18}, {R50}]}}]}}",
        "[]",
        "want every input in Mparam, got",
    ),
    (
        "monotone: {kind: monotone, direction: rises}",
        f"[{R18}, {R18}]",
        "want 'increases' or 'decreases', got 'rises'",
    ),
    (
        "monotone: {kind: monotone, direction: increases}",
        f"[{R18}]",
        "want 2 or more inputs for monotone, got 1",
    ),
    (
        "ordering: {kind: ordering, relation: more_than}",
        f"[{R18}, {R50}]",
        "want every input in Mparam, got",
    ),
    (
        f'growth: {{kind: growth, printed: "2", unit: exponent, points: [{{x: "1", y: {R18}}}, '
        f'{{x: "1", y: {R18}}}]}}',
        "[]",
        "want two different x for growth, got only '1'",
    ),
    (
        f'growth: {{kind: growth, printed: "2", unit: ratio, points: [{{x: "1", y: {R18}}}, '
        f'{{x: "2", y: {R18}}}]}}',
        "[]",
        "want exponent, the unit of a growth, got 'ratio'",
    ),
    (
        f'growth: {{kind: growth, printed: "2", unit: exponent, points: [{{x: "0", y: {R18}}}, '
        f'{{x: "2", y: {R18}}}]}}',
        "[]",
        "want x above 0 for growth",
    ),
    (
        'outcome: {kind: outcome, printed: "-", means: out_of_memory, card: "48 GB"}',
        "[]",
        "want reproduction and params for outcome, without inputs",
    ),
    (f"vague: {vague('sense: trend')}", f"[{R18}, {R18}]", "want direction for a trend"),
    (
        f"vague: {vague('sense: comparable, better: higher')}",
        f"[{R18}, {R18}]",
        "want better only for different, got it for comparable",
    ),
    (
        f"vague: {vague('sense: comparable')}",
        f"[{R18}]",
        "want two inputs or pairs for vague, got 1",
    ),
    (
        f"vague: {vague(f'sense: comparable, series: {{all: [{R18}, {R18}]}}')}",
        "[]",
        "want pairs for comparable, got the other form",
    ),
]


@pytest.mark.parametrize(
    ("expect", "inputs", "sentence"),
    [(case[0].partition(": ")[2], *case[1:]) for case in CASES],
    ids=[f"{case[0].partition(':')[0]} {n}" for n, case in enumerate(CASES)],
)
def test_a_mistake_in_a_claim_over_several_numbers_is_one_sentence(
    tmp_path: Path, expect: str, inputs: str, sentence: str
) -> None:
    found = refusal(tmp_path, expect, inputs)
    assert sentence in found
    assert found.count("\n") == 0
    assert found.startswith("claims/toyvig.yaml:")


def test_comparisons_of_prints_are_of_scope_consistency(tmp_path: Path) -> None:
    expect = f"{{kind: best_of, better: higher, subject: {R18}, against: [{R18}]}}"
    found = refusal(tmp_path, expect, scope="claim")
    assert found.endswith("want consistency for a best_of of prints, got 'claim'")


def test_comparisons_of_measurements_are_not(tmp_path: Path) -> None:
    pair = f"[{{measured: {R18}}}, {{measured: {R18}}}]"
    found = refusal(tmp_path, f"{{kind: best_of, better: higher, pairs: [{pair}]}}")
    assert "want scope consistency for printed numbers only, got a reproduction" in found


@pytest.mark.parametrize(
    ("id_", "sentence"),
    [
        ("toyvig.parameter_count.resnet1", "did you mean 'toyvig.parameter_count.resnet18'?"),
        (X, f"want a claim on one measurement, got '{X}'; write the measurement out"),
    ],
)
def test_a_measurement_meant_by_id_has_to_be_there(tmp_path: Path, id_: str, sentence: str) -> None:
    pair = f"[{{measured: {id_}}}, {{measured: {id_}}}]"
    expect = f"{{kind: best_of, better: higher, pairs: [{pair}]}}"
    assert sentence in refusal(tmp_path, expect, scope="claim")
