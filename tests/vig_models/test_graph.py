"""Graph kernels against slow, obvious references in numpy."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vig_models import ModelError
from vig_models.graph import (
    dilated_knn,
    dilation_schedule,
    gather_nodes,
    max_relative,
    relative_position_table,
    squared_distances,
)
from vig_models.graph_convs import MaxRelativeConv

SHAPES = {"self": (9, 9), "pooled keys": (16, 9)}  # N, M


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape))


def _reference_knn(
    queries: np.ndarray, keys: np.ndarray, k: int, dilation: int, relative_pos: np.ndarray
) -> list[list[list[int]]]:
    found = []
    for image_queries, image_keys in zip(queries, keys, strict=True):
        rows = []
        for query, offsets in zip(image_queries.T, relative_pos[0], strict=True):
            unit = query / np.linalg.norm(query)
            distances = [
                np.sum((unit - key / np.linalg.norm(key)) ** 2) + offset
                for key, offset in zip(image_keys.T, offsets, strict=True)
            ]
            rows.append([int(index) for index in np.argsort(distances)[: k * dilation : dilation]])
        found.append(rows)
    return found


def _reference_max_relative(
    nodes: np.ndarray, keys: np.ndarray, neighbors: np.ndarray
) -> np.ndarray:
    largest = np.empty_like(nodes)
    for image, channel, node in np.ndindex(*nodes.shape):
        largest[image, channel, node] = max(
            keys[image, channel, key] - nodes[image, channel, node]
            for key in neighbors[image, node]
        )
    return largest


def _reference_position_table(grid: int, channels: int, reduction: int) -> np.ndarray:
    codes = []
    for row in range(grid):
        for column in range(grid):
            code: list[float] = []
            for coordinate in (column, row):
                angles = [coordinate / 10000 ** (j / (channels // 4)) for j in range(channels // 4)]
                code += [np.sin(a) for a in angles] + [np.cos(a) for a in angles]
            codes.append(code)
    table = 2 * np.array(codes) @ np.array(codes).T / channels
    return -np.array([_reference_cubic_resampling(row, reduction**2) for row in table])


def _reference_cubic_resampling(values: np.ndarray, factor: int) -> list[float]:
    """Resample by the cubic kernel with a = -3/4, half-pixel centers, edges repeated."""

    def weight(x: float) -> float:
        x = abs(x)
        return 1.25 * x**3 - 2.25 * x**2 + 1 if x <= 1 else -0.75 * (x**3 - 5 * x**2 + 8 * x - 4)

    resampled = []
    for index in range(len(values) // factor):
        center = (index + 0.5) * factor - 0.5
        taps = range(int(np.floor(center)) - 1, int(np.floor(center)) + 3)
        edges = [min(max(tap, 0), len(values) - 1) for tap in taps]
        resampled.append(
            sum(weight(tap - center) * values[e] for tap, e in zip(taps, edges, strict=True))
        )
    return resampled


def test_squared_distances_equal_sums_of_squared_differences() -> None:
    queries, keys = _draw(2, 5, 3), _draw(2, 4, 3, seed=1)
    wanted = ((queries[:, :, None] - keys[:, None]) ** 2).sum(dim=-1)
    torch.testing.assert_close(squared_distances(queries, keys), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("num_nodes", "num_keys"), SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("k", "dilation"), [(3, 1), (4, 2), (1, 9), (9, 1)])
@pytest.mark.parametrize("scale", [0.0, 0.5], ids=["no positions", "positions"])
def test_knn_equals_the_reference(
    num_nodes: int, num_keys: int, k: int, dilation: int, scale: float
) -> None:
    queries, keys = _draw(2, 4, num_nodes), _draw(2, 4, num_keys, seed=1)
    relative_pos = scale * _draw(1, num_nodes, num_keys, seed=2)
    found = dilated_knn(queries, keys, k, dilation, relative_pos if scale else None)
    wanted = _reference_knn(queries.numpy(), keys.numpy(), k, dilation, relative_pos.numpy())
    assert found.tolist() == wanted


@pytest.mark.parametrize(("k", "dilation"), [(4, 1), (3, 2), (12, 1)])
def test_knn_among_equally_near_keys_finds_as_near_ones_and_none_twice(
    k: int, dilation: int
) -> None:
    rng = np.random.RandomState(0)
    for _ in range(20):
        kinds = rng.randint(-1, 2, size=(2, 3, 5)).astype(float)
        kinds[:, 0] += 2  # so that no node is zero
        nodes = torch.from_numpy(kinds[:, :, rng.randint(5, size=12)])  # most have equals
        unit = nodes.numpy() / np.linalg.norm(nodes.numpy(), axis=1, keepdims=True)
        distances = ((unit[..., :, None] - unit[..., None, :]) ** 2).sum(axis=1)  # (B, N, N)
        found = dilated_knn(nodes, nodes, k, dilation).numpy()
        wanted = np.sort(distances)[..., : k * dilation : dilation]
        near = np.take_along_axis(distances, found, axis=-1)
        np.testing.assert_allclose(near, wanted, rtol=0, atol=1e-12)
        assert all(len(set(row)) == k for row in found.reshape(-1, k).tolist())


def test_knn_among_the_nodes_themselves_finds_each_node_first() -> None:
    nodes = _draw(2, 4, 9)
    nearest = dilated_knn(nodes, nodes, num_neighbors=3)[:, :, 0]
    assert nearest.tolist() == [list(range(9))] * 2


def test_knn_ignores_the_length_of_features_and_leaves_them_as_they_are() -> None:
    nodes, lengths = _draw(1, 4, 9), torch.arange(1, 10, dtype=torch.float64)
    before = nodes.clone()
    found = dilated_knn(nodes * lengths, nodes, num_neighbors=3)
    assert torch.equal(found, dilated_knn(nodes, nodes, num_neighbors=3))
    assert torch.equal(nodes, before)


@pytest.mark.parametrize(("k", "dilation"), [(10, 1), (5, 2), (0, 1), (3, 0)])
def test_knn_refuses_more_neighbors_than_keys_or_none(k: int, dilation: int) -> None:
    nodes = torch.zeros(1, 4, 9)
    message = rf"want 1 to 9 \(the number of keys\).*, got {k} x {dilation}$"
    with pytest.raises(ModelError, match=message):
        dilated_knn(nodes, nodes, k, dilation)


def test_knn_refuses_queries_and_keys_that_do_not_agree() -> None:
    message = r"got \(2, 4, 9\), \(1, 4, 9\)$"
    with pytest.raises(ModelError, match=message):
        dilated_knn(torch.zeros(2, 4, 9), torch.zeros(1, 4, 9), num_neighbors=3)


def test_gathered_features_are_those_of_the_same_image() -> None:
    nodes = _draw(2, 3, 5)
    indices = torch.tensor([[[4, 0], [2, 2]], [[1, 3], [0, 4]]])
    gathered = gather_nodes(nodes, indices)
    assert gathered.shape == (2, 3, 2, 2)
    for image, channel, node, k in np.ndindex(*gathered.shape):
        wanted = nodes[image, channel, indices[image, node, k]]
        assert gathered[image, channel, node, k] == wanted


@pytest.mark.parametrize(("num_nodes", "num_keys"), SHAPES.values(), ids=SHAPES)
def test_max_relative_equals_the_reference(num_nodes: int, num_keys: int) -> None:
    nodes, keys = _draw(2, 3, num_nodes), _draw(2, 3, num_keys, seed=1)
    neighbors = np.random.RandomState(2).randint(num_keys, size=(2, num_nodes, 4))
    found = max_relative(nodes, keys, torch.from_numpy(neighbors))
    wanted = _reference_max_relative(nodes.numpy(), keys.numpy(), neighbors)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=0, atol=0)


def test_max_relative_passes_its_gradient_to_the_neighbor_that_won() -> None:
    nodes = torch.zeros(1, 1, 1, requires_grad=True)
    keys = torch.tensor([[[1.0, 3.0, 3.0]]], requires_grad=True)
    max_relative(nodes, keys, torch.tensor([[[0, 1]]])).sum().backward()
    assert nodes.grad is not None
    assert keys.grad is not None
    assert nodes.grad.tolist() == [[[-1.0]]]
    assert keys.grad.tolist() == [[[0.0, 1.0, 0.0]]]


@pytest.mark.parametrize(
    ("keys", "neighbors"),
    [((2, 4, 5), (2, 6, 3)), ((1, 3, 5), (2, 6, 3)), ((2, 3, 5), (2, 5, 3))],
    ids=["channels", "images", "nodes"],
)
def test_max_relative_refuses_shapes_that_do_not_agree(
    keys: tuple[int, ...], neighbors: tuple[int, ...]
) -> None:
    with pytest.raises(ModelError, match=r"^max_relative: want nodes \(B, C, N\)"):
        max_relative(torch.zeros(2, 3, 6), torch.zeros(keys), torch.zeros(neighbors).long())


def test_the_graph_convolution_groups_features_with_their_own_differences() -> None:
    conv = MaxRelativeConv(channels=4).double().eval()
    x, keys = _draw(2, 4, 2, 3), _draw(2, 4, 1, 2, seed=1)
    neighbors = torch.from_numpy(np.random.RandomState(2).randint(2, size=(2, 6, 2)))
    nodes = x.flatten(2)
    relative = max_relative(nodes, keys.flatten(2), neighbors)
    weight, bias = conv.update[0].weight[:, :, 0, 0], conv.update[0].bias
    groups = []
    for group in range(4):  # one channel each here, so two inputs and two outputs
        pair = torch.stack((nodes[:, group], relative[:, group]), dim=-1)
        rows = slice(2 * group, 2 * group + 2)
        groups.append(pair @ weight[rows].T + bias[rows])
    wanted = torch.cat(groups, dim=-1).transpose(2, 1).reshape(2, 8, 2, 3)
    wanted = torch.nn.functional.gelu(wanted / np.sqrt(1 + 1e-5))  # fresh batch statistics
    torch.testing.assert_close(conv(x, keys, neighbors), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("grid", "channels", "reduction"), [(4, 8, 1), (4, 12, 2), (8, 8, 4)])
def test_the_position_table_equals_the_reference(grid: int, channels: int, reduction: int) -> None:
    table = relative_position_table(grid, channels, reduction)
    wanted = _reference_position_table(grid, channels, reduction)
    assert table.dtype == torch.get_default_dtype()
    assert table.shape == (1, grid**2, (grid // reduction) ** 2)
    np.testing.assert_allclose(table[0].numpy(), wanted, rtol=0, atol=1e-6)


def test_the_position_table_draws_near_positions_nearer() -> None:
    table = relative_position_table(grid=8, channels=16, reduction=1)[0]
    assert torch.equal(table.argmin(dim=1), torch.arange(64))


def test_the_position_table_follows_the_default_device() -> None:
    with torch.device("meta"):
        table = relative_position_table(grid=56, channels=48, reduction=4)
    assert table.is_meta
    assert table.shape == (1, 3136, 196)


def test_the_position_table_refuses_channels_not_in_fours() -> None:
    with pytest.raises(ModelError, match=r"want channels in fours, got 10$"):
        relative_position_table(grid=4, channels=10, reduction=1)


def test_dilation_grows_by_one_every_four_blocks_up_to_its_maximum() -> None:
    assert dilation_schedule(14, max_dilation=3) == [1] * 4 + [2] * 4 + [3] * 6
