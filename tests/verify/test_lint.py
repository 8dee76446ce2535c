"""What one claim alone cannot show: needs, protocols, twins, cycles, notes on models."""

import pytest

import reproductions.catalog  # noqa: F401 - declares the reproductions claims may name
from reproductions.contract import SPECS, Convention, Params, Spec
from verify.claim import Claim
from verify.index import Index
from verify.lint import check
from verify.twins import twins_of
from verify.yaml_lines import Document, Place

INDEX = {
    "schema": 1,
    "sources": {"toyvig": {"title": "T", "file": "t.txt", "sha256": "a" * 64}},
    "planned_models": ["toyvig_s", "toyvig_s_g4", "toyvig_next"],
}
FOUND = [{"section": "1", "printed": "7"}]
VALUE = {"kind": "value", "printed": "7", "unit": "Mparam"}
S = "toyvig.parameter_count.toyvig_s"
NEXT = "toyvig.parameter_count.toyvig_next"
SUM = {"kind": "arithmetic", "printed": "2", "unit": "Mparam", "sum": [S, "1"]}
ORDER = {"kind": "ordering", "relation": "more_than"}


def _measured(subject="toyvig_s", **changes):
    return {
        "id": f"toyvig.parameter_count.{subject}",
        "source": "toyvig",
        "statement": "x",
        "found_at": FOUND,
        "reproduction": "parameter_count",
        "params": {"model": subject, "num_classes": 1000},
        "expect": VALUE,
        **changes,
    }


def _arithmetic(name, operation, **changes):
    return {
        "id": f"toyvig.arithmetic.{name}",
        "source": "toyvig",
        "statement": "x",
        "found_at": FOUND,
        "scope": "consistency",
        "expect": {"kind": "arithmetic", "printed": "2", "unit": "ratio", **operation},
        **changes,
    }


def _check(*claims, **index):
    loaded = {claim["id"]: Claim.model_validate(claim) for claim in claims}
    loaded |= {twin.id: twin for twin in twins_of(loaded)}
    places = {id_: Place(Document("toy")) for id_ in loaded}
    shape = Index.model_validate({**INDEX, **index})
    return check(shape, Place(Document("index")), loaded, places)


def _checked(*claims, **index):
    found = _check(*claims, **index)
    return found.needs, found.protocols, found.beside, found.problems


def _refusals(*claims, **index):
    return [f"{problem.field}: {problem.sentence}" for problem in _check(*claims, **index).problems]


def test_a_sound_project_gives_the_measurements_of_each_claim():
    both = _measured("both", params={"num_classes": 10}, models=["resnet18", "resnet50"])
    ratio = _arithmetic("ratio", {"ratio": {"of": S, "over": both["id"]}})
    needs, protocols, _, problems = _checked(_measured(), both, ratio)
    assert problems == []
    assert protocols == {}
    subjects = {id_: [need.params.subject() for need in found] for id_, found in needs.items()}
    assert subjects == {
        S: ["toyvig_s"],
        both["id"]: ["resnet18", "resnet50"],
        "toyvig.arithmetic.ratio": [],
        "toyvig.arithmetic.ratio.measured": ["toyvig_s", "resnet18", "resnet50"],
    }


def test_other_protocols_are_measurements_with_some_params_changed():
    _, protocols, _, problems = _checked(_measured(protocols={"bare": {"num_classes": 0}}))
    assert problems == []
    assert protocols[S]["bare"].params.num_classes == 0
    assert protocols[S]["bare"].params.model == "toyvig_s"


def test_a_protocol_with_bad_params_is_refused_under_its_name():
    [found] = _refusals(_measured(protocols={"bare": {"classes": 0}}))
    assert found.startswith("protocols.bare.classes: want a known key, got 'classes'; did you")


def test_a_missing_model_is_not_told_again_for_every_protocol():
    claim = _measured("no_such", protocols={"bare": {"num_classes": 0}})
    [found] = _refusals(claim)
    assert found.startswith("params.model: want a model that exists or is planned")


def test_a_name_near_a_planned_one_is_suggested():
    [found] = _refusals(_measured("toyvig_t"))
    assert found.endswith("no model named 'toyvig_t'; did you mean 'toyvig_s'?")


@pytest.mark.parametrize("operands", [[S, "2"], [S, {"sum": [S, S]}]])
def test_arithmetic_over_measured_claims_has_a_twin(operands):
    needs, _, _, problems = _checked(_measured(), _arithmetic("x", {"product": operands}))
    assert problems == []
    assert {need.key for need in needs["toyvig.arithmetic.x.measured"]} == {needs[S][0].key}


def test_a_comparison_of_measured_claims_has_a_twin_that_compares_the_measurements():
    said = {**_arithmetic("x", {}), "inputs": [S, NEXT], "expect": ORDER}
    needs, _, _, problems = _checked(_measured(), _measured("toyvig_next"), said)
    assert problems == []
    found = [need.params.subject() for need in needs["toyvig.arithmetic.x.measured"]]
    assert found == ["toyvig_s", "toyvig_next"]


def test_a_comparison_with_a_claim_that_is_not_measured_has_no_twin():
    given = _arithmetic("y", {"sum": [S, "1"]}, expect=SUM)
    said = {**_arithmetic("x", {}), "inputs": [S, "toyvig.arithmetic.y"], "expect": ORDER}
    needs, _, _, problems = _checked(_measured(), given, said)
    assert problems == []
    assert "toyvig.arithmetic.x.measured" not in needs


