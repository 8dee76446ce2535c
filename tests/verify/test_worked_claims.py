"""The worked claims, word for word: from YAML on disk, through the loader, to the verdict."""

import importlib
import sys
from collections.abc import Iterator, Mapping
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

MODULE = "toyvig_reproductions"

REPRODUCTIONS = '''
"""Toy reproductions: declared, never run."""

from reproductions.contract import Convention, Params, Spec, declare

FAMILIES = {
    "toyvig_s": "toyvig",
    "toyvig_m": "toyvig",
    "toyvig_l": "toyvig",
    "toyvig_x": "toyvig",
    "toyvig_x_g4": "toyvig",
    "toyvig_b": "toyvig",
    "toynet_b": "toynet",
    "refnet50": "refnet",
    "wide_m": "wide",
    "wide_l": "wide",
}


class ToyParams(Params):
    """Which toy model."""

    model: str

    def subject(self):
        return self.model

    def family(self):
        return FAMILIES.get(self.model)

    def absent(self):
        return None if self.model in FAMILIES else f"no model named {self.model!r}"


def toy_spec(name, unit, conventions):
    return declare(
        Spec(
            name=name,
            module="toyvig_reproductions",
            params=ToyParams,
            unit=unit,
            conventions=conventions,
            better="none",
            protocol=1,
            cost_s=1,
            time_limit_s=1,
            memory_limit_gib=1,
        )
    )


toy_spec(
    "toyvig_parameters",
    "Mparam",
    (
        Convention(name="all", counts="everything"),
        Convention(name="bn_folded", counts="everything after folding"),
    ),
)
toy_spec(
    "toyvig_products",
    "ratio",
    (
        Convention(name="executed", counts="every product"),
        Convention(name="module_hooks", counts="what a hook sees", sound=False),
    ),
)
'''

INDEX = """
schema: 1
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
reproductions: [toyvig_reproductions]
models:
  toyvig_x_g4:
    stands_for: toyvig_x
    fitted_to: [toyvig.toyvig_parameters.toyvig_x]
    because: a form with four groups that was never released
""" % ("0" * 64)

CLAIMS = """
source: toyvig
tables:
  - table: {table: "2", column: "Params (M)"}
    title: Classification
    statement: "{row} has {printed} M parameters."
    reproduction: toyvig_parameters
    convention: unstated
    expect: {kind: value, unit: Mparam}
    rows:
      "ToyViG-S":  {printed: "7.1",  model: toyvig_s}
      "ToyViG-M":  {printed: "14.0", model: toyvig_m}
      "ToyViG-L":  {printed: "27",   model: toyvig_l, coarse: true}
      "RefNet-50": {printed: "25.5", model: refnet50}
      "ToyViG-X":  {printed: "28.2", model: toyvig_x}
      "ToyViG-B":  {printed: "21.3", model: toyvig_b}
      "ToyNet-B":  {printed: "19.9", model: toynet_b}
  - table: {table: "3", column: "Params (M)"}
    title: Detection
    statement: "{row}, the backbone, has {printed} M parameters."
    reproduction: toyvig_parameters
    expect: {kind: value, unit: Mparam}
    rows:
      "RefNet-50": {printed: "25.6", model: refnet50, qualifier: table_3}
  - table: {table: "2", column: "GMACs"}
    title: Classification
    statement: "{row} takes {printed} GMACs."
    reproduction: toyvig_products
    expect: {kind: value, unit: ratio}
    rows:
      "Wide-M": {printed: "1.3", model: wide_m}
      "Wide-L": {printed: "2.6", model: wide_l}
claims:
  - id: toyvig.arithmetic.b_percent_more
    statement: ToyViG-B has 6 % more parameters than ToyNet-B.
    found_at: [{section: "5.2", printed: "6%", occurrence: 1}]
    expect:
      kind: arithmetic
      printed: "6"
      unit: percent
      percent_change:
        {from: toyvig.toyvig_parameters.toynet_b, to: toyvig.toyvig_parameters.toyvig_b}
    scope: consistency
  - id: toyvig.arithmetic.points_more
    statement: ToyViG-B is 0.8 points better, by 83.4 against 82.6.
    found_at: [{section: "5.1", printed: "+0.8"}]
    expect: {kind: arithmetic, printed: "+0.8", unit: point, difference: {from: "82.6", to: "83.4"}}
    scope: consistency
  - id: toyvig.statement.interpretable
    statement: The graph is a view that people can interpret.
    found_at: [{section: "1", printed: "view"}]
    check: none
    because: opinion; no measurable predicate is stated
  - id: toyvig.statement.phone_latency
    statement: ToyViG-S takes 0.9 ms on a phone.
    found_at: [{section: "5.3", printed: "0.9 ms"}]
    check: none
    because: latency on that phone's NPU; the device is not reachable from here
  - id: toyvig.statement.starting_at
    statement: Loss starts at a figure the text does not finish.
    found_at: [{section: "4", printed: "starting at 0"}]
    expect: {kind: value, printed: "0", unit: ratio}
    check: none
    damaged: cut after 0
"""

