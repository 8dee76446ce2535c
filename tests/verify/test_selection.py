"""Selecting claims: by id glob, document, reproduction, verdict, and all of them together."""

from types import SimpleNamespace

import pytest

from verify.claim import Claim
from verify.errors import VerifyError
from verify.selection import Selection, select

FOUND = [{"section": "1", "printed": "7"}]
COUNT, EDGES = "parameter_count", "graph_edges"
VALUE = {"kind": "value", "printed": "7", "unit": "Mparam"}
INPUT = {"reproduction": EDGES, "params": {}}


def _claim(id_, **fields):
    common = {"id": id_, "source": id_.split(".")[0], "statement": "x", "found_at": FOUND}
    return Claim.model_validate({**common, **fields})


CLAIMS = [
    _claim("toyvig.parameter_count.s", reproduction=COUNT, expect=VALUE),
    _claim("toynotes.parameter_count.s", reproduction=COUNT, expect=VALUE),
    _claim("toyvig.graph_edges.s", reproduction=EDGES, expect={**VALUE, "unit": "param"}),
    _claim(
        "toyvig.graph_edges.more",
        inputs=[INPUT, INPUT],
        expect={"kind": "ordering", "relation": "more_than"},
    ),
    _claim(
        "toyvig.arithmetic.sum",
        scope="consistency",
        expect={**VALUE, "kind": "arithmetic", "sum": ["toyvig.parameter_count.s"]},
    ),
    _claim("toyvig.statement.seen", check="none", because="opinion"),
]
IDS = [claim.id for claim in CLAIMS]
PROJECT = SimpleNamespace(
    claims={claim.id: claim for claim in CLAIMS},
    index=SimpleNamespace(
        sources={"toyvig": 1, "toynotes": 1, "toyempty": 1},
        renamed={"toyvig.throughput.s": "toyvig.graph_edges.s"},
    ),
)
JUDGED = {id_: SimpleNamespace(verdict="fail" if id_.endswith(".s") else "pass") for id_ in IDS}


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (Selection(), [0, 1, 2, 3, 4, 5]),
        (Selection(patterns=[IDS[2]]), [2]),
        (Selection(patterns=["*.parameter_count.*"]), [0, 1]),
        (Selection(patterns=["toyvig.throughput.s"]), [2]),
        (Selection(patterns=[IDS[4], "toynotes.*"]), [1, 4]),
        (Selection(source="toynotes"), [1]),
        (Selection(source="toyempty"), []),
        (Selection(reproductions=["graph_edges"]), [2, 3]),
        (Selection(reproductions=["arithmetic", "graph_edges"]), [2, 3, 4]),
        (Selection(reproductions=["arithmetic"]), [4]),
        (Selection(reproductions=["statement"]), [5]),
        (Selection(verdicts=["fail"]), [0, 1, 2]),
        (Selection(verdicts=["fail", "pass"]), [0, 1, 2, 3, 4, 5]),
        (
            Selection(patterns=["*.s"], source="toyvig", reproductions=[COUNT], verdicts=["fail"]),
            [0],
        ),
        (Selection(patterns=["*.s"], verdicts=["pass"]), []),
    ],
)
def test_a_selection_lists_ids_in_claim_order(selection, numbers):
    assert select(PROJECT, selection, JUDGED) == [IDS[number] for number in numbers]


def test_verdicts_select_nothing_away_before_there_are_any():
    assert select(PROJECT, Selection(verdicts=["fail"])) == IDS


@pytest.mark.parametrize(
    ("selection", "refusal"),
    [
        (
            Selection(patterns=["toyvig.parameter_count.x"]),
            r"^no claim 'toyvig.parameter_count.x'; did you mean 'toyvig.parameter_count.s'\?$",
        ),
        (Selection(patterns=["*.s", "Z"]), "^no claim 'Z'; `verify list` shows all ids$"),
        (Selection(patterns=["TOYVIG.*"]), r"^no claim 'TOYVIG\.\*'; `verify list` shows all"),
        (Selection(source="toyvg"), r"^no document 'toyvg'; did you mean 'toyvig'\?$"),
        (Selection(source="quux"), r"^no document 'quux'; see claims.yaml$"),
        (
            Selection(reproductions=[COUNT, "speed"]),
            "^no claim needs a reproduction 'speed'; `verify list`",
        ),
    ],
)
def test_what_matches_no_claim_at_all_is_refused(selection, refusal):
    with pytest.raises(VerifyError, match=refusal):
        select(PROJECT, selection, JUDGED)
