"""Graphs of rolled maps (SVGA, MGC, DAGC), position by position, and PVG's parts."""

import math

import pytest
import torch
from torch import Tensor, nn

from vig_models import ModelError, create_model, greedyvig, mobilevig, mobilevigv2
from vig_models.graph import Graph
from vig_models.layers import ConditionalPositionEncoding
from vig_models.pvg_grapher import GraphLU

SIDES = [(7, 7), (6, 9)]


@pytest.fixture(autouse=True)
def _double(float64: None) -> None:
    torch.manual_seed(0)


def _reference_aggregate(x: Tensor, pairs: list[tuple[int, int]], sign: int) -> Tensor:
    """Take the largest of 0 and the differences to what rolling by each pair brings."""
    images, _, rows, columns = x.shape
    largest = torch.zeros_like(x)
    for b in range(images):
        for r in range(rows):
            for c in range(columns):
                for down, right in pairs:
                    other = x[b, :, (r - down) % rows, (c - right) % columns]
                    gap = sign * (other - x[b, :, r, c])
                    largest[b, :, r, c] = torch.maximum(largest[b, :, r, c], gap)
    return largest


@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_svga_compares_with_every_second_row_and_column(sides: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *sides)
    pairs = [(i, 0) for i in range(2, sides[0], 2)] + [(0, i) for i in range(2, sides[1], 2)]
    found = mobilevig.Grapher(4, step=2, drop_path_rate=0.0).aggregate(x)
    assert torch.equal(found, _reference_aggregate(x, pairs, sign=-1))


def test_svga_has_seven_connections_and_mgc_five() -> None:
    x = torch.randn(1, 4, 7, 7)
    for grapher, wanted in ((mobilevig.Grapher(4, 2, 0.0), 7), (mobilevigv2.Grapher(4, 2), 5)):
        neighbors = grapher.graph(*grapher.eval().search(x)).neighbors[0].tolist()
        assert {len(set(node)) for node in neighbors} == {wanted}
        assert all(node[0] == index for index, node in enumerate(neighbors))


@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_mgc_compares_with_four_positions(sides: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *sides)
    pairs = [(2, 0), (-2, 0), (0, 2), (0, -2)]
    torch.testing.assert_close(
        mobilevigv2.Grapher(4, step=2).aggregate(x),
        _reference_aggregate(x, pairs, sign=1),
        atol=1e-15,
        rtol=0,
    )


def _reference_dagc(x: Tensor, step: int) -> Tensor:
    """Keep the positions of the axes that are nearer than mean minus standard deviation."""
    images, _, rows, columns = x.shape
    largest = torch.zeros_like(x)
    for b in range(images):
        image = x[b]
        half = (math.ceil(rows / 2), math.ceil(columns / 2))
        gaps = [
            (image[:, r, c] - image[:, (r - half[0]) % rows, (c - half[1]) % columns]).abs().sum()
            for r in range(rows)
            for c in range(columns)
        ]
        threshold = torch.stack(gaps).mean() - torch.stack(gaps).std()
        for r in range(rows):
            for c in range(columns):
                axis = [((r - i) % rows, c) for i in range(0, rows, step)]
                axis += [(r, (c - i) % columns) for i in range(0, columns, step)]
                for other in axis:
                    gap = image[:, other[0], other[1]] - image[:, r, c]
                    if gap.abs().sum() < threshold:
                        largest[b, :, r, c] = torch.maximum(largest[b, :, r, c], gap)
    return largest


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_dagc_keeps_what_is_near(sides: tuple[int, int], step: int) -> None:
    x = torch.randn(2, 3, *sides)
    found = greedyvig.Grapher(4, step).aggregate(x)
    torch.testing.assert_close(found, _reference_dagc(x, step), atol=1e-14, rtol=0)
    assert found.any()


def test_the_graph_of_dagc_holds_the_edges_that_forward_keeps() -> None:
    grapher = greedyvig.Grapher(4, 1).eval()
    x = torch.randn(2, 4, 7, 7)
    graph = grapher.graph(*grapher.search(x))
    features = graph.nodes
    wanted = grapher.aggregate(features.view_as(x)).flatten(2)
    kept = (graph.neighbors >= 0)[:, None]  # (B, 1, N, K)
    index = graph.neighbors.clamp(min=0).flatten(1)[:, None].expand(-1, 4, -1)
    around = features.gather(2, index).view(2, 4, 49, -1)
    gaps = (around - features[..., None]).where(kept, 0)
    torch.testing.assert_close(gaps.amax(dim=-1), wanted, atol=1e-15, rtol=0)
    assert 1 < kept.sum(dim=-1).double().mean() < graph.neighbors.shape[-1]


def _reference_from_edges(graph: Graph, sign: int) -> Tensor:
    """Take the largest of 0 and the differences along the edges, edge by edge, (B, C, N)."""
    largest = torch.zeros_like(graph.nodes)
    for image, neighbor, node in graph.edges().T.tolist():
        gap = sign * (graph.keys[image, :, neighbor] - graph.nodes[image, :, node])
        largest[image, :, node] = torch.maximum(largest[image, :, node], gap)
    return largest


GRAPHERS = {  # and the sign of neighbor minus node
    "svga": (lambda: mobilevig.Grapher(4, step=2, drop_path_rate=0.0), -1),
    "mgc": (lambda: mobilevigv2.Grapher(4, step=2), 1),
    "dagc": (lambda: greedyvig.Grapher(4, step=2), 1),
}


