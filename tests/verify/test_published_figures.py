"""Figures of other works: declared beside the work, named by claims, judged as printed."""

from pathlib import Path
from typing import Any

import pytest

from verify.cli import main
from verify.errors import ClaimError
from verify.judge import judge
from verify.load import load
from verify.project import Project
from verify.selftest.decoys import decoys
from verify.verdict import Verdict

INDEX = """schema: 1
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
papers:
  molnet:
    title: MolNet
    figures:
      old_error: {printed: "31.3", unit: meV/A, at: "Table 3, test"}
      new_error: {printed: "20.7", unit: meV/A, at: "Table 3, test"}
      near_error: {printed: "20.8", unit: meV/A, at: "Table 3, test"}
      old_cost: {printed: "1600", unit: GPU-days, at: "Table 3"}
""" % ("a" * 64)

CLAIM = """source: toyvig
claims:
  - id: toyvig.arithmetic.x
    statement: As printed.
    found_at: [{section: "1", printed: "x"}]
    scope: SCOPE
    inputs: INPUTS
    expect: EXPECT
"""

OLD, NEW, NEAR, COST = (
    f"papers.molnet.{name}" for name in ("old_error", "new_error", "near_error", "old_cost")
)
GAIN = f"difference: {{from: {NEW}, to: {OLD}}}"


def project(
    root: Path,
    expect: str,
    inputs: str = "[]",
    *,
    scope: str = "consistency",
    index: str = INDEX,
) -> Project:
    text = CLAIM.replace("EXPECT", expect).replace("INPUTS", inputs).replace("SCOPE", scope)
    (root / "claims.yaml").write_text(index)
    (root / "claims").mkdir()
    (root / "claims" / "toyvig.yaml").write_text(text)
    return load(root)


def verdict(loaded: Project) -> Verdict:
    return judge(loaded, {})["toyvig.arithmetic.x"]


def said(found: Verdict) -> tuple[str, str]:
    return found.verdict, found.reason


@pytest.mark.parametrize(
    ("printed", "flags", "verdict_", "reason"),
    [
        pytest.param("10.6", "", "pass", "recomputes", id="inside"),
        pytest.param("11", "", "pass", "recomputes", id="inside_a_coarse_print"),
        pytest.param("10.70", "", "inconclusive", "compatible", id="within_reach"),
        pytest.param("10.8", ", hedge: about", "inconclusive", "compatible", id="on_the_limit"),
        pytest.param("10.8", "", "fail", "do_not_fit_together", id="outside"),
        pytest.param("3.1", "", "fail", "do_not_fit_together", id="far_outside"),
    ],
)
def test_arithmetic_over_figures_is_judged_on_their_rounding(
    tmp_path: Path, printed: str, flags: str, verdict_: str, reason: str
) -> None:
    expect = f'{{kind: arithmetic, printed: "{printed}", unit: meV/A{flags}, {GAIN}}}'
    found = verdict(project(tmp_path, expect))
    assert said(found) == (verdict_, reason)


def test_figures_that_do_not_fit_are_not_called_refuted(tmp_path: Path) -> None:
    expect = f'{{kind: arithmetic, printed: "3.1", unit: meV/A, {GAIN}}}'
    assert verdict(project(tmp_path, expect)).detail == "these printed numbers do not fit together"


def test_arithmetic_over_figures_has_no_measured_twin(tmp_path: Path) -> None:
    expect = f'{{kind: arithmetic, printed: "10.6", unit: meV/A, {GAIN}}}'
    assert list(project(tmp_path, expect).claims) == ["toyvig.arithmetic.x"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(NEW, OLD, ("pass", "holds"), id="inside"),
        pytest.param(NEW, NEAR, ("inconclusive", "straddles"), id="roundings_touch"),
        pytest.param(OLD, NEW, ("fail", "does_not_hold"), id="outside"),
    ],
)
def test_figures_are_ordered_by_their_rounding(
    tmp_path: Path, first: str, second: str, expected: tuple[str, str]
) -> None:
    loaded = project(tmp_path, "{kind: ordering, relation: less_than}", f"[{first}, {second}]")
    assert said(verdict(loaded)) == expected


