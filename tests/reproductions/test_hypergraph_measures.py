"""Hyperedges against all their pairs, listed one by one."""

import numpy as np
import pytest
import torch

from reproductions.hypergraph_measures import joined_distance, joined_similarity, reads_of

GRID = (3, 5)
NODES, HYPEREDGES = 15, 4


@pytest.fixture
def drawn():
    draws = np.random.default_rng(0)
    reads = torch.tensor(draws.random((2, HYPEREDGES, NODES)) < 0.4)
    joins = torch.tensor(draws.random((2, HYPEREDGES, NODES)) < 0.5)
    return reads, joins, torch.tensor(draws.normal(size=(2, NODES, 6)))


def _reference_pairs(reads, joins):
    return [
        (i, j)
        for e in range(HYPEREDGES)
        for i in range(NODES)
        for j in range(NODES)
        if i != j and reads[e, i] and joins[e, j]
    ]


def _reference_distance(reads, joins):
    apart = [
        abs(i // GRID[1] - j // GRID[1]) + abs(i % GRID[1] - j % GRID[1])
        for i, j in _reference_pairs(reads, joins)
    ]
    return np.mean(apart)


def _reference_similarity(reads, joins, given):
    units = given / given.norm(dim=-1, keepdim=True)
    return np.mean([float(units[i] @ units[j]) for i, j in _reference_pairs(reads, joins)])


def test_distance_is_that_of_the_pairs(drawn):
    reads, joins, _ = drawn
    wanted = [_reference_distance(*its) for its in zip(reads, joins, strict=True)]
    np.testing.assert_allclose(joined_distance(reads, joins, GRID), wanted, rtol=0, atol=1e-12)


def test_similarity_is_that_of_the_pairs(drawn):
    wanted = [_reference_similarity(*its) for its in zip(*drawn, strict=True)]
    np.testing.assert_allclose(joined_similarity(*drawn), wanted, rtol=0, atol=1e-12)


def test_without_an_edge_there_is_no_mean(drawn):
    reads, joins, given = drawn
    assert bool(joined_distance(reads & False, joins, GRID).isnan().all())
    assert bool(joined_similarity(reads & False, joins, given).isnan().all())


def test_lists_become_a_table():
    found = reads_of(torch.tensor([[[0, 2], [2, 2], [-1, -1]]]), 3)
    assert found.int().tolist() == [[[1, 0, 0], [0, 0, 0], [1, 1, 0]]]
