"""The DEGC module on a small ClusterViG: each step as defined, and what breaking it changes."""

import pytest
import torch

from reproductions import degc_module as module
from reproductions import degc_steps
from reproductions.catalog import DEGCModuleParams
from reproductions.contract import NotMeasurableError
from vig_models import clustervig, create_model
from vig_models.kmeans import Lloyd
from vig_models.partitions import complete_edges, knn_in_partitions, organize

SMALL = {"depth": 1, "channels": 64}
AS_DEFINED = {
    "partitions": 4,
    "cover": "every node once",
    "assignment": "nearest center",
    "centroid_where_settled": "mean",
    "global_graph": "complete with self-loops",
    "global_edges": 16,
    "attention": "as written",
    "attention_layers": "single",
    "round_trip": "unchanged",
    "by_partition": "the same",
    "neighbors": "nearest of the partition",
    "shapes": ["B x kappa x C", "B x N", "B kappa x C", "B N x C", "B N x C'", "B x N x C'"],
    "saving": "kappa",
    "saving_in_parallel": "kappa squared",
    "starts": "2",
    "iterations": 25,
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    def build(name, **_):
        return create_model(name, implementation="published", num_classes=0, **SMALL).eval()

    monkeypatch.setattr(module, "build_model", build)
    monkeypatch.setattr(degc_steps, "MOST_DRAWS", 2)


def measure(model="clustervig_ti", seed=0):
    return module.degc_module(DEGCModuleParams(model=model, seed=seed), "cpu")


def broken():
    """Name the facts that are not as defined."""
    facts = measure().facts
    return {name for name, wanted in AS_DEFINED.items() if facts[name] != wanted}


def test_every_step_is_as_defined():
    found = measure()
    assert {name: found.facts[name] for name in AS_DEFINED} == AS_DEFINED
    assert found.evidence["largest_differences"]["attention"] < 1e-12
    assert found.evidence["largest_differences"]["by_partition"] < 1e-12


def test_centers_are_means_where_k_means_settled_and_not_always_where_it_gave_up(monkeypatch):
    found = measure()
    images = [one for ran in found.evidence["centroids"] for one in ran["images"]]
    assert all(one["difference"] <= module.SAME for one in images if one["settled"])
    apart = max(one["difference"] for one in images)
    assert (found.facts["centroid"] == "mean") == (apart <= module.SAME)
    before = Lloyd.means
    monkeypatch.setattr(Lloyd, "means", lambda self, labels, k: before(self, labels, k) * 0.9)
    assert measure().facts["centroid"] == "not always the mean"


def test_a_run_that_gives_up_is_looked_for(monkeypatch):
    monkeypatch.setattr(degc_steps, "MOST_DRAWS", 200)
    last = measure().evidence["centroids"][-1]
    assert last["nodes"] == "drawn in two directions"
    assert last["iterations"] == 25


def test_a_partition_that_loses_nodes_shows(monkeypatch):
    def forgetful(labels, num_partitions):
        order = organize(labels, num_partitions).clone()
        order[:, 0] = order[:, 1]
        return order

    monkeypatch.setattr(module, "organize", forgetful)
    assert broken() == {"cover"}


def test_nodes_in_the_wrong_partition_show(monkeypatch):
    before = clustervig.kmeans

    def turned(nodes, clusters, generator):
        labels, centers = before(nodes, clusters, generator)
        return labels, centers.roll(1, dims=1)

    monkeypatch.setattr(clustervig, "kmeans", turned)
    assert "assignment" in broken()


def test_a_global_graph_without_self_loops_shows(monkeypatch):
    def bare(images, centers):
        edges = complete_edges(images, centers)
        return edges[:, edges[0] != edges[1]]

    monkeypatch.setattr(clustervig, "complete_edges", bare)
    assert {"global_graph", "global_edges", "attention"} <= broken()


def test_another_slope_of_the_attention_shows(monkeypatch):
    before = clustervig.GATv2Conv.forward

    def steeper(layer, centers, edges):
        slope, layer.negative_slope = layer.negative_slope, 0.9
        try:
            return before(layer, centers, edges)
        finally:
            layer.negative_slope = slope

    monkeypatch.setattr(clustervig.GATv2Conv, "forward", steeper)
    assert broken() == {"attention"}


def test_an_attention_that_overflows_is_no_agreement(monkeypatch):
    before = module._attention
    answers = iter([0.0, float("nan")])
    monkeypatch.setattr(module, "_attention", lambda step: before(step) + next(answers))
    monkeypatch.setitem(SMALL, "depth", 2)
    with pytest.raises(NotMeasurableError, match="one that overflowed"):
        measure()


def test_neighbors_of_other_partitions_show(monkeypatch):
    def everywhere(nodes, labels, order, num_neighbors):
        return knn_in_partitions(nodes, torch.zeros_like(labels), order, num_neighbors)

    monkeypatch.setattr(clustervig, "knn_in_partitions", everywhere)
    assert {"neighbors", "by_partition"} <= broken()


def test_a_search_over_all_nodes_saves_nothing(monkeypatch):
    def everywhere(nodes, labels, order, num_neighbors):
        return knn_in_partitions(nodes, torch.zeros_like(labels), order, num_neighbors)

    monkeypatch.setattr(module, "knn_in_partitions", everywhere)
    assert broken() == {"saving"}


def test_nodes_that_do_not_come_back_show(monkeypatch):
    before = clustervig.Grapher.update
    monkeypatch.setattr(
        clustervig.Grapher, "update", lambda self, *given: before(self, *given).roll(1, dims=1)
    )
    assert {"round_trip", "by_partition"} <= broken()


def test_one_start_is_single(monkeypatch):
    before = clustervig.kmeans
    monkeypatch.setattr(
        clustervig,
        "kmeans",
        lambda nodes, clusters, generator: before(
            nodes, clusters, generator, restarts=1, max_iterations=20
        ),
    )
    facts = measure().facts
    assert (facts["starts"], facts["iterations"]) == ("single", 20)


@pytest.mark.parametrize(
    ("power", "word"),
    [(1.0, "kappa"), (2.0, "kappa squared"), (2 + 1e-12, "kappa squared"), (1.9, "another power")],
)
def test_a_power_is_named_up_to_rounding(power, word):
    assert module._power(power) == word


def test_listening_leaves_k_means_as_it_was():
    before = Lloyd.nearest
    measure()
    assert Lloyd.nearest is before


def test_a_model_without_such_a_module_is_an_obstacle():
    with pytest.raises(NotMeasurableError, match="want a model of clustervig, got 'vig_ti'"):
        measure("vig_ti")
