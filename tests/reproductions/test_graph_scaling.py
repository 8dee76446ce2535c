"""Growth of graph construction: counted against loops, and planted powers found."""

from functools import partial

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from reproductions import graph_scaling as module
from reproductions.catalog import GraphScalingParams
from reproductions.contract import NotMeasurableError
from vig_models import clustervig
from vig_models.fuzzy_c_means import MAX_ITERATIONS, MEMBER, ONLY, WEAK
from vig_models.kmeans import MAX_ITERATIONS as KMEANS_ITERATIONS
from vig_models.kmeans import RESTARTS, TOLERANCE

SETTINGS = {
    "dagc": {"step": 2},
    "fuzzy_c_means": {"clusters": (3,)},
    "kmeans_partitioned": {"clusters": (3,), "neighbors": 4},
    "knn": {"neighbors": 4},
    "mgc": {"step": 2},
    "svga": {"step": 2},
}
FORMS = pytest.mark.parametrize("implementation", ["published", "fast"])


def measure(construction, grids=(5,), **params):
    params = {"channels": 8, **SETTINGS[construction], **params}
    params = GraphScalingParams(construction=construction, grids=grids, **params)
    return module.graph_scaling(params, "cpu")


def drawn(grid, channels=8, seed=0):
    """Draw the nodes that the reproduction draws, (N, C), and leave the seed as it does."""
    torch.manual_seed(seed)
    nodes = torch.randn(1, channels, grid, grid).flatten(2)[0].T
    torch.manual_seed(seed)
    return nodes


def _reference_dagc(grid, step):
    """Compare each position with what each roll brings there."""
    compared = grid * grid  # for the threshold, with the quadrant across
    for _axis in range(2):
        for _shift in range(0, grid, step):
            for _row in range(grid):
                for _column in range(grid):
                    compared += 1
    return compared


def _reference_partitioned(nodes, clusters, restarts=RESTARTS):
    """Run k-means with plain loops and count every distance, then pairs inside partitions."""
    nodes = (nodes - nodes.mean(dim=0)).double().numpy()
    chances = torch.full((restarts, len(nodes)), 1 / len(nodes))
    starts = torch.multinomial(chances, clusters, replacement=False).numpy()
    centers = [nodes[start] for start in starts]
    compared = 0

    def nearest(centers):
        nonlocal compared
        labels = []
        for node in nodes:
            distances = [np.linalg.norm(node - center + 1e-6) for center in centers]
            compared += len(distances)
            labels.append(int(np.argmin(distances)))
        return np.array(labels)

    for _ in range(KMEANS_ITERATIONS):
        before, centers = centers, []
        for old in before:
            labels = nearest(old)
            members = [nodes[labels == cluster] for cluster in range(clusters)]
            centers.append(np.array([m.mean(axis=0) if len(m) else 0 * nodes[0] for m in members]))
        moved = [np.linalg.norm(a - b, axis=1).mean() for a, b in zip(before, centers, strict=True)]
        if max(moved) < TOLERANCE:
            break
    runs = [nearest(one) for one in centers]
    costs = []
    for labels, one in zip(runs, centers, strict=True):
        compared += len(nodes)
        costs.append(sum(np.sum((nodes - one[labels]) ** 2, axis=1)))
    best = runs[int(np.argmin(costs))]
    return compared + sum(1 for one in best for other in best if one == other)


def _reference_fuzzy(nodes, clusters):
    """Run fuzzy c-means with plain loops and count every distance; count hyperedges joined."""
    torch.randint(0, len(nodes), (1, clusters))
    shares = torch.rand(1, len(nodes), clusters)[0].double().numpy()
    shares /= shares.sum(axis=1, keepdims=True)
    nodes, compared = nodes.double().numpy(), 0
    for number in range(MAX_ITERATIONS):
        before, weights = shares, shares**2
        centers = weights.T @ nodes / weights.sum(axis=0)[:, None]
        shares = np.empty_like(before)
        for index, node in enumerate(nodes):
            for cluster, center in enumerate(centers):
                compared += 1
                shares[index, cluster] = 1 / max(np.sum((node - center) ** 2), 1e-10)
        shares /= shares.sum(axis=1, keepdims=True)
        if number > 0 and np.linalg.norm(shares - before) < 1e-3:
            break
    weak = shares.max(axis=1) < WEAK
    joined = shares > (ONLY if weak.any() else MEMBER)
    return compared, int(np.maximum(joined.sum(axis=1), 1).sum())


