"""Each measure of a graph against a slow loop, on hand-made graphs, and when it is sabotaged."""

import numpy as np
import pytest
import torch

from reproductions import graph_measures
from reproductions.errors import ReproductionError
from reproductions.graph_measures import (
    all_pairs_distance,
    all_pairs_similarity,
    embedding_similarity,
    modularity,
    object_patches,
    patches_of,
    spatial_distance,
    visual_similarity,
)

GRID = (5, 7)
NODES = GRID[0] * GRID[1]
EXACT = {"rtol": 0, "atol": 1e-12}


def lists(seed, images=3, k=6, nodes=NODES, keys=NODES, none=0.0):
    """Draw neighbors with the node itself first; some entries may be missing."""
    draws = np.random.default_rng(seed)
    found = draws.integers(0, keys, (images, nodes, k))
    found[draws.random(found.shape) < none] = -1
    found[:, :, 0] = np.arange(nodes) if keys == nodes else 0
    return torch.tensor(found)


def features(seed, images=3, nodes=NODES, channels=11):
    return torch.tensor(np.random.default_rng(seed).normal(size=(images, nodes, channels)))


def _reference_edges(neighbors):
    """List the edges of one image: every entry but those of column 0 and those missing."""
    return [(i, j) for i, row in enumerate(neighbors.tolist()) for j in row[1:] if j >= 0]


def _reference_distance(neighbors, grid, keys=None):
    keys = keys or grid
    total, edges = 0.0, _reference_edges(neighbors)
    for i, j in edges:
        row, column = (
            (at + 0.5) * fine / coarse - 0.5
            for at, fine, coarse in zip(divmod(j, keys[1]), grid, keys, strict=True)
        )
        total += abs(i // grid[1] - row) + abs(i % grid[1] - column)
    return total / len(edges)


def _reference_similarity(neighbors, given):
    total, edges = 0.0, _reference_edges(neighbors)
    given = given.numpy()
    for i, j in edges:
        lengths = np.linalg.norm(given[i]) * np.linalg.norm(given[j])
        total += given[i] @ given[j] / lengths if lengths else 0.0
    return total / len(edges)


def _reference_modularity(neighbors, parts):
    edges = set()
    for i, row in enumerate(neighbors.tolist()):
        edges |= {frozenset((i, j)) for j in row if j >= 0 and j != i}
    parts, total = parts.long().tolist(), 0.0
    if not edges:
        return 0.0
    for part in set(parts):
        inside = sum(all(parts[i] == part for i in edge) for edge in edges)
        ends = sum(parts[i] == part for edge in edges for i in edge)
        total += inside / len(edges) - (ends / (2 * len(edges))) ** 2
    return total


def agrees(found, neighbors, reference, *given):
    wanted = [
        reference(image, *(one[number] for one in given)) for number, image in enumerate(neighbors)
    ]
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), wanted, **EXACT)


@pytest.mark.parametrize("none", [0.0, 0.4], ids=["full lists", "entries missing"])
def test_distance_is_that_of_a_loop(none):
    neighbors = lists(0, none=none)
    agrees(spatial_distance(neighbors, GRID), neighbors, lambda n: _reference_distance(n, GRID))


def test_distance_to_a_pooled_grid_is_to_the_middle_of_its_cells():
    neighbors = lists(1, nodes=48, keys=12)
    found = spatial_distance(neighbors, (6, 8), (3, 4))
    agrees(found, neighbors, lambda n: _reference_distance(n, (6, 8), (3, 4)))


@pytest.mark.parametrize("most_dense", [0, 10_000], ids=["rows gathered", "all products"])
@pytest.mark.parametrize("none", [0.0, 0.4], ids=["full lists", "entries missing"])
@pytest.mark.parametrize("measure", [visual_similarity, embedding_similarity])
def test_similarity_is_that_of_a_loop_both_ways(measure, none, most_dense, monkeypatch):
    monkeypatch.setattr(graph_measures, "_MOST_DENSE", most_dense)
    neighbors, given = lists(2, none=none), features(3)
    given[0, :4] = 0  # black patches
    agrees(measure(neighbors, given), neighbors, _reference_similarity, given)


@pytest.mark.parametrize("none", [0.0, 0.7], ids=["full lists", "entries missing"])
@pytest.mark.parametrize("parts", [2, 5], ids=["object and rest", "five parts"])
def test_modularity_is_that_of_a_loop(parts, none):
    neighbors = lists(4, none=none)
    drawn = torch.tensor(np.random.default_rng(5).integers(0, parts, (3, NODES)))
    division = drawn.bool() if parts == 2 else drawn
    agrees(modularity(neighbors, division), neighbors, _reference_modularity, division)


