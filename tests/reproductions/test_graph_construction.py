"""Graph construction of whole models: counted anew from their graphs, shared out, sabotaged."""

from functools import partial
from importlib import import_module

import pytest
import torch

import vig_models
from reproductions import graph_construction as module
from reproductions.catalog import GraphConstructionParams
from reproductions.catalog_graphs import GRAPH_FAMILIES
from reproductions.contract import NotMeasurableError
from reproductions.counting import count
from reproductions.errors import ReproductionError
from reproductions.graph_functions import BOUNDARIES, Boundary
from reproductions.graph_work import watch
from reproductions.measure import parse_params
from vig_models import clustervig, greedyvig, vig
from vig_models.kmeans import MAX_ITERATIONS, RESTARTS

SMALL = {
    "clustervig_ti": {"depth": 2, "channels": 16},
    "greedyvig_s": {"channels": (8, 8, 8, 8), "local_depths": (1,) * 4, "graph_depths": (1,) * 4},
    "mobilevig_ti": {"channels": (8, 8, 8, 8), "depths": (1,) * 4, "hidden_channels": 8},
    "mobilevigv2_ti": {
        "channels": (8, 8, 8, 8),
        "local_depths": (1,) * 4,
        "graph_depths": (0, 1, 1, 1),
    },
    "pvg_s": {
        "channels": (8, 8, 8, 8),
        "depths": (1, 1, 1, 1),
        "dynamic": ((4, 4),),
    },
    "pvig_ti": {"channels": (16, 16, 16, 16), "depths": (1, 1, 1, 1)},
    "vig_ti": {"depth": 2, "channels": 16},
    "vihgnn_ti": {"depths": (2,), "channels": (16,)},
}
"""A variant of each family to what makes it small."""
SIDES = {"greedyvig_s": 96, "mobilevig_ti": 96, "mobilevigv2_ti": 160, "pvg_s": 160}
STATIC = {"mobilevig_ti", "mobilevigv2_ti"}
FORMS = pytest.mark.parametrize("implementation", ["published", "fast"])
MODELS = pytest.mark.parametrize("model", SMALL)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Build small models."""

    def build(name, **settings):
        return vig_models.create_model(name, **settings, **SMALL.get(name, {})).eval()

    monkeypatch.setattr(module, "build_model", build)


def measure(model, **params):
    settings = {"image_size": SIDES.get(model, 224), "num_classes": 10, **params}
    return module.graph_construction(GraphConstructionParams(model=model, **settings), "cpu")


def kinds(measured, *wanted):
    searches = measured.evidence["searches"]
    return sum(search["evaluations"] for search in searches if search["kind"] in wanted)


def graphs(model, seed=0):
    """Run the model as the reproduction does and keep its graphs."""
    torch.manual_seed(seed)
    built = module.build_model(model, num_classes=10, implementation="published")
    side = SIDES.get(model, 224)
    images = torch.rand(2, 3, side, side)
    torch.manual_seed(seed)
    return built.forward_graphs(images[:1])


def test_every_family_with_a_graph_is_watched():
    assert set(BOUNDARIES) == set(GRAPH_FAMILIES)
    assert {vig_models.family_of(model) for model in SMALL} == set(BOUNDARIES)


@FORMS
@pytest.mark.parametrize("model", ["pvg_s", "pvig_ti", "vig_ti"])
def test_knn_compares_every_node_with_every_key(model, implementation):
    measured = measure(model, implementation=implementation)
    blocks = graphs(model)
    pairs = {
        block.name: sum(block.nodes.shape[2] for _key in range(block.graph.keys.shape[2]))
        for block in blocks
    }
    found = {search["block"]: search["evaluations"] for search in measured.evidence["searches"]}
    assert found == pairs
    quantity = measured.values["distance_evaluations"]
    assert quantity.low == quantity.value == quantity.high == sum(pairs.values())
    assert measured.values["calls"].value == len(blocks)


@pytest.mark.parametrize(
    ("model", "kind", "operation"),
    [
        ("pvg_s", "knn", "product"),
        ("pvig_ti", "knn", "product"),
        ("vig_ti", "knn", "product"),
        ("clustervig_ti", "partitions", "distances"),
    ],
)
def test_the_operation_counter_sees_as_many_distances(model, kind, operation):
    """It knows nothing of the functions watched here; a distance multiplies once a channel."""
    torch.manual_seed(0)
    built = module.build_model(model, num_classes=10, implementation="published")
    side = SIDES.get(model, 224)
    images = torch.rand(2, 3, side, side)
    torch.manual_seed(0)
    tally = count(built, images[:1])
    (channels,) = {block.nodes.shape[1] for block in graphs(model)}
    assert tally.macs[operation] == kinds(measure(model), kind) * channels


@FORMS
def test_dagc_compares_along_the_axes(implementation):
    measured = measure("greedyvig_s", implementation=implementation)
    expected = sum(  # maps of 24, 12, 6 and 3 rows, rolled by 8, 4, 2 and 1
        side * side * (1 + 2 * len(range(0, side, step)))
        for side, step in ((24, 8), (12, 4), (6, 2), (3, 1))
    )
    assert measured.values["distance_evaluations"].value == expected
    assert measured.values["calls"].value == 4


def test_dagc_is_counted_as_often_as_its_distance_runs(monkeypatch):
    seen, distance = [], greedyvig._distance

    def counted(x, other):
        seen.append(x.shape[2] * x.shape[3])
        return distance(x, other)

    monkeypatch.setattr(greedyvig, "_distance", counted)
    with watch("greedyvig") as record, torch.no_grad():
        vig_models.create_model(
            "greedyvig_s", implementation="published", **SMALL["greedyvig_s"]
        ).eval()(torch.rand(1, 3, 96, 96))
    assert record.evaluations() == (sum(seen),) * 3


@FORMS
def test_partitions_are_found_by_kmeans_and_searched_by_themselves(implementation):
    measured = measure("clustervig_ti", implementation=implementation)
    inside = sum(
        int((block.partitions[:, :, None] == block.partitions[:, None]).sum())
        for block in graphs("clustervig_ti")
    )
    assert kinds(measured, "partitions") == inside
    assert kinds(measured, "restarts") == 2 * RESTARTS * 196
    searches = [one for one in measured.evidence["searches"] if one["kind"] == "kmeans"]
    for block in ("backbone.0", "backbone.1"):
        own = [search for search in searches if search["block"] == block]
        iterated = [search["iterated"] for search in own]
        taken = own[0]["iterations"]["taken"]
        assert iterated == [True] * taken + [False]  # labels follow the last means
        assert {search["evaluations"] for search in own} == {RESTARTS * 196 * 4}
    quantity = measured.values["distance_evaluations"]
    once = inside + 2 * RESTARTS * 196 + 2 * RESTARTS * 196 * 4
    assert quantity.low == once + 2 * RESTARTS * 196 * 4
    assert quantity.high == once + MAX_ITERATIONS * 2 * RESTARTS * 196 * 4


def test_both_implementations_are_counted_alike():
    first, second = (measure("clustervig_ti", implementation=i) for i in ("published", "fast"))
    assert first.evidence["searches"] == second.evidence["searches"]
    assert first.values["recall"] == second.values["recall"]


@FORMS
def test_fuzzy_c_means_compares_with_every_hyperedge_in_each_iteration(implementation):
    measured = measure("vihgnn_ti", implementation=implementation)
    taken = {
        search["block"]: search["iterations"]["taken"] for search in measured.evidence["searches"]
    }
    value = measured.values["distance_evaluations"]
    pairs = {"backbone.0": 196 * 25, "backbone.1": 196 * 50}
    assert value.value == sum(pairs[block] * taken[block] for block in pairs)
    assert (value.low, value.high) == (2 * sum(pairs.values()), 15 * sum(pairs.values()))


@FORMS
@MODELS
def test_only_rolled_graphs_are_static_and_cost_nothing(model, implementation):
    measured = measure(model, implementation=implementation)
    is_static = model in STATIC
    assert measured.facts["dynamic"] == ("static" if is_static else "dynamic")
    zero = [key for key, quantity in measured.values.items() if quantity.value == 0]
    assert zero == (["distance_evaluations", "calls", "share"] if is_static else [])


@MODELS
def test_the_share_is_the_median_of_what_the_evidence_holds(model):
    measured = measure(model, forwards=7)
    readings = measured.evidence["forwards_s"]
    shares = sorted(100 * one["construction"] / one["all"] for one in readings)
    share = measured.values["share"]
    assert (share.low, share.value, share.high) == (shares[0], shares[3], shares[-1])
    assert 0 <= share.low <= share.high < 100
    assert share.level == (None if model in STATIC else 2 * 0.5**7)


def test_recall_is_that_of_a_slow_search():
    measured = measure("clustervig_ti")
    inside = []
    for block in graphs("clustervig_ti"):
        units = torch.nn.functional.normalize(block.nodes[0].double(), dim=0).T  # (N, C)
        labels = block.partitions[0].tolist()
        for node, unit in enumerate(units):
            others = sorted(set(range(196)) - {node}, key=lambda o: float((units[o] - unit).norm()))
            nearest = others[: block.graph.neighbors.shape[2] - 1]
            inside += [(block.name, labels[node] == labels[other]) for other in nearest]
    for found in measured.evidence["recall"]:
        mine = [is_inside for name, is_inside in inside if name == found["block"]]
        assert found["inside"] == pytest.approx(sum(mine) / len(mine), rel=0, abs=1e-12)
    shares = [block["inside"] for block in measured.evidence["recall"]]
    assert measured.values["recall"].value == pytest.approx(sum(shares) / 2, rel=0, abs=1e-12)
    assert 0 < measured.values["recall"].value < 1


def test_one_partition_loses_no_neighbor(monkeypatch):
    monkeypatch.setitem(SMALL, "clustervig_ti", {**SMALL["clustervig_ti"], "partitions": 1})
    values = measure("clustervig_ti").values
    assert values["recall"].value == 1
    assert values["recall_found"].value == pytest.approx(1, rel=0, abs=1e-3)


def test_permuted_neighbors_are_recalled_less(monkeypatch):
    before = measure("clustervig_ti").values["recall_found"].value
    search = clustervig.Grapher.neighbors
    monkeypatch.setattr(
        clustervig.Grapher, "neighbors", lambda *args: search(*args).roll(1, dims=1)
    )
    assert measure("clustervig_ti").values["recall_found"].value < before / 2


def test_twice_the_restarts_compare_twice_as_often_in_an_iteration(monkeypatch):
    def in_an_iteration(measured):
        return {s["evaluations"] for s in measured.evidence["searches"] if s["kind"] == "kmeans"}

    before = in_an_iteration(measure("clustervig_ti"))
    assert before == {RESTARTS * 196 * 4}
    doubled = partial(clustervig.kmeans, restarts=2 * RESTARTS)
    monkeypatch.setattr(clustervig, "kmeans", doubled)
    assert in_an_iteration(measure("clustervig_ti")) == {2 * RESTARTS * 196 * 4}


def test_a_block_less_is_a_call_less(monkeypatch):
    monkeypatch.setitem(SMALL, "vig_ti", {"depth": 1, "channels": 16})
    values = measure("vig_ti").values
    assert (values["calls"].value, values["distance_evaluations"].value) == (1, 196 * 196)


def test_a_search_that_nobody_watches_is_refused_rather_than_counted_as_none(monkeypatch):
    monkeypatch.setattr("reproductions.graph_work.BOUNDARIES", {"vig": ()})
    with pytest.raises(NotMeasurableError, match="ran no function that is known to build one"):
        measure("vig_ti")


@pytest.mark.parametrize("model", ["pvt_tiny", "resnet18"])
def test_a_model_without_a_graph_is_refused(model):
    with pytest.raises(ReproductionError, match=f"got '{model}', whose graph is not known; ask"):
        parse_params("graph_construction", {"model": model})


def test_a_model_that_is_still_to_come_may_have_a_graph():
    assert GraphConstructionParams(model="some_day").absent() == "no model named 'some_day'"


def test_a_size_that_a_model_does_not_take_is_refused():
    with pytest.raises(ReproductionError, match=r"'vig_ti' .* on a 96 x 96 image") as refused:
        measure("vig_ti", image_size=96)
    assert refused.type is ReproductionError


def test_watching_leaves_every_function_and_the_generator_as_they_were():
    paths = [boundary.path for family in BOUNDARIES.values() for boundary in family]

    def functions():
        for path in paths:
            name, *rest = path.split(".")
            owner = import_module(f"vig_models.{name}")
            for part in rest[:-1]:
                owner = getattr(owner, part)
            yield vars(owner)[rest[-1]]

    before = list(functions())
    torch.manual_seed(1)
    state = torch.get_rng_state()
    measure("vig_ti")
    with pytest.raises(KeyError, match="inside"), watch("clustervig"):
        raise KeyError("inside")
    assert list(functions()) == before
    assert torch.get_rng_state().equal(state)


def test_a_function_inside_another_is_timed_once(monkeypatch):
    def outer():
        vig.inner()

    monkeypatch.setattr(vig, "outer", outer, raising=False)
    monkeypatch.setattr(vig, "inner", lambda: None, raising=False)
    pair = tuple(Boundary(path=f"vig.{name}") for name in ("outer", "inner"))
    monkeypatch.setattr("reproductions.graph_work.BOUNDARIES", {"vig": pair})
    with watch("vig") as record:
        vig.outer()
        vig.inner()
    assert [build.function for build in record.builds] == ["vig.outer", "vig.inner"]