@FORMS
@pytest.mark.parametrize("grid", [2, 5, 6])
def test_knn_compares_every_pair(implementation, grid):
    values = measure("knn", (grid,), implementation=implementation).values
    pairs = sum(1 for _node in range(grid**2) for _key in range(grid**2))
    assert values["distance_evaluations"].value == pairs
    assert values["edges"].value == 4 * grid**2


@FORMS
@pytest.mark.parametrize(("grid", "step"), [(5, 2), (6, 2), (6, 1), (7, 4)])
def test_dagc_compares_along_the_axes(implementation, grid, step):
    values = measure("dagc", (grid,), step=step, implementation=implementation).values
    assert values["distance_evaluations"].value == _reference_dagc(grid, step)


@FORMS
@pytest.mark.parametrize(("grid", "clusters"), [(5, 3), (6, 4), (6, 1)])
def test_partitioned_knn_compares_with_centers_then_inside(implementation, grid, clusters):
    measured = measure(
        "kmeans_partitioned", (grid,), clusters=(clusters,), implementation=implementation
    )
    quantity = measured.values["distance_evaluations"]
    assert quantity.value == _reference_partitioned(drawn(grid), clusters)
    (iterations,) = measured.evidence["points"][0]["iterations"]
    once = quantity.value - iterations["taken"] * RESTARTS * grid**2 * clusters
    assert quantity.low == once + RESTARTS * grid**2 * clusters
    assert quantity.high == once + KMEANS_ITERATIONS * RESTARTS * grid**2 * clusters


@FORMS
def test_fuzzy_c_means_compares_with_every_center_in_each_iteration(implementation):
    values = measure("fuzzy_c_means", implementation=implementation).values
    compared, joined = _reference_fuzzy(drawn(5), 3)
    assert values["distance_evaluations"].value == compared
    assert values["edges"].value == joined
    assert values["distance_evaluations"].low == 2 * 25 * 3
    assert values["distance_evaluations"].high == MAX_ITERATIONS * 25 * 3


@FORMS
@pytest.mark.parametrize(("construction", "edges"), [("svga", 1 + 2 * 2), ("mgc", 1 + 4)])
def test_a_static_graph_compares_nothing(implementation, construction, edges):
    measured = measure(construction, implementation=implementation)
    assert measured.values["distance_evaluations"].value == 0
    assert measured.values["edges"].value == edges * 25
    assert measured.values["edges_per_node"].value == edges
    assert measured.samples == {}
    assert "seconds" not in measured.values


def test_the_pairs_of_knn_grow_with_the_square_and_its_edges_with_the_nodes():
    values = measure("knn", (4, 6, 8)).values
    for key, power in {"exponent": 2, "exponent_edges": 1}.items():
        assert values[key].value == pytest.approx(power, rel=0, abs=1e-12)
        assert values[key].low == pytest.approx(power, rel=0, abs=1e-12)
        assert values[key].high == pytest.approx(power, rel=0, abs=1e-12)
    assert values["distance_evaluations"] == values["distance_evaluations_64"]


def test_a_static_graph_has_no_exponent_but_that_of_its_edges():
    values = measure("mgc", (4, 6, 8)).values
    assert {key for key in values if key.startswith("exponent")} == {"exponent_edges"}
    assert values["exponent_edges"].value == pytest.approx(1, rel=0, abs=1e-12)


