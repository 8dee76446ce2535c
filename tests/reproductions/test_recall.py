"""Recall of true neighbors in partitions: hand-made cases, and a slow reference."""

import numpy as np
import pytest
import torch

from reproductions.errors import ReproductionError
from reproductions.recall import found, inside_partitions, true_neighbors


def drawn(images=2, num_nodes=13, channels=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(images, num_nodes, channels, generator=generator)


def _reference_true_neighbors(nodes, num_neighbors):
    """Sort all other nodes of each node by angle."""
    lists = []
    for image in nodes.double().numpy():
        units = image / np.linalg.norm(image, axis=1, keepdims=True)
        for node, unit in enumerate(units):
            others = [other for other in range(len(units)) if other != node]
            others.sort(key=lambda other: -float(unit @ units[other]))
            lists.append(others[:num_neighbors])
    return np.array(lists).reshape(*nodes.shape[:2], num_neighbors)


@pytest.mark.parametrize("num_neighbors", [1, 4, 12])
def test_true_neighbors_are_those_of_a_plain_sort(num_neighbors):
    nodes = drawn()
    reference = _reference_true_neighbors(nodes, num_neighbors)
    assert true_neighbors(nodes, num_neighbors).tolist() == reference.tolist()


def test_true_neighbors_ignore_lengths():
    nodes = drawn()
    scaled = nodes * torch.arange(1, 14)[:, None]
    assert true_neighbors(nodes, 3).equal(true_neighbors(scaled, 3))


@pytest.mark.parametrize("num_neighbors", [0, 13])
def test_more_or_fewer_neighbors_than_there_are_is_refused(num_neighbors):
    with pytest.raises(ReproductionError, match=rf"want 1 to 12 .* got {num_neighbors}"):
        true_neighbors(drawn(), num_neighbors)


def test_one_partition_holds_every_edge():
    neighbors = true_neighbors(drawn(), 4)
    assert inside_partitions(neighbors, torch.zeros(2, 13, dtype=torch.int64)) == 1


def test_a_partition_for_each_node_holds_none():
    neighbors = true_neighbors(drawn(), 4)
    assert inside_partitions(neighbors, torch.arange(13).expand(2, -1)) == 0


def test_an_edge_is_inside_if_both_of_its_ends_are():
    neighbors = torch.tensor([[[1, 2], [0, 3], [3, 0], [2, 1]]])
    assert inside_partitions(neighbors, torch.tensor([[0, 0, 1, 1]])) == 0.5
    assert inside_partitions(neighbors, torch.tensor([[0, 0, 1, 2]])) == 0.25


def test_a_graph_has_an_edge_in_whatever_order_it_lists_it():
    neighbors = torch.tensor([[[1, 2], [0, 2], [0, 1]]])
    assert found(neighbors, torch.tensor([[[0, 2, 1], [1, 2, 0], [1, 0, 2]]])) == 1
    assert found(neighbors, torch.tensor([[[0, 2, -1], [1, 2, 0], [-1, -1, -1]]])) == 0.5


def test_permuted_neighbors_are_found_less():
    neighbors = true_neighbors(drawn(num_nodes=40), 4)
    assert found(neighbors, neighbors) == 1
    assert found(neighbors, neighbors.roll(1, dims=1)) < 0.5
