"""Costs of single operations: by formula, and of one that was made costlier."""

import pytest
import torch
from pydantic import ValidationError

from reproductions import cost_scaling as module
from reproductions.catalog import CostScalingParams
from reproductions.growth import exponent
from vig_models.kmeans import RESTARTS, Lloyd

C, K, SIZES = 12, 3, (16, 64, 256)


def measure(operation, num_nodes, clusters=0):
    params = CostScalingParams(
        operation=operation, num_nodes=num_nodes, channels=C, clusters=clusters
    )
    return module.cost_scaling(params, "cpu").values


@pytest.mark.parametrize("size", SIZES)
def test_attention_multiplies_all_pairs_twice_and_maps_each_token_four_times(size):
    values = measure("attention", size)
    assert values["comparisons"].value == pytest.approx(2 * size**2 * C / 1e9, rel=1e-12)
    assert values["layer"].value == pytest.approx(
        (2 * size**2 * C + 4 * size * C**2) / 1e9, rel=1e-12
    )


@pytest.mark.parametrize("size", SIZES)
def test_a_search_multiplies_all_pairs_once(size):
    values = measure("knn", size)
    assert values["comparisons"].value == values["layer"].value
    assert values["layer"].value == pytest.approx(size**2 * C / 1e9, rel=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_an_iteration_of_k_means_compares_every_node_with_every_center(size):
    values = measure("kmeans", size, K)
    compared = RESTARTS * size * K * C
    assert values["comparisons"].value == pytest.approx(compared / 1e9, rel=1e-12)
    means, members, moved = compared, RESTARTS * size * K, RESTARTS * K * C
    layer = compared + means + members + moved
    assert values["layer"].value == pytest.approx(layer / 1e9, rel=1e-12)


@pytest.mark.parametrize(
    ("operation", "clusters", "key", "power"),
    [("attention", 0, "comparisons", 2), ("knn", 0, "layer", 2), ("kmeans", K, "comparisons", 1)],
)
def test_growth_has_the_power_of_the_formula(operation, clusters, key, power):
    amounts = [measure(operation, size, clusters)[key].value for size in SIZES]
    assert exponent(SIZES, amounts) == pytest.approx(power, abs=1e-9)


def test_k_means_that_compares_all_pairs_is_not_linear(monkeypatch):
    before = Lloyd.means

    def costly(lloyd, labels, num_clusters):
        torch.bmm(lloyd.nodes, lloyd.nodes.transpose(1, 2))
        return before(lloyd, labels, num_clusters)

    monkeypatch.setattr(Lloyd, "means", costly)
    amounts = [measure("kmeans", size, K)["layer"].value for size in SIZES]
    assert exponent(SIZES, amounts) > 1.3


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"operation": "kmeans"}, "want clusters for kmeans and none for others, got 0"),
        ({"operation": "knn", "clusters": 2}, "want clusters for kmeans and none for others"),
        (
            {"operation": "kmeans", "clusters": 5},
            "want at most as many clusters as nodes, 4, got 5",
        ),
    ],
)
def test_clusters_are_for_k_means_and_no_more_than_nodes(params, words):
    with pytest.raises(ValidationError, match=words):
        CostScalingParams(num_nodes=4, channels=C, **params)
