"""The shape of one claim: which fields belong together."""

import pytest
from pydantic import ValidationError

from verify.claim import Claim, Row
from verify.expect import Arithmetic, claims_in, is_constant, operands_of, operation_of
from verify.index import Index

BASE = {
    "id": "toyvig.parameter_count.toyvig_s",
    "source": "toyvig",
    "statement": "ToyViG-S has 7.1 M parameters.",
    "found_at": [{"table": "2", "row": "ToyViG-S", "column": "Params (M)"}],
}
VALUE = {"kind": "value", "printed": "7.1", "unit": "Mparam"}
MEASURED = {**BASE, "reproduction": "parameter_count", "params": {"model": "toyvig_s"}}
ORDERING = {"kind": "ordering", "relation": "more_than"}
INPUT = {"reproduction": "parameter_count", "params": {"model": "toyvig_s"}}
TOLERANCE = {"by": "0.1", "unit": "Mparam", "basis": "transfer", "because": "x"}
ID = "toyvig.parameter_count.toyvig_m"
SUM = {"kind": "arithmetic", "printed": "7", "unit": "Mparam", "sum": [ID]}


def _refusal(data):
    with pytest.raises(ValidationError) as caught:
        Claim.model_validate(data)
    [detail] = caught.value.errors()
    return detail["msg"].removeprefix("Value error, ")


@pytest.mark.parametrize(
    "claim",
    [
        {**MEASURED, "expect": VALUE},
        {**MEASURED, "expect": {**VALUE, "kind": "bound", "relation": "at_most"}},
        {**MEASURED, "expect": {"kind": "equal", "form": "integer", "printed": "12"}},
        {**MEASURED, "expect": {"kind": "equal", "form": "list", "printed": ["2", "2", "6"]}},
        {**MEASURED, "params": {}, "models": ["toyvig_s", "toyvig_m"], "expect": VALUE},
        {**MEASURED, "protocols": {"bare": {"num_classes": 0}}, "expect": VALUE},
        {**MEASURED, "tolerance": TOLERANCE, "expect": VALUE},
        {**BASE, "inputs": [INPUT, INPUT], "expect": ORDERING},
        {**BASE, "inputs": [ID, ID], "scope": "consistency", "expect": ORDERING},
        {**BASE, "inputs": [INPUT, INPUT], "expect": {**VALUE, "kind": "ratio", "unit": "ratio"}},
        {**BASE, "scope": "consistency", "expect": SUM},
        {**BASE, "check": "none", "because": "opinion"},
        {**BASE, "check": "none", "damaged": "cut after 0"},
    ],
)
def test_a_well_formed_claim_is_accepted(claim):
    assert Claim.model_validate(claim).id == claim["id"]


@pytest.mark.parametrize(
    ("claim", "refusal"),
    [
        (BASE, "want expect, or check: none with because; got neither"),
        ({**BASE, "check": "none"}, "want because: why no program can settle it; got none"),
        (
            {**MEASURED, "check": "none", "because": "x"},
            "want check: none alone, got a reproduction, inputs or a tolerance",
        ),
        (
            {**MEASURED, "because": "x", "expect": VALUE},
            "want because only beside check: none, got it beside expect",
        ),
        ({**BASE, "expect": VALUE}, "want reproduction and params for value, without inputs"),
        (
            {**MEASURED, "inputs": [INPUT, INPUT], "expect": VALUE},
            "want reproduction and params for value, without inputs",
        ),
        (
            {**MEASURED, "models": ["a", "b"], "expect": VALUE},
            "want either params.model or models, got both",
        ),
        (
            {**MEASURED, "params": {}, "models": ["a"], "expect": VALUE},
            "want two or more names in models, got one; use params.model",
        ),
        (
            {**MEASURED, "params": {}, "models": ["a", "a"], "expect": VALUE},
            "want two or more names in models, got one; use params.model",
        ),
        (
            {**MEASURED, "expect": SUM},
            "want no reproduction, params or models for arithmetic; use inputs",
        ),
        (
            {**BASE, "inputs": [ID], "scope": "consistency", "expect": ORDERING},
            "want two inputs for ordering, got 1",
        ),
        (
            {**BASE, "inputs": [ID, INPUT], "scope": "consistency", "expect": ORDERING},
            "want claim ids only or measurements only as inputs, got both",
        ),
        (
            {**BASE, "inputs": [ID, ID], "expect": {**VALUE, "kind": "ratio", "unit": "ratio"}},
            "want inputs with reproduction and params for ratio, got claim ids",
        ),
        (
            {**BASE, "inputs": [ID, ID], "scope": "consistency", "expect": SUM},
            "want the operation inside expect for arithmetic, got inputs",
        ),
        (
            {**MEASURED, "scope": "consistency", "expect": VALUE},
            "want scope consistency for printed numbers only, got a reproduction",
        ),
        (
            {**BASE, "inputs": [INPUT, INPUT], "scope": "consistency", "expect": ORDERING},
            "want scope consistency for printed numbers only, got a reproduction",
        ),
    ],
)
def test_fields_that_do_not_belong_together_are_refused(claim, refusal):
    assert _refusal(claim) == refusal