def test_the_best_of_figures_tells_which_pair_fails(tmp_path: Path) -> None:
    expect = f"{{kind: best_of, better: lower, subject: {NEAR}, against: [{OLD}, {NEW}]}}"
    found = verdict(project(tmp_path, expect))
    assert said(found) == ("fail", "some_part_fails")
    assert [part.verdict for part in found.parts] == ["pass", "fail"]


@pytest.mark.parametrize(
    ("expect", "inputs", "scope", "sentence"),
    [
        pytest.param(
            "{kind: ordering, relation: less_than}",
            f"[{OLD}, papers.molnet.new_eror]",
            "consistency",
            "got 'papers.molnet.new_eror'; did you mean 'papers.molnet.new_error'?",
            id="a_figure_that_is_not_declared",
        ),
        pytest.param(
            "{kind: ordering, relation: less_than}",
            f"[{OLD}, {COST}]",
            "consistency",
            f"want every input in meV/A, got '{COST}' in GPU-days; compare like with like",
            id="two_units",
        ),
        pytest.param(
            "{kind: ordering, relation: less_than}",
            f"[{OLD}, {NEW}]",
            "claim",
            "want consistency for an ordering of prints, got 'claim'",
            id="a_scope_of_measurements",
        ),
        pytest.param(
            f"{{kind: up_to, printed: '2', unit: ratio, pairs: [[{{measured: {OLD}}}, {{measured: {NEW}}}]]}}",  # noqa: E501
            "[]",
            "claim",
            f"want the id of a claim, got '{OLD}'",
            id="a_measurement_of_a_figure",
        ),
    ],
)
def test_a_figure_that_cannot_be_compared_is_refused(
    tmp_path: Path, expect: str, inputs: str, scope: str, sentence: str
) -> None:
    with pytest.raises(ClaimError) as refused:
        project(tmp_path, expect, inputs, scope=scope)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        pytest.param(', at: "Table 3"', "", "papers.molnet.figures.old_cost.at", id="no_place"),
        pytest.param('"1600"', "1600", "old_cost.printed: want a quoted decimal", id="unquoted"),
        pytest.param(
            "  toyvig: {", "  papers: {", "want a document's name other than 'papers'", id="a_name"
        ),
    ],
)
def test_a_figure_is_declared_in_full(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert INDEX.count(old) == 1
    with pytest.raises(ClaimError) as refused:
        project(tmp_path, "{kind: value}", index=INDEX.replace(old, new))
    assert sentence in str(refused.value)


def test_show_lists_the_figures_a_claim_is_over(tmp_path: Path, capsys: Any) -> None:
    project(tmp_path, f'{{kind: arithmetic, printed: "10.6", unit: meV/A, {GAIN}}}')
    assert main(["--project", str(tmp_path), "show", "toyvig.arithmetic.x"]) == 0
    assert f"from       {OLD}: 31.3 meV/A" in capsys.readouterr().out


def test_the_index_of_this_repository_says_where_each_figure_stands() -> None:
    index = load(Path(__file__).parents[2]).index
    assert index.figures
    assert all(paper.arxiv or paper.code for paper in index.papers.values() if paper.figures)


def test_decoys_of_claims_over_figures_notice_a_figure_that_is_not_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect = f'{{kind: arithmetic, printed: "10.6", unit: meV/A, {GAIN}}}'
    loaded = project(tmp_path, expect)
    assert decoys(loaded)[1] == []

    def always_the_same(self: Project, id_: str) -> Any:
        return loaded.index.figures[NEW]

    monkeypatch.setattr(Project, "print_of", always_the_same)
    assert decoys(loaded)[1] != []
