"""The claims of this repository: they load, their ids stay, and the tables are as printed.

The printed columns stand here a second time, transcribed independently of ``claims/``, so that
a slip of the pen in either shows.
"""

from pathlib import Path

import pytest

from verify.load import load

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "claims").glob("*.yaml"))
IDS = Path(__file__).with_name("claim_ids.txt")

PRINTED = {
    "IV": """
        ResNet18 11.7
        ResNet50 25.6
        ConvNext-T 28.6
        EfficientFormer-L1 12.3
        EfficientFormer-L3 31.3
        EfficientFormer-L7 82.1
        LeViT-192 10.9
        LeViT-384 39.1
        EfficientFormerV2-S2 12.6
        EfficientFormerV2-L 26.1
        PVT-Small 24.5
        PVT-Large 61.4
        DeiT-S 22.5
        Swin-T 29.0
        PoolFormer-s12 12.0
        PoolFormer-s24 21.0
        PoolFormer-s36 31.0
        PViHGNN-Ti 12.3
        PViHGNN-S 28.5
        PViHGNN-B 94.4
        PViG-Ti 10.7
        PViG-S 27.3
        PViG-B 92.6
        PVG-S 22.0
        PVG-M 42.0
        PVG-B 79.0
        MobileViG-S 7.2
        MobileViG-M 14.0
        MobileViG-B 26.7
        GreedyViG-S 12.0
        GreedyViG-M 21.9
        GreedyViG-B 30.9
        CViG-Ti (Ours) 11.5
        CViG-S (Ours) 28.2
        CViG-B (Ours) 104.8
        CViG-B† (Ours) 105.2
    """,
    "V": """
        ResNet50 25.5
        EfficientFormer-L3 31.3
        EfficientFormer-L7 82.1
        EfficientFormerV2-L 26.1
        PoolFormer-S24 21.0
        FastViT-SA36 30.4
        Pyramid ViG-S 27.3
        PVG-S 22.0
        Pyramid ViHGNN-S 28.5
        PVT-Small 24.5
        MobileViG-B 26.7
        GreedyViG-B 30.9
        CViG-S (Ours) 28.2
    """,
}


@pytest.fixture(scope="module")
def project():
    return load(ROOT)


def test_every_claims_file_is_among_those_loaded(project):
    loaded = {where.split(":")[0] for where in project.where.values()}
    assert loaded == {f"claims/{path.name}" for path in FILES}


@pytest.mark.parametrize(("table", "rows"), [("IV", 36), ("V", 13)])
def test_a_parameter_column_is_as_printed_and_in_printed_order(project, table, rows):
    lines = PRINTED[table].strip().split("\n")
    expected = [tuple(line.strip().rsplit(" ", 1)) for line in lines]
    [column] = [c for c in project.tables if (c.source, c.table) == ("clustervig", table)]
    found = [(row.label, project.claims[row.claim].expect.printed) for row in column.rows]
    assert column.column == "Parameters (M)"
    assert len(found) == rows
    assert found == expected


def test_every_encoded_column_is_transcribed_here(project):
    assert {(c.source, c.table) for c in project.tables} == {("clustervig", t) for t in PRINTED}


def test_every_cell_is_a_locator_of_the_claim_that_judges_it(project):
    for column in project.tables:
        for row in column.rows:
            cells = [
                (locator.source, locator.table, locator.row, locator.column)
                for locator in project.claims[row.claim].found_at
                if hasattr(locator, "row")
            ]
            assert (column.source, column.table, row.label, column.column) in cells


def test_ids_are_neither_renamed_nor_dropped_nor_used_again(project):
    kept = IDS.read_text().splitlines()
    assert kept == sorted(set(kept))
    # A new claim is added to the list; an id that is in it stays in claims/ for ever.
    assert sorted(project.claims) == kept


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
