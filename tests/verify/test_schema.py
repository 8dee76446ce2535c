"""The schema for editors, and the guide whose examples it should accept."""

import json
import re
import sys
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
import yaml

from reproductions.artifacts import matching, use_catalogue
from reproductions.contract import REGISTRY, SPECS, Unit
from verify import schema
from verify.expect import OPERATIONS, Expect, Relation
from verify.load import load

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "claims.md").read_text()
COMMITTED = json.loads(schema.PATH.read_text())


def _errors(data):
    validator = jsonschema.Draft202012Validator(COMMITTED)
    return [error.message for error in validator.iter_errors(data)]


def _blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_committed_schema_is_a_regeneration():
    assert schema.PATH.read_text() == schema.text(), "run python -m verify.schema"


def test_it_is_valid_json_schema():
    jsonschema.Draft202012Validator.check_schema(COMMITTED)


@pytest.mark.parametrize("path", [ROOT / "claims.yaml", *sorted((ROOT / "claims").glob("*.yaml"))])
def test_the_files_of_this_repository_fit_it(path):
    assert _errors(yaml.safe_load(path.read_text())) == []


INDEX = {"schema": 1, "sources": {"toyvig": {"title": "T", "file": "t", "sha256": "a" * 64}}}
CLAIM = {
    "id": "toyvig.parameter_count.toyvig_s",
    "statement": "x",
    "found_at": [{"table": "2", "row": "A", "column": "B"}],
    "reproduction": "parameter_count",
    "params": {"model": "toyvig_s"},
    "expect": {"kind": "value", "printed": "7.1", "unit": "Mparam"},
}
BLOCK = {
    "table": {"table": "2", "column": "B"},
    "title": "T",
    "statement": "{row}",
    "reproduction": "parameter_count",
    "expect": {"kind": "value", "unit": "Mparam"},
    "rows": {"A": {"printed": "7.1", "model": "toyvig_s"}},
}


def _file(claim=None, block=None):
    return {
        "source": "toyvig",
        "claims": [{**CLAIM, **(claim or {})}],
        "tables": [{**BLOCK, **(block or {})}],
    }


def test_an_index_and_a_file_of_claims_fit_it():
    assert _errors(INDEX) == []
    assert _errors(_file()) == []


@pytest.mark.parametrize(
    "data",
    [
        {**INDEX, "source": {}},
        {**INDEX, "schema": 2},
        {"schema": 1},
        {**INDEX, "papers": {"toy": {"title": "T", "arxiv": 2401.0001}}},
        _file({"statment": "x"}),
        _file({"source": "toyvig"}),
        _file({"twin_of": "x"}),
        _file({"id": "toyvig"}),
        _file({"statement": False}),
        _file({"found_at": []}),
        _file({"found_at": [{"table": "2", "row": "A"}]}),
        _file({"found_at": [{"table": 2, "row": "A", "column": "B"}]}),
        _file({"expect": {**CLAIM["expect"], "printed": 7.1}}),
        _file({"expect": {**CLAIM["expect"], "kind": "vlaue"}}),
        _file({"expect": {**CLAIM["expect"], "unit": "Mpram"}}),
        _file({"expect": {**CLAIM["expect"], "relation": "at_most"}}),
        _file({"expect": {"kind": "arithmetic", "printed": "2", "unit": "ratio", "sum": [2]}}),
        _file(block={"expect": {"kind": "value", "unit": "Mpram"}}),
        _file(block={"expect": {"kind": "value", "unti": "Mparam"}}),
        _file(block={"rows": {}}),
        _file(block={"rows": {"A": {"printed": 7.1, "model": "toyvig_s"}}}),
        _file(block={"rows": {"A": {"printed": "7.1", "modle": "toyvig_s"}}}),
    ],
)
def test_what_the_loader_refuses_by_shape_does_not_fit_it(data):
    assert _errors(data) != []


def test_it_names_every_kind_unit_relation_and_operation():
    text = json.dumps(COMMITTED)
    shapes = get_args(get_args(Expect)[0])
    kinds = [get_args(shape.model_fields["kind"].annotation)[0] for shape in shapes]
    assert "arithmetic" in kinds
    for word in (*kinds, *get_args(Unit), *get_args(Relation), *OPERATIONS):
        assert f'"{word}"' in text


def test_descriptions_come_from_the_strings_below_the_fields():
    row = COMMITTED["$defs"]["Row"]["properties"]["restates"]
    assert row["description"].startswith("The claim this cell prints again")
    hedge = COMMITTED["$defs"]["Value"]["properties"]["hedge"]
    assert hedge["description"].startswith('The document says "about"')


@pytest.fixture
def _registries_kept(monkeypatch):
    """Let the guide's own reproduction be declared for one test only."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = dict(SPECS), dict(REGISTRY)
    yield
    for registry, kept in zip((SPECS, REGISTRY), before, strict=True):
        registry.clear()
        registry.update(kept)
    sys.modules.pop("toygroup_edges", None)
    use_catalogue(None)


def _written_out(root):
    """Put the guide's examples into one project, as its reader would."""
    [module] = _blocks("python")
    index, head, *entries = _blocks("yaml")
    [artifacts] = [entry for entry in entries if entry.startswith("schema: ")]
    entries.remove(artifacts)
    (root / "toygroup_artifacts.yaml").write_text(artifacts)
    claims = "\n".join(entry for entry in entries if not entry.startswith("- table"))
    [table] = [entry for entry in entries if entry.startswith("- table")]
    (root / "claims").mkdir()
    (root / "toygroup_edges.py").write_text(module)
    (root / "claims.yaml").write_text(index)
    text = head + re.sub("^(?=.)", "  ", claims, flags=re.M) + f"tables:\n{table}"
    (root / "claims" / "toyvig.yaml").write_text(text)


@pytest.mark.usefixtures("_registries_kept")
def test_every_example_of_the_guide_loads_and_fits_the_schema(tmp_path):
    _written_out(tmp_path)
    project = load(tmp_path)
    ids = [id_ for block in _blocks("yaml") for id_ in re.findall(r"- id: (.*)", block)]
    assert set(ids) <= set(project.claims)
    assert "toyvig.parameter_count.refnet_50.phone" in project.claims
    assert matching("toy*") == ["data/toyset", "weights/toyvig_s"]
    assert "toyvig.arithmetic.toyvig_m_percent_more.measured" in project.claims
    assert len(project.claims["toyvig.parameter_count.toyvig_s"].found_at) == 3
    for path in (tmp_path / "claims.yaml", tmp_path / "claims" / "toyvig.yaml"):
        assert _errors(yaml.safe_load(path.read_text())) == []


@pytest.mark.usefixtures("_registries_kept")
def test_the_reproduction_of_the_guide_measures_what_its_claim_says(tmp_path):
    _written_out(tmp_path)
    project = load(tmp_path)
    [need] = project.needs["toyvig.graph_edges.first_block"]
    measured = REGISTRY["graph_edges"](need.params, "cpu").values["directed"].value
    assert f"{measured:,.0f}" == project.claims["toyvig.graph_edges.first_block"].expect.printed


def test_the_guide_names_every_field_kind_and_operation():
    for shape in ("WrittenClaim", "Row", "Index", "Tolerance", "Operation"):
        for key in COMMITTED["$defs"].get(shape, COMMITTED["$defs"]["Arithmetic"])["properties"]:
            assert re.search(rf"`[^`]*\b{key}\b[^`]*`|\*\*{key}\*\*|\b{key}:", GUIDE), (shape, key)