def test_rolls_by_a_fixed_step_give_a_node_of_a_larger_map_more_neighbors():
    values = measure("svga", (4, 8)).values
    assert values["edges_per_node_16"].value == 1 + 2 * 1
    assert values["edges_per_node_64"].value == 1 + 2 * 3


@pytest.mark.parametrize("construction", ["fuzzy_c_means", "kmeans_partitioned", "knn"])
def test_the_evidence_adds_up_to_the_evaluations(construction):
    measured = measure(construction, (4, 6))
    for point in measured.evidence["points"]:
        parts = list(point["evaluations"].values())
        once = sum(sum(part["once"]) for part in parts)
        steps = [step for part in parts for step in part["by_iteration"]]
        (run,) = point["iterations"] or [{"fewest": 0, "taken": 0, "most": 0}]
        quantity = measured.values[f"distance_evaluations_{point['size']}"]
        assert len(steps) == run["taken"]
        assert quantity.value == once + sum(steps)
        assert quantity.low == once + run["fewest"] * min(steps, default=0)
        assert quantity.high == once + run["most"] * max(steps, default=0)


def test_growth_with_partitions_is_named_by_their_number():
    measured = measure("kmeans_partitioned", (6,), clusters=(1, 2, 4))
    assert {"distance_evaluations_1", "seconds_2", "edges_4"} <= set(measured.values)
    exponent = measured.values["exponent"]
    assert exponent.low < exponent.value < exponent.high


def test_seconds_are_the_median_of_as_many_readings_as_rounds():
    measured = measure("knn", (4, 6), rounds=7)
    readings, quantity = measured.samples["seconds_16"], measured.values["seconds_16"]
    assert len(readings) == 7
    assert quantity.value == sorted(readings)[3]
    assert (quantity.low, quantity.high) == (min(readings), max(readings))
    assert quantity.level == 2 * 0.5**7


def test_twice_the_restarts_compare_twice_as_often_with_centers(monkeypatch):
    def with_centers():
        evidence = measure("kmeans_partitioned").evidence["points"][0]
        kinds, (run,) = evidence["evaluations"], evidence["iterations"]
        assert len(kinds["kmeans"]["by_iteration"]) == run["taken"]
        return kinds["kmeans"]["once"][0] + sum(kinds["restarts"]["once"])

    before = with_centers()
    doubled = partial(clustervig.kmeans, restarts=2 * RESTARTS)
    monkeypatch.setattr(clustervig, "kmeans", doubled)
    assert with_centers() == 2 * before


def test_the_generator_is_left_as_it_was():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    measure("kmeans_partitioned")
    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize(("construction", "params"), [("knn", {"neighbors": 26})])
def test_more_neighbors_than_nodes_are_not_measurable(construction, params):
    with pytest.raises(NotMeasurableError, match="want 1 to 25"):
        measure(construction, **params)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"construction": "knn", "clusters": (3,)}, "want neighbors and none else"),
        ({"construction": "knn", "neighbors": 0}, "got none"),
        ({"construction": "svga", "neighbors": 3}, "want step and none else"),
        ({"construction": "knn", "grids": (6, 4)}, "smallest first"),
        ({"construction": "knn", "grids": (4, 4)}, "different numbers"),
        (
            {"construction": "kmeans_partitioned", "grids": (4, 5), "clusters": (1, 2)},
            "several of both",
        ),
    ],
)
def test_params_that_do_not_belong_together_are_refused(params, match):
    base = {"grids": (5,), "channels": 8, **SETTINGS[params["construction"]]}
    with pytest.raises(ValidationError, match=match):
        GraphScalingParams(**base | params)


def test_params_name_what_supplies_the_construction():
    params = GraphScalingParams(
        construction="kmeans_partitioned", grids=(5,), channels=8, neighbors=4, clusters=(3,)
    )
    assert (params.family(), params.modules()) == ("clustervig", ("vig_models.clustervig",))
    assert params.packages() == ("torch-geometric",)
