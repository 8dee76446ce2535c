"""The claims of this repository: they load, their ids stay, and the tables are as printed.

The printed tables stand beside this file a second time, transcribed independently of
``claims/``, so that a slip of the pen in either shows.
"""

from pathlib import Path

import pytest

from reproductions.contract import Measurement
from verify.judge import judge
from verify.load import load
from verify.stored import Stored

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "claims").glob("*.yaml"))
IDS = Path(__file__).with_name("claim_ids.txt")
PRINTED = Path(__file__).with_name("printed_tables.tsv")


def _printed():
    """Give {table: {column: [(row label, print), ...]}}, every cell of the document's tables."""
    tables = {}
    for block in PRINTED.read_text(encoding="utf-8").split("# Table ")[1:]:
        name, header, *lines = block.strip().split("\n")
        rows = [line.split("\t") for line in lines]
        tables[name] = {
            column: [(row[0], row[number]) for row in rows]
            for number, column in enumerate(header.split("\t"))
        }
    return tables


def _print(claim):
    return claim.found_at[0].printed if claim.expect is None else claim.expect.printed


@pytest.fixture(scope="module")
def project():
    return load(ROOT)


def test_every_claims_file_is_among_those_loaded(project):
    loaded = {where.split(":")[0] for where in project.where.values()}
    assert loaded == {f"claims/{path.name}" for path in FILES}


@pytest.mark.parametrize(("table", "rows"), [("III", 4), ("IV", 36), ("V", 13), ("VI", 10)])
def test_the_second_transcription_has_every_row(table, rows):
    assert {len(column) for column in _printed()[table].values()} == {rows}


def test_every_encoded_column_is_as_printed_and_in_printed_order(project):
    printed = _printed()
    for column in project.tables:
        found = [(row.label, _print(project.claims[row.claim])) for row in column.rows]
        assert found == printed[column.table][column.column], (column.table, column.column)


def test_every_cell_is_a_locator_of_the_claim_that_judges_it(project):
    for column in project.tables:
        for row in column.rows:
            cells = [
                (locator.source, locator.table, locator.row, locator.column)
                for locator in project.claims[row.claim].found_at
                if hasattr(locator, "row")
            ]
            assert (column.source, column.table, row.label, column.column) in cells


def test_ids_are_neither_dropped_nor_used_again(project):
    kept = IDS.read_text().splitlines()
    assert kept == sorted(set(kept))
    # A new claim is added to the list; an id that is in it leads to a claim for ever.
    assert sorted([*project.claims, *project.index.renamed]) == kept


def test_a_statement_has_the_printed_number_in_it(project):
    for claim in project.claims.values():
        printed = getattr(claim.expect, "printed", None)
        if printed is not None and claim.expect.kind == "value":
            assert printed in claim.statement, claim.id


def test_prints_are_padded_only_where_the_primary_prints_an_integer(project):
    for claim in project.claims.values():
        if getattr(claim.expect, "padded", False):
            assert claim.primary is not None
            assert f"{claim.primary.printed}.0" == claim.expect.printed


@pytest.mark.parametrize("model", ["vig_ti", "clustervig_ti"])
@pytest.mark.parametrize(
    ("graph_conv", "verdict"),
    [
        ("edge", "inconclusive"),
        ("sage", "inconclusive"),
        ("gin", "inconclusive"),
        ("max_relative", "pass"),
    ],
)
@pytest.mark.parametrize("rule_differs", [False, True], ids=["the_rule", "another_rule"])
def test_a_rule_is_decided_on_a_convolution_of_the_authors_alone(
    project, model, graph_conv, verdict, rule_differs
):
    id_ = f"clustervig.update_rule.{model}.{graph_conv}"
    rule = "none" if rule_differs else project.claims[id_].expect.printed
    found = Stored("ok", Measurement(values={}, facts={"rule": rule}), "", False, "event", "toy", 1)
    judged = judge(project, {project.needs[id_][0].key: found}, [id_])[id_]
    if verdict == "pass":
        assert judged.verdict == ("fail" if rule_differs else "pass")
    else:
        assert (judged.verdict, judged.reason) == (verdict, "substituted")