@pytest.mark.parametrize(
    "measure",
    [
        lambda n, f, m: spatial_distance(n, GRID),
        lambda n, f, m: visual_similarity(n, f),
        lambda n, f, m: modularity(n, m),
    ],
    ids=["distance", "similarity", "modularity"],
)
def test_one_image_alone_is_as_in_a_batch(measure):
    neighbors, given = lists(6), features(7)
    mask = given[..., 0] > 0
    together = measure(neighbors, given, mask)
    alone = [measure(neighbors[i], given[i], mask[i]) for i in range(3)]
    assert alone[0].shape == ()
    np.testing.assert_allclose(together.numpy(), torch.stack(alone).numpy(), **EXACT)


TWO_PAIRS = [[0, 1], [1, 0], [2, 3], [3, 2]]
TRIANGLES = [[0, 1, 2], [1, 0, 2], [2, 0, 3], [3, 4, 5], [4, 3, 5], [5, 3, 4]]
"""Two triangles joined by 2-3; 2 does not list 1, which lists it."""


@pytest.mark.parametrize(
    ("graph", "mask", "known"),
    [
        (TWO_PAIRS, [1, 1, 0, 0], 0.5),
        (TWO_PAIRS, [1, 0, 1, 0], -0.5),
        (TRIANGLES, [1, 1, 1, 0, 0, 0], 6 / 7 - 0.5),
        (TRIANGLES, [1, 0, 0, 0, 0, 0], 5 / 7 - (2 / 14) ** 2 - (12 / 14) ** 2),
        (TRIANGLES, [1] * 6, 0.0),
        (TRIANGLES, [0] * 6, 0.0),
        ([[0, -1], [1, -1]], [1, 0], 0.0),
        ([[0, 0, 0], [1, 1, 1]], [1, 0], 0.0),
    ],
    ids=["kept", "cut", "barbell", "a corner", "full", "empty", "no edge", "loops alone"],
)
def test_modularity_of_hand_made_graphs_is_known(graph, mask, known):
    found = modularity(torch.tensor(graph), torch.tensor(mask, dtype=torch.bool))
    assert float(found) == pytest.approx(known, rel=0, abs=1e-15)


def test_a_pair_counts_once_for_modularity_and_as_often_as_it_is_listed_for_means():
    once = torch.tensor([[0, 1], [1, -1], [2, 0]])
    twice = torch.tensor([[0, 1, 1], [1, 0, -1], [2, 0, -1]])
    mask = torch.tensor([True, True, False])
    assert float(modularity(once, mask)) == float(modularity(twice, mask))
    assert float(spatial_distance(once, (1, 3))) == 1.5
    assert float(spatial_distance(twice, (1, 3))) == 1.25


def test_an_image_without_an_edge_has_no_mean():
    empty = torch.tensor([[0, -1], [1, -1]])
    assert bool(spatial_distance(empty, (1, 2)).isnan())
    assert bool(embedding_similarity(empty, torch.ones(2, 3)).isnan())


def test_chance_is_the_mean_over_a_complete_graph():
    complete = torch.stack([torch.arange(NODES).roll(-i) for i in range(NODES)])[None]
    given = features(8, images=1)
    assert float(spatial_distance(complete, GRID)) == pytest.approx(
        all_pairs_distance(GRID), rel=0, abs=1e-12
    )
    np.testing.assert_allclose(
        embedding_similarity(complete, given), all_pairs_similarity(given), **EXACT
    )


def test_chance_on_the_grid_of_vig_is_28_thirds():
    assert all_pairs_distance((14, 14)) == pytest.approx(28 / 3, rel=0, abs=1e-12)


def test_chance_with_a_pooled_grid_takes_every_pair():
    pairs = [[0, *range(3)]] * 12
    assert all_pairs_distance((2, 6), (1, 3)) == pytest.approx(
        _reference_distance(torch.tensor(pairs), (2, 6), (1, 3)), rel=0, abs=1e-12
    )


def test_float32_features_give_the_same_to_their_precision():
    neighbors, given = lists(9), features(10)
    found = embedding_similarity(neighbors, given.float())
    np.testing.assert_allclose(found, embedding_similarity(neighbors, given), rtol=0, atol=1e-6)


# -- sabotage ---------------------------------------------------------------------------


def near(grid):
    """List the right-hand and the lower neighbor of every node, on a torus."""
    at = torch.arange(grid[0] * grid[1]).view(grid)
    return torch.stack([at, at.roll(-1, 1), at.roll(-1, 0)], dim=-1).flatten(0, 1)