def test_arithmetic_over_what_cannot_be_measured_has_no_twin():
    constant = _arithmetic("x", {"sum": ["2", "3"]})
    nested = _arithmetic("y", {"sum": ["toyvig.arithmetic.x", S]})
    unchecked = _arithmetic("z", {"sum": [S]}, check="none", because="x")
    unchecked["id"] = "toyvig.statement.z"
    needs, _, _, problems = _checked(_measured(), constant, nested, unchecked)
    assert problems == []
    assert not any(id_.endswith(".measured") for id_ in needs)


def test_arithmetic_is_of_scope_consistency():
    assert _refusals(_measured(), _arithmetic("x", {"sum": [S]}, scope="claim")) == [
        "scope: want consistency for arithmetic over print, got 'claim'"
    ]


def test_an_ordering_of_prints_is_of_scope_consistency():
    order = {"kind": "ordering", "relation": "more_than"}
    claim = _arithmetic("x", {}, scope="claim", inputs=[S, S])
    [found] = _refusals(_measured(), {**claim, "expect": order})
    assert found == "scope: want consistency for an ordering of prints, got 'claim'"


def test_arithmetic_may_share_inputs_without_being_a_cycle():
    a = _arithmetic("a", {"sum": [S]})
    b = _arithmetic("b", {"sum": ["toyvig.arithmetic.a"]})
    c = _arithmetic("c", {"ratio": {"of": "toyvig.arithmetic.a", "over": "toyvig.arithmetic.b"}})
    assert _refusals(_measured(), a, b, c) == []


def test_a_chain_of_thousands_is_followed_to_its_end():
    length = 3000
    links = [
        _arithmetic(f"x{n}", {"sum": [f"toyvig.arithmetic.x{(n + 1) % length}"]})
        for n in range(length)
    ]
    [found] = _refusals(*links)
    assert found.count(" -> ") == length


def test_unchecked_claims_may_be_statements_or_stand_under_a_reproduction():
    common = {"source": "toyvig", "statement": "x", "found_at": FOUND, "check": "none"}
    for second in ("statement", "parameter_count"):
        assert _refusals({**common, "id": f"toyvig.{second}.x", "because": "opinion"}) == []
    [found] = _refusals({**common, "id": "toyvig.opinion.x", "because": "opinion"})
    assert found.startswith("id: want ")
    assert found.endswith("as the id's second part, got 'opinion'; rename it")


@pytest.mark.parametrize(
    ("unit", "allowed"), [("Mparam", True), ("percent", True), ("point", False), ("param", False)]
)
def test_a_tolerance_is_in_the_unit_of_the_print_or_in_percent(unit, allowed):
    tolerance = {"by": "1", "unit": unit, "basis": "transfer", "because": "x"}
    assert (_refusals(_measured(tolerance=tolerance)) == []) == allowed


NOTE = {"stands_for": "x", "because": "x"}
G4 = {**NOTE, "fitted_to": [S]}


def test_a_stand_in_and_a_fitted_model_may_both_be_planned():
    models = {"toyvig_next": NOTE, "toyvig_s_g4": G4}
    assert _refusals(_measured(), _measured("toyvig_next"), models=models) == []


@pytest.mark.parametrize(
    ("claims", "models", "refusal"),
    [
        (
            [_measured("toyvig_s_g4")],
            {"toyvig_s_g4": {**G4, "fitted_to": ["toyvig.parameter_count.toyvig_s_g4"]}},
            "params.model: want a released model, got 'toyvig_s_g4', which is fitted to printed",
        ),
        ([_measured()], {"no_such_g4": G4}, "models.no_such_g4: want a model that exists or is"),
        ([_measured()], {"toyvig": NOTE}, "models.toyvig: want a model that a claim measures, got"),
        (
            [_measured(), _arithmetic("x", {"sum": [S]})],
            {"toyvig_s_g4": {**NOTE, "fitted_to": ["toyvig.arithmetic.x"]}},
            "models.toyvig_s_g4.fitted_to.0: want a measured claim, got 'toyvig.arithmetic.x'",
        ),
    ],
)
def test_a_note_on_a_model_that_changes_nothing_is_refused(claims, models, refusal):
    [found] = _refusals(*claims, models=models)
    assert found.startswith(refusal)


def test_a_planned_model_that_a_note_names_has_to_be_unwritten():
    models = {"resnet18": G4}
    planned = [*INDEX["planned_models"], "resnet18"]
    [found] = _refusals(_measured(), models=models, planned_models=planned)
    assert found.startswith("planned_models.3: want the name of a model to come, got 'resnet18'")


class _SizeParams(Params):
    size: int


def test_a_reproduction_without_models_needs_no_registry(monkeypatch):
    spec = Spec(
        name="toy_size",
        module=__name__,
        params=_SizeParams,
        unit="param",
        conventions=(Convention(name="all", counts="everything"),),
        better="none",
        protocol=1,
        cost_s=0,
        time_limit_s=1,
        memory_limit_gib=1,
    )
    monkeypatch.setitem(SPECS, "toy_size", spec)
    claim = _measured(id="toyvig.toy_size.x", reproduction="toy_size", params={"size": 3})
    claim["expect"] = {**VALUE, "unit": "param"}
    needs, _, _, problems = _checked(claim)
    assert problems == []
    assert str(needs["toyvig.toy_size.x"][0]) == "toy_size"
    assert _refusals({**claim, "params": {}}) == [
        "params.size: want this param of toy_size, got none; add it"
    ]
