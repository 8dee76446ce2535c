"""Reproductions to come: named by claims, blocked, told with their params, never run."""

from pathlib import Path
from typing import Any

import pytest

from verify.errors import ClaimError
from verify.judge import judge
from verify.load import load
from verify.plan import make_plan
from verify.report import report_of

INDEX = """schema: 1
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
planned_reproductions:
  top_hits: {unit: percent, better: higher, tolerance: {by: "0.10", unit: point}}
  speed: {unit: images/s, better: higher, tolerance: {by: "5", unit: percent}}
""" % ("a" * 64)

CLAIMS = """source: toyvig
claims:
  - id: toyvig.top_hits.toyvig_s
    statement: It hits 80.3 %.
    found_at: [{table: "2", row: "S", column: "Top-1"}]
    reproduction: top_hits
    params: {model: toyvig_s, transform: {crop: 0.9, mean: [0.5, 0.5, 0.5]}, weights: null}
    convention: all_classes
    expect: {kind: value, printed: "80.3", unit: percent}
  - id: toyvig.speed.faster
    statement: It is faster.
    found_at: [{section: "5", printed: "faster"}]
    inputs:
      - {reproduction: speed, params: {model: toyvig_s, batch: 1}}
      - {reproduction: speed, params: {model: resnet18, batch: 1}}
    expect: {kind: ordering, relation: more_than}
  - id: toyvig.arithmetic.more_points
    statement: It hits 0.3 points more than 80.
    found_at: [{section: "5", printed: "0.3"}]
    scope: consistency
    expect:
      kind: arithmetic
      printed: "0.3"
      unit: point
      difference: {from: "80", to: toyvig.top_hits.toyvig_s}
"""


def project_at(root: Path, index: str = INDEX, claims: str = CLAIMS) -> Any:
    (root / "claims.yaml").write_text(index)
    (root / "claims").mkdir(exist_ok=True)
    (root / "claims" / "toyvig.yaml").write_text(claims)
    return load(root)


def test_a_claim_on_a_planned_reproduction_is_blocked_and_told_with_its_params(
    tmp_path: Path,
) -> None:
    found = judge(project_at(tmp_path), {})
    value = found["toyvig.top_hits.toyvig_s"]
    assert (value.verdict, value.reason) == ("blocked", "no_reproduction")
    assert value.detail.startswith("no reproduction named top_hits yet (model toyvig_s, ")
    ordering = found["toyvig.speed.faster"]
    assert (ordering.verdict, ordering.reason) == ("blocked", "no_reproduction")
    assert "no reproduction named speed yet (model toyvig_s, batch 1)" in ordering.detail
    twin = found["toyvig.arithmetic.more_points.measured"]
    assert (twin.verdict, twin.reason) == ("blocked", "no_reproduction")
    assert found["toyvig.arithmetic.more_points"].verdict == "pass"


def test_nothing_planned_becomes_a_job(tmp_path: Path) -> None:
    project = project_at(tmp_path)
    plan = make_plan(project, {}, list(project.claims))
    assert plan.jobs == ()
    assert set(plan.blocked) == set(project.claims) - {"toyvig.arithmetic.more_points"}


def test_a_planned_need_has_a_key_and_a_subject_and_no_command(tmp_path: Path) -> None:
    project = project_at(tmp_path)
    first, second = project.needs["toyvig.speed.faster"]
    assert first.key != second.key
    assert (first.params.subject(), second.params.subject()) == ("toyvig_s", "resnet18")
    entry = report_of(project).entries[0]
    assert entry.by_hand is None
    assert entry.as_json()["parts"] == []


@pytest.mark.parametrize(
    ("id_", "by", "unit"),
    [("toyvig.top_hits.toyvig_s", "0.10", "point"), ("toyvig.speed.faster", None, None)],
)
def test_a_claim_without_a_tolerance_has_the_default_of_its_quantity(
    tmp_path: Path, id_: str, by: str | None, unit: str | None
) -> None:
    tolerance = project_at(tmp_path).claims[id_].tolerance
    assert (tolerance and tolerance.by, tolerance and tolerance.unit) == (by, unit)


def test_a_tolerance_of_its_own_goes_before_the_default(tmp_path: Path) -> None:
    own = (
        'tolerance: {by: "0.5", unit: point, basis: transfer, because: x}\n    expect: {kind: value'
    )
    changed = CLAIMS.replace("expect: {kind: value", own, 1)
    project = project_at(tmp_path, claims=changed)
    assert project.claims["toyvig.top_hits.toyvig_s"].tolerance.by == "0.5"


def test_a_planned_reproduction_that_exists_is_refused(tmp_path: Path) -> None:
    index = INDEX + "  parameter_count: {unit: Mparam}\n"
    with pytest.raises(ClaimError, match="exists now; remove it") as caught:
        project_at(tmp_path, index)
    assert str(caught.value) == (
        "claims.yaml:7: planned_reproductions.parameter_count: want the name of a reproduction to "
        "come, got 'parameter_count', which exists now; remove it"
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("reproduction: top_hits", "reproduction: top_hit", "did you mean 'top_hits'?"),
        ('"80.3", unit: percent', '"80.3", unit: Mparam', "want percent, the unit of top_hits"),
        ("{reproduction: speed,", "{reproduction: sped,", "did you mean 'speed'?"),
    ],
)
def test_what_does_not_fit_the_plan_is_refused(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    with pytest.raises(ClaimError) as caught:
        project_at(tmp_path, claims=CLAIMS.replace(old, new, 1))
    assert sentence in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_a_default_tolerance_is_in_the_unit_of_its_quantity(tmp_path: Path) -> None:
    index = INDEX.replace('by: "5", unit: percent', 'by: "5", unit: point')
    with pytest.raises(ClaimError, match="want images/s or percent for a quantity in images/s"):
        project_at(tmp_path, index)


def test_a_default_tolerance_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClaimError, match="want a positive quoted amount"):
        project_at(tmp_path, INDEX.replace('by: "5"', 'by: "0"'))