COUNTS: Mapping[str, Mapping[str, float]] = {
    "toyvig_s": {"all": 7.184, "bn_folded": 7.140},
    "toyvig_m": {"all": 14.076, "bn_folded": 14.008},
    "toyvig_l": {"all": 27.52, "bn_folded": 27.46},
    "refnet50": {"all": 25.557, "bn_folded": 25.530},
    "toyvig_x": {"all": 35.5, "bn_folded": 35.4},
    "toyvig_x_g4": {"all": 28.16, "bn_folded": 28.06},
    "toyvig_b": {"all": 21.26, "bn_folded": 21.25},
    "toynet_b": {"all": 20.04, "bn_folded": 19.99},
    "wide_m": {"executed": 1.78, "module_hooks": 1.28},
    "wide_l": {"executed": 3.41, "module_hooks": 2.6},
}


@pytest.fixture
def project(
    tmp_path: Path, known_reproductions: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """Write the worked claims to disk and load them."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / f"{MODULE}.py").write_text(REPRODUCTIONS, encoding="utf-8")
    (tmp_path / "claims.yaml").write_text(INDEX, encoding="utf-8")
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "toyvig.yaml").write_text(CLAIMS, encoding="utf-8")
    importlib.invalidate_caches()
    yield load(tmp_path)
    sys.modules.pop(MODULE, None)


def stored(project: Project, counts: Mapping[str, Mapping[str, float]]) -> dict[str, Stored]:
    """Answer every need of the project with the counts of its model, if there are any."""
    outcomes = {}
    needs = [need for claim in project.claims.values() for need in project.all_needs(claim)]
    for need in needs:
        given = counts.get(need.params.subject() or "")
        if given is not None:
            values = {key: Quantity.exact(n, need.spec.unit) for key, n in given.items()}
            measurement = Measurement(values=values)
            outcomes[need.key] = Stored("ok", measurement, "", False, need.key, "toy", 1.0)
    return outcomes


@pytest.fixture
def verdicts(project: Project) -> dict[str, Verdict]:
    """Judge the worked claims with everything measured."""
    return judge(project, stored(project, COUNTS))


def parameters(subject: str) -> str:
    return f"toyvig.toyvig_parameters.{subject}"


# 1. A table column, counting convention unstated.


def test_1_rows_that_only_folding_reproduces_pass_by_that_convention(
    verdicts: dict[str, Verdict],
) -> None:
    for model in ("toyvig_s", "toyvig_m"):
        found = verdicts[parameters(model)]
        assert (found.verdict, found.agreement) == ("pass", "convention:bn_folded")


def test_1_a_coarse_row_is_passed_by_the_family_it_is_no_evidence_for(
    verdicts: dict[str, Verdict],
) -> None:
    found = verdicts[parameters("toyvig_l")]
    assert (found.verdict, found.agreement) == ("pass", "convention:bn_folded")


def test_1_a_row_alone_in_its_family_stays_open(verdicts: dict[str, Verdict]) -> None:
    found = verdicts[parameters("refnet50")]
    assert (found.verdict, found.reason) == ("inconclusive", "convention_ambiguous")
    assert found.off_by is not None
    assert found.off_by.last_digits == 1


def test_1_two_tables_that_differ_are_listed_against_each_other(
    project: Project, verdicts: dict[str, Verdict]
) -> None:
    again = parameters("refnet50.table_3")
    assert (verdicts[again].verdict, verdicts[again].agreement) == ("pass", "as_printed")
    found = findings_of(project, State({}, {}), verdicts)
    assert [(f.kind, f.claims) for f in found] == [
        ("contradiction", (parameters("refnet50"), again))
    ]


# 2. A counter that missed something.


def test_2_a_counter_that_missed_something_explains_and_passes_nothing(
    verdicts: dict[str, Verdict],
) -> None:
    found = verdicts["toyvig.toyvig_products.wide_m"]
    assert (found.verdict, found.reason) == ("fail", "outside_region")
    assert found.off_by is not None
    assert found.off_by.relative == pytest.approx(0.37, rel=0, abs=0.005)
    assert [(e.what, e.fit) for e in found.explained_by] == [("module_hooks", "reproduces")]
    assert verdicts["toyvig.toyvig_products.wide_l"].verdict == "fail"


# 3. A configuration found by fitting.


def test_3_the_released_code_decides_and_the_fitted_form_explains(
    verdicts: dict[str, Verdict],
) -> None:
    found = verdicts[parameters("toyvig_x")]
    assert (found.verdict, found.reason) == ("fail", "outside_region")
    assert found.measured is not None
    assert found.measured.value == 35.5
    (explanation,) = found.explained_by
    assert (explanation.what, explanation.value) == ("toyvig_x_g4", 28.16)
    assert (explanation.fit, explanation.reason) == ("reproduces", "fitted")


def test_3_the_fitted_form_is_never_a_claim_of_its_own(project: Project) -> None:
    assert not [id_ for id_ in project.claims if "g4" in id_]


# 4. Arithmetic over print, and the same statement measured.


def test_4_the_printed_numbers_do_not_fit_together(
    project: Project, verdicts: dict[str, Verdict]
) -> None:
    found = verdicts["toyvig.arithmetic.b_percent_more"]
    assert (found.verdict, found.reason) == ("fail", "do_not_fit_together")
    assert found.detail == "these printed numbers do not fit together"
    assert found.measured is not None
    assert found.measured.low == pytest.approx(6.5, rel=0, abs=0.05)
    assert found.measured.high == pytest.approx(7.6, rel=0, abs=0.05)
    assert project.claims["toyvig.arithmetic.b_percent_more"].scope == "consistency"


def test_4_counted_they_do(project: Project, verdicts: dict[str, Verdict]) -> None:
    found = verdicts["toyvig.arithmetic.b_percent_more.measured"]
    assert (found.verdict, found.reason) == ("pass", "inside_region")
    assert found.measured is not None
    assert found.measured.value == pytest.approx(6.1, rel=0, abs=0.05)
    assert project.claims["toyvig.arithmetic.b_percent_more.measured"].scope == "claim"


def test_4_a_printed_difference_recomputes_at_its_own_precision(
    verdicts: dict[str, Verdict],
) -> None:
    found = verdicts["toyvig.arithmetic.points_more"]
    assert (found.verdict, found.reason) == ("pass", "recomputes")
    assert "toyvig.arithmetic.points_more.measured" not in verdicts


# 12. No program.


@pytest.mark.parametrize("subject", ["interpretable", "phone_latency"])
def test_12_what_no_program_settles_is_listed_with_why(
    project: Project, verdicts: dict[str, Verdict], subject: str
) -> None:
    found = verdicts[f"toyvig.statement.{subject}"]
    assert (found.verdict, found.reason) == ("not_checkable", "no_program")
    assert found.detail == project.claims[f"toyvig.statement.{subject}"].because


# 13. Damaged text.


def test_13_damaged_text_is_kept_and_never_judged(verdicts: dict[str, Verdict]) -> None:
    found = verdicts["toyvig.statement.starting_at"]
    assert (found.verdict, found.reason) == ("not_checkable", "text_damaged")


# All of them, with something missing.


def test_with_nothing_measured_no_claim_about_a_model_passes_or_fails(project: Project) -> None:
    found = judge(project, {})
    words = {id_: verdict.verdict for id_, verdict in found.items()}
    blocked = [id_ for id_, word in words.items() if word == "blocked"]
    assert blocked == [id_ for id_ in words if project.needs[id_]]


@pytest.mark.parametrize("missing", ["toyvig_s", "toyvig_m"])
def test_with_one_row_of_the_family_missing_the_convention_decides_nothing(
    project: Project, missing: str
) -> None:
    counts: dict[str, Any] = {name: keys for name, keys in COUNTS.items() if name != missing}
    found = judge(project, stored(project, counts))
    (other,) = {"toyvig_s", "toyvig_m"} - {missing}
    assert found[parameters(missing)].reason == "not_measured"
    assert found[parameters(other)].reason == "family_incomplete"
    assert found[parameters("refnet50.table_3")].verdict == "pass"