@pytest.mark.parametrize(
    ("expect", "refusal"),
    [
        ({**VALUE, "printed": "seven"}, 'want a decimal number such as "7.1" or "4,938.8"'),
        ({**VALUE, "printed": ""}, "want a decimal number"),
        ({**VALUE, "printed": "7.1\n"}, "want a decimal number"),
        ({**VALUE, "printed": "42.5", "padded": True}, "want padded only on a print like"),
        ({**VALUE, "printed": "42", "padded": True}, "want padded only on a print like"),
        ({**SUM, "sum": None}, "want exactly one of ratio, difference"),
        ({**SUM, "maximum": [ID]}, "want exactly one of ratio, difference"),
        ({"kind": "equal", "form": "integer", "printed": "1.5"}, "want a printed integer"),
        ({"kind": "equal", "form": "list", "printed": "1"}, "want a list for form list"),
        ({"kind": "equal", "form": "word", "printed": ["a"]}, "want one string for form word"),
    ],
)
def test_an_expectation_that_says_nothing_definite_is_refused(expect, refusal):
    claim = {**(MEASURED if expect["kind"] != "arithmetic" else BASE), "expect": expect}
    assert _refusal(claim).startswith(refusal)


@pytest.mark.parametrize("by", ["0", "-0.1", "0.00"])
def test_a_tolerance_is_positive(by):
    claim = {**MEASURED, "expect": VALUE, "tolerance": {**TOLERANCE, "by": by}}
    assert _refusal(claim).startswith("want a positive quoted amount")


@pytest.mark.parametrize(
    "id_",
    [
        "toyvig",
        "toyvig.params",
        "ToyViG.params.s",
        "a.b.c.d.e.f",
        "a..b",
        "a.b.c ",
        "a.b.c\n",
        "a.b-c.d",
    ],
)
def test_an_id_has_three_to_five_lower_case_parts(id_):
    assert _refusal({**MEASURED, "id": id_, "expect": VALUE}).startswith("want an id source.")


@pytest.mark.parametrize(
    ("locator", "text"),
    [
        ({"table": "2", "row": "A", "column": "B"}, "Table 2, row A, column B"),
        ({"section": "4", "printed": "3×"}, "Section 4, '3×' (occurrence 1)"),
        ({"section": "4", "sentence_sha256": "ab" * 32}, "Section 4, sentence abababababab"),
    ],
)
def test_a_locator_says_where(locator, text):
    claim = Claim.model_validate({**MEASURED, "expect": VALUE, "found_at": [locator]})
    assert str(claim.found_at[0]) == text
    # The union is told apart by keys in both directions.
    assert Claim.model_validate(claim.model_dump()) == claim
    assert Claim.model_validate_json(claim.model_dump_json(by_alias=True)) == claim


@pytest.mark.parametrize("locator", [{}, {"page": "3"}, "Table 2", ["2"], None])
def test_a_locator_of_no_known_form_names_the_forms(locator):
    assert "{section, printed}" in _refusal({**MEASURED, "expect": VALUE, "found_at": [locator]})


def test_an_operation_lists_its_operands_and_the_claims_in_it():
    nested = {"power": {"base": "toyvig.x.b", "exponent": "2"}}
    expect = Arithmetic.model_validate(
        {
            "kind": "arithmetic",
            "printed": "3",
            "unit": "ratio",
            "ratio": {"of": {"difference": {"from": "toyvig.x.a", "to": nested}}, "over": "2"},
        }
    )
    assert operation_of(expect)[0] == "ratio"
    assert claims_in(expect) == ["toyvig.x.a", "toyvig.x.b"]
    inner, constant = operands_of(expect)
    assert [is_constant(inner), is_constant(constant)] == [False, True]


def test_a_row_needs_what_is_printed():
    with pytest.raises(ValidationError, match="printed"):
        Row.model_validate({"model": "toyvig_s"})


@pytest.mark.parametrize("arxiv", ["2206.0027", "2206.00272v12", "0704.0001"])
def test_an_arxiv_id_may_have_a_version(arxiv):
    paper = {"title": "T", "arxiv": arxiv}
    index = Index.model_validate({"schema": 1, "sources": {}, "papers": {"toy": paper}})
    assert index.papers["toy"].arxiv == arxiv


def test_claims_are_frozen():
    claim = Claim.model_validate({**MEASURED, "expect": VALUE})
    with pytest.raises(ValidationError, match="frozen"):
        claim.statement = "x"