def test_distance_moves_when_neighbors_are_permuted():
    graph = near((14, 14))
    permuted = graph.clone()
    permuted[:, 1:] = graph[torch.randperm(196, generator=torch.Generator().manual_seed(0)), 1:]
    before, after = (float(spatial_distance(n, (14, 14))) for n in (graph, permuted))
    assert before < 2
    assert after == pytest.approx(28 / 3, rel=0.1)


def test_similarity_moves_when_features_are_shuffled():
    smooth = torch.linspace(0, 1.5, 196)[:, None]
    given = torch.cat((smooth.cos(), smooth.sin()), dim=1)
    shuffled = given[torch.randperm(196, generator=torch.Generator().manual_seed(0))]
    graph = near((14, 14))
    assert float(embedding_similarity(graph, given)) > 0.95
    assert float(embedding_similarity(graph, shuffled)) < 0.9


def test_modularity_moves_when_the_mask_is_shuffled():
    mask = torch.arange(196) < 98
    shuffled = mask[torch.randperm(196, generator=torch.Generator().manual_seed(0))]
    assert float(modularity(near((14, 14)), mask)) > 0.4
    assert abs(float(modularity(near((14, 14)), shuffled))) < 0.1


# -- patches and refusals ---------------------------------------------------------------


def test_patches_are_cut_row_by_row_channel_by_channel():
    images = torch.arange(2 * 3 * 4 * 6).view(2, 3, 4, 6)
    found = patches_of(images, (2, 3))
    assert found.shape == (2, 6, 12)
    assert torch.equal(found[1, 4], images[1, :, 2:4, 2:4].flatten())


@pytest.mark.parametrize(("row", "column", "patch"), [(0, 0, 0), (3, 3, 0), (3, 4, 1), (7, 7, 3)])
def test_one_pixel_makes_a_patch_the_objects(row, column, patch):
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[0, row, column] = True
    assert object_patches(mask, (2, 2)).nonzero().tolist() == [[0, patch]]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: spatial_distance(lists(0), (5, 6)), r"want neighbors \(30, K\)"),
        (lambda: spatial_distance(lists(0) + 1, GRID), "want indices from 0 to 34.* to 35"),
        (lambda: spatial_distance(lists(0) - 2, GRID), "or -1 for none, got -2"),
        (lambda: visual_similarity(lists(0), features(0)[:2]), r"want \(N, K\) and \(N, C\)"),
        (lambda: visual_similarity(lists(0), features(0)[:, :9]), r"want neighbors \(9, K\)"),
        (lambda: modularity(lists(0), torch.ones(3, 9).bool()), r"want a mask \(3, 35\)"),
        (lambda: patches_of(torch.zeros(1, 3, 9, 8), (2, 2)), "multiples of the grid 2 x 2"),
        (lambda: spatial_distance(lists(0), 14), r"want a grid as \(rows, columns\), got 14"),
        (lambda: spatial_distance(lists(0), (5, 7.0)), r"want a grid as .* got \(5, 7\.0\)"),
        (lambda: patches_of(torch.zeros(1, 3, 8, 8), 2), "patches_of: want a grid as"),
        (lambda: spatial_distance(lists(0).numpy(), GRID), "tensor of int64, got ndarray; conv"),
        (lambda: spatial_distance(lists(0).float(), GRID), "tensor of int64, got torch.float32"),
        (lambda: visual_similarity(lists(0).int(), features(0)), "of int64, got torch.int32"),
        (lambda: embedding_similarity(lists(0), features(0).long()), "features as .* got torch.i"),
        (lambda: modularity(lists(0).numpy(), None), "neighbors as a tensor of int64, got nda"),
        (lambda: modularity(lists(0)[0, 0], None), r"want neighbors \(0, K\)"),
        (lambda: modularity(lists(0), torch.full((3, 35), 0.7)), "mask as .* got torch.float32"),
        (lambda: modularity(lists(0), torch.full((3, 35), -1)), "numbered from 0, got -1"),
    ],
    ids=[
        *("grid", "beyond", "below", "images", "nodes", "mask", "pixels"),
        *("one side", "part of a node", "one side of pixels"),
        *("numpy", "float", "int32", "whole features", "numpy edges", "one list"),
        *("float mask", "part below"),
    ],
)
def test_what_does_not_fit_is_refused(call, sentence):
    with pytest.raises(ReproductionError, match=sentence):
        call()


def test_without_a_mask_there_is_no_number():
    assert modularity(lists(0), None) is None