@pytest.mark.parametrize("sides", SIDES, ids=str)
@pytest.mark.parametrize("kind", GRAPHERS)
def test_messages_along_the_edges_of_graph_are_those_of_forward(
    kind: str, sides: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, sign = GRAPHERS[kind]
    grapher = make().eval()
    aggregate, seen = grapher.aggregate, []

    def watched(features: Tensor) -> Tensor:
        seen.append((features, aggregate(features)))
        return seen[-1][1]

    monkeypatch.setattr(grapher, "aggregate", watched)
    x = torch.randn(2, 4, *sides)
    grapher(x)
    ((features, messages),) = seen
    graph = grapher.graph(*grapher.search(x))
    assert torch.equal(graph.nodes, features.flatten(2))
    found = _reference_from_edges(graph, sign).view_as(messages)
    torch.testing.assert_close(found, messages, atol=1e-15, rtol=0)
    assert messages.any()


def test_dagc_leaves_out_a_position_exactly_at_the_threshold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grapher = greedyvig.Grapher(4, 1).eval()
    grapher.fc1 = grapher.cpe = nn.Identity()
    x = torch.tensor([0.0, 1.0, 3.0]).view(1, 1, 1, 3)  # distances 1, 2 and 3, without rounding
    monkeypatch.setattr(grapher, "threshold", lambda _: torch.full((1, 1, 1, 1), 2.0))
    assert grapher.aggregate(x).flatten().tolist() == [1.0, 0.0, 0.0]
    others = [
        [n for n in node if n >= 0][1:]
        for node in grapher.graph(*grapher.search(x)).neighbors[0].tolist()
    ]
    assert others == [[1], [0], []]


def test_merging_the_position_encoding_with_the_identity_changes_nothing() -> None:
    layer, x = ConditionalPositionEncoding(6), torch.randn(2, 6, 9, 8)
    merged = layer.fused()
    assert isinstance(merged, nn.Conv2d)
    torch.testing.assert_close(merged(x), layer(x), atol=1e-13, rtol=1e-13)


@pytest.mark.parametrize("name", ["greedyvig_s", "mobilevig_ti", "mobilevigv2_ti", "pvg_s"])
@pytest.mark.parametrize("sides", [(256, 256), (192, 224)], ids=str)
def test_images_may_have_other_sizes(name: str, sides: tuple[int, int]) -> None:
    with torch.device("meta"):
        assert create_model(name).eval()(torch.empty(1, 3, *sides)).shape == (1, 1000)


@pytest.mark.parametrize("name", ["greedyvig_s", "mobilevig_ti", "mobilevigv2_ti"])
@pytest.mark.parametrize("shape", [(1, 3, 31, 64), (1, 1, 64, 64), (3, 64, 64)], ids=str)
def test_images_that_are_too_small_or_of_other_channels_are_refused(name, shape) -> None:
    with torch.device("meta"), pytest.raises(ModelError, match="want images of shape"):
        create_model(name)(torch.empty(*shape))


@pytest.mark.parametrize("shape", [(1, 3, 128, 128), (1, 3, 230, 230), (1, 4, 224, 224)], ids=str)
def test_pvg_refuses_what_its_graphs_cannot_take(shape: tuple[int, ...]) -> None:
    with torch.device("meta"), pytest.raises(ModelError, match="multiples of 32 and at least 160"):
        create_model("pvg_s")(torch.empty(*shape))


def test_graphlu_is_gelu_where_sigma_is_zero() -> None:
    act, x = GraphLU(), torch.randn(50)
    assert act.sigma.item() == pytest.approx(math.sqrt(2), abs=1e-15)
    assert not torch.allclose(act(x), nn.functional.gelu(x))
    nn.init.zeros_(act.sigma)
    torch.testing.assert_close(act(x), nn.functional.gelu(x), atol=1e-15, rtol=1e-14)


def _rates(model: nn.Module, kind: str) -> list[float]:
    blocks = [m for m in model.modules() if type(m).__name__ == kind]
    return [getattr(block.drop_path, "drop_prob", 0.0) for block in blocks]


def test_drop_rates_follow_the_authors_schedules() -> None:
    with torch.device("meta"):
        greedy = create_model("greedyvig_s", drop_path_rate=0.1)
        second = create_model("mobilevigv2_ti", drop_path_rate=0.1)
        first = create_model("mobilevig_ti", drop_path_rate=0.1)
    assert _rates(greedy, "GraphBlock")[-1] == pytest.approx(0.1, abs=1e-7)
    assert _rates(first, "FFN")[-1] == pytest.approx(0.1, abs=1e-7)
    assert _rates(second, "LocalBlock")[:4] == [0.0] * 4, "before the first block with a graph"
    steps = 5 / 17  # 18 blocks; only the 6 with a graph count on
    assert _rates(second, "GraphBlock")[-1] == pytest.approx(0.1 * steps, abs=1e-7)


def test_a_mobilevigv2_of_graph_blocks_alone_reaches_the_last_rate() -> None:
    with torch.device("meta"):
        model = create_model(
            "mobilevigv2_ti",
            local_depths=(0, 0, 0, 0),
            graph_depths=(1, 1, 1, 1),
            steps=(8, 8, 4, 2),
            drop_path_rate=0.3,
        )
    assert _rates(model, "GraphBlock") == pytest.approx([0.0, 0.1, 0.2, 0.3], abs=1e-7)
