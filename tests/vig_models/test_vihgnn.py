"""ViHGNN in both forms against slow formulas, its graphs, and what it marks as clustering."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from vig_models import create_model, fuzzy_c_means, vihgnn
from vig_models.clustering import Clustering, running
from vig_models.graph import Graph

SMALL: dict[str, dict[str, object]] = {
    "vihgnn_ti": {"channels": (16,), "depths": (4,), "hyperedges": (3, 12)},
    "pvihgnn_ti": {"channels": (8, 8, 16, 16), "depths": (1, 1, 1, 1), "hyperedges": (3, 12)},
}
HYPEREDGES = [3, 6, 9, 12]
"""Of the four blocks of both. Equal shares are below a tenth, so weak, in the last one only."""

STRONG = [[0.5, 0.5, 0.0], [0.01, 0.011, 0.979], [0.2, 0.2, 0.6], [0.9, 0.05, 0.05]]
WEAK = [[0.09, 0.08, 0.07], [0.2, 0.6, 0.2], [0.4, 0.3, 0.3], [0.05, 0.05, 0.9]]


@pytest.fixture(autouse=True)
def _double(float64: None) -> None:
    torch.manual_seed(0)


@torch.no_grad()
def _small(name: str, **settings: object) -> nn.Module:
    """Build a small model whose weights and statistics are all of ordinary size."""
    torch.manual_seed(0)
    model = create_model(name, **{"num_classes": 5, **SMALL[name], **settings})
    for entry, value in model.state_dict().items():
        if entry.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif value.is_floating_point() and value.dim() == 1:
            value.normal_(1 if entry.endswith("weight") else 0, 0.2)
        elif "pos_embed" in entry:
            value.normal_()
    return model.eval()


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# A forward from the formulas, with masks in place of lists, by the authors' names.

State = Mapping[str, Tensor]


def _reference_conv_bn(s: State, name: str, x: Tensor, *, second: str = "", **how: int) -> Tensor:
    conv, norm = f"{name}.0", second or f"{name}.1"
    y = functional.conv2d(x, s[f"{conv}.weight"], s[f"{conv}.bias"], **how)
    statistics = s[f"{norm}.running_mean"], s[f"{norm}.running_var"]
    return functional.batch_norm(y, *statistics, s[f"{norm}.weight"], s[f"{norm}.bias"])


def _reference_memberships(nodes: Tensor, clusters: int, generator: torch.Generator) -> Tensor:
    """Run fuzzy c-means on (B, N, C) with every difference from every center taken."""
    images, count, _ = nodes.shape
    torch.randint(0, count, (images, clusters), generator=generator)
    u = torch.rand(images, count, clusters, generator=generator)
    u = u / u.sum(-1, keepdim=True)
    for number in range(15):
        squares = u**2
        centers = torch.einsum("bnk,bnc->bkc", squares / squares.sum(1, keepdim=True), nodes)
        apart = (nodes[:, :, None] - centers[:, None]).square().sum(-1).clamp(min=1e-10)
        before, u = u, 1 / (apart * (1 / apart).sum(-1, keepdim=True))
        if number > 0 and (u - before).square().sum() < 1e-6:
            break
    return u


def _reference_masks(u: Tensor) -> tuple[Tensor, Tensor]:
    """Say node by node which hyperedges it is in, and which ones it reads."""
    weak = u.amax(-1) < 0.1
    joined = torch.zeros_like(u)
    for image, node in np.ndindex(*u.shape[:2]):
        if weak[image, node]:
            joined[image, node, u[image, node].argmax()] = 1
        else:
            joined[image, node] = u[image, node] > (0.5 if weak.any() else 0.01)
    read = joined.clone()
    for image, node in (joined.sum(-1) == 0).nonzero().tolist():
        read[image, node, u[image, node].argmax()] = 1
    return joined, read


def _reference_grapher(s: State, name: str, x: Tensor, clusters: int, g: torch.Generator) -> Tensor:
    features = _reference_conv_bn(s, f"{name}.fc1", x)
    nodes = features.flatten(2)  # (B, C, N)
    joined, read = _reference_masks(_reference_memberships(nodes.mT, clusters, g))
    conv = f"{name}.graph_conv.gconv"
    missing = joined.sum(1).max() - joined.sum(1)  # (B, E): places filled with the last node
    edges = nodes @ joined + nodes[..., -1:] * missing[:, None]
    edges = (edges / joined.sum(1).max())[..., None]
    edges = functional.gelu(_reference_conv_bn(s, f"{conv}.nn_node_to_hyperedge", edges, groups=4))
    missing = read.sum(2).max() - read.sum(2)  # (B, N): places filled with the last hyperedge
    received = edges[..., 0] @ read.mT + edges[:, :, -1] * missing[:, None]
    mixed = (1 + s[f"{conv}.eps"]) * nodes + received / read.sum(2).max()
    mixed = mixed.view_as(features)
    mixed = functional.gelu(_reference_conv_bn(s, f"{conv}.nn_hyperedge_to_node", mixed, groups=4))
    return x + _reference_conv_bn(s, f"{name}.fc2", mixed)


def _reference_logits(s: State, images: Tensor, strides: tuple[int, ...]) -> Tensor:
    """Classify images; a layer of the backbone is what its names say it is."""
    generator, clusters, x = _generator(), iter(HYPEREDGES), images
    for place, stride in enumerate(strides):
        if place:
            x = functional.gelu(x)
        state = {k.replace(f"convs.{3 * place}.", "conv.0."): v for k, v in s.items()}
        norm = f"stem.convs.{3 * place + 1}"
        x = _reference_conv_bn(state, "stem.conv", x, second=norm, stride=stride, padding=1)
    x = x + s["pos_embed"]
    for index in range(1 + max(int(k.split(".")[1]) for k in s if k.startswith("backbone."))):
        layer = f"backbone.{index}"
        if f"{layer}.conv.0.weight" in s:
            x = _reference_conv_bn(s, f"{layer}.conv", x, stride=2, padding=1)
            continue
        x = _reference_grapher(s, f"{layer}.0", x, next(clusters), generator)
        hidden = functional.gelu(_reference_conv_bn(s, f"{layer}.1.fc1", x))
        x = x + _reference_conv_bn(s, f"{layer}.1.fc2", hidden)
    hidden = functional.gelu(_reference_conv_bn(s, "prediction", x.mean((2, 3), keepdim=True)))
    return functional.conv2d(hidden, s["prediction.4.weight"], s["prediction.4.bias"]).flatten(1)


STRIDES = {"vihgnn_ti": (2, 2, 2, 2, 1), "pvihgnn_ti": (2, 2, 1)}


@pytest.mark.parametrize("name", SMALL)
def test_logits_equal_the_formulas(
    name: str, official: Callable[[str, nn.Module], dict[str, Tensor]]
) -> None:
    model, images = _small(name), torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        found = model(images, _generator())
        wanted = _reference_logits(official(name, model), images, STRIDES[name])
    assert found.std() > 0.01
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", SMALL)
def test_giving_nodes_each_others_hyperedges_moves_the_logits(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = _small(name), torch.randn(2, 3, 224, 224)
    grapher = model.backbone[-1].grapher  # in the others every node may be in all hyperedges
    hyperedges = grapher.hyperedges

    def flipped(*args: object) -> tuple[Tensor, ...]:
        return tuple(mask.flip(1) for mask in hyperedges(*args))

    with torch.no_grad():
        before = model(images, _generator())
        monkeypatch.setattr(grapher, "hyperedges", flipped)
        assert (model(images, _generator()) - before).norm() > 1e-4 * before.norm()


# Graphs.


@torch.no_grad()
def _graph_and_lists(grapher: nn.Module, x: Tensor) -> tuple[Graph, list[Tensor]]:
    """Return the graph of a map, and what forward hands to the convolution for the same."""
    seen: list[Tensor] = []
    hook = grapher.graph_conv.register_forward_pre_hook(lambda _, args: seen.extend(args))
    grapher(x, _generator())
    hook.remove()
    return grapher.graph(*grapher.search(x, _generator())), seen


def _check_graph(graph: Graph, seen: list[Tensor]) -> None:
    nodes, joined, read = seen
    assert torch.equal(graph.nodes, nodes)
    assert torch.equal(graph.neighbors, fuzzy_c_means.padded_lists(read))
    assert graph.hyperedges is not None
    assert torch.equal(graph.hyperedges, joined.transpose(1, 2))


@pytest.mark.parametrize("name", SMALL)
def test_the_graph_is_the_one_that_forward_uses(name: str) -> None:
    model = _small(name)
    blocks = [block for block in model.backbone if hasattr(block, "grapher")]
    for block, clusters in zip(blocks, HYPEREDGES, strict=True):
        x = torch.randn(2, block.grapher.fc1[0].in_channels, 6, 5)
        graph, seen = _graph_and_lists(block.grapher, x)
        assert graph.hyperedges is not None
        assert graph.hyperedges.shape == (2, clusters, 30)
        _check_graph(graph, seen)


@pytest.mark.parametrize(
    ("rows", "outside"), [(STRONG, []), (WEAK, [2])], ids=["several hyperedges", "in none"]
)
def test_a_node_in_no_hyperedge_reads_one_that_does_not_join_it(
    rows: list[list[float]], outside: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vihgnn, "fuzzy_c_means", lambda *_args, **_kept: torch.tensor([rows]))
    grapher = _small("vihgnn_ti").backbone[0].grapher
    graph, seen = _graph_and_lists(grapher, torch.randn(1, 16, 2, 2))
    _check_graph(graph, seen)
    assert graph.hyperedges is not None
    assert (~graph.hyperedges.any(1)[0]).nonzero().flatten().tolist() == outside
    assert (graph.neighbors[0, :, 0] >= 0).all()


# Fuzzy c-means.


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Clustering | None, int, bool]]:
    """Write down, for each update of memberships, the clustering it runs in and how far it is."""
    seen: list[tuple[Clustering | None, int, bool]] = []
    update = fuzzy_c_means.update_memberships

    def watched(nodes: Tensor, memberships: Tensor) -> Tensor:
        run = running()
        seen.append((run, run.taken if run else 0, run.iterating if run else False))
        return update(nodes, memberships)

    monkeypatch.setattr(fuzzy_c_means, "update_memberships", watched)
    return seen


def test_iterations_run_inside_one_marked_clustering(
    runs: list[tuple[Clustering | None, int, bool]],
) -> None:
    fuzzy_c_means.fuzzy_c_means(torch.randn(2, 40, 3), 4)
    marks = [run for run, _, _ in runs]
    assert marks[0] is not None
    assert (marks[0].fewest, marks[0].most) == (2, 15)
    assert all(run is marks[0] for run in marks)
    assert [(taken, going) for _, taken, going in runs] == [
        (number, True) for number in range(1, len(runs) + 1)
    ]
    assert running() is None


def test_it_never_stops_before_the_second_iteration(
    runs: list[tuple[Clustering | None, int, bool]],
) -> None:
    one = fuzzy_c_means.fuzzy_c_means(torch.randn(2, 9, 3), 1)  # nothing changes from the start
    assert torch.equal(one, torch.ones(2, 9, 1))
    assert len(runs) == 2


def test_one_restless_image_keeps_the_batch_going(
    runs: list[tuple[Clustering | None, int, bool]],
) -> None:
    still, restless = torch.ones(1, 40, 3), torch.randn(1, 40, 3)
    taken = []
    for nodes in (still, torch.cat((still, restless))):
        runs.clear()
        fuzzy_c_means.fuzzy_c_means(nodes, 4, _generator())
        taken.append(len(runs))
    assert taken[0] == 2
    assert taken[1] > 5


@pytest.mark.parametrize(("images", "iterations"), [(1, 2), (2, 15)])
def test_the_changes_of_all_images_add_up(
    images: int, iterations: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Tensor] = []

    def moved(_nodes: Tensor, memberships: Tensor) -> Tensor:
        calls.append(memberships)
        changed = memberships.clone()
        changed[:, 0, 0] += 0.8e-3  # below the tolerance, and sqrt(2) times as much is not
        return changed

    monkeypatch.setattr(fuzzy_c_means, "update_memberships", moved)
    fuzzy_c_means.fuzzy_c_means(torch.randn(images, 9, 3), 4)
    assert len(calls) == iterations


def test_first_memberships_are_drawn_in_the_default_dtype(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = torch.randn(2, 9, 3, dtype=torch.float64)
    starts: list[Tensor] = []
    monkeypatch.setattr(fuzzy_c_means, "update_memberships", lambda _, u: starts.append(u) or u)
    for dtype in (torch.float32, torch.float64):
        torch.set_default_dtype(dtype)
        try:
            fuzzy_c_means.fuzzy_c_means(nodes, 4, _generator())
            generator = _generator()
            torch.randint(0, 9, (2, 4), generator=generator)
            drawn = torch.rand(2, 9, 4, generator=generator, dtype=dtype)
        finally:
            torch.set_default_dtype(torch.float64)
        wanted = (drawn / drawn.sum(-1, keepdim=True)).double()
        assert starts[-1].dtype == torch.float64
        assert torch.equal(starts[-1], wanted)


def test_a_squared_distance_is_at_least_1e_10() -> None:
    nodes = torch.tensor([[[0.0], [2.0]]])
    found = fuzzy_c_means.update_memberships(nodes, torch.eye(2)[None])
    small = 1e-10 / 4  # the other center is 2 away
    wanted = torch.tensor([[[1 - small, small], [small, 1 - small]]])
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=0)


# Training, and what a variant is built of.


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_trainable_parameter_and_are_finite(name: str) -> None:
    model = _small(name).train()
    model(torch.randn(2, 3, 224, 224)).square().mean().backward()
    for key, parameter in model.named_parameters():
        if key.endswith("relative_pos"):
            assert parameter.grad is None, key
            continue
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


@pytest.mark.parametrize("name", SMALL)
def test_drop_path_is_active_in_training_only(name: str) -> None:
    model, images = _small(name, drop_path_rate=0.9), torch.randn(4, 3, 224, 224)
    grapher = model.backbone[-1].grapher
    x = torch.randn(8, grapher.fc1[0].in_channels, 3, 3)
    with torch.no_grad():
        assert torch.equal(model(images, _generator()), model(images, _generator()))
        kept = (grapher.train()(x, _generator()) != x).flatten(1).any(1)
    assert not kept.all()


@pytest.mark.parametrize("name", SMALL)
def test_drop_rates_grow_linearly_from_block_to_block(name: str) -> None:
    model = _small(name, drop_path_rate=0.3)
    blocks = [block for block in model.backbone if hasattr(block, "grapher")]
    for module in ("grapher", "ffn"):
        rates = [getattr(getattr(block, module).drop_path, "drop_prob", 0.0) for block in blocks]
        assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3], rel=1e-6, abs=0)


@pytest.mark.parametrize("name", SMALL)
def test_a_fresh_model_is_initialized_as_the_authors_do(name: str) -> None:
    model = create_model(name, **SMALL[name])
    assert not model.pos_embed.any()
    assert not any(p.any() for key, p in model.named_parameters() if key.endswith(".eps"))
    for key, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            assert not module.bias.any(), key
            spread = module.weight.std().item() * (module.weight[0].numel() / 2) ** 0.5
            assert spread == pytest.approx(1, rel=0.35, abs=0), key


@pytest.mark.parametrize("name", ["vihgnn_s", "vihgnn_b"])
def test_sixteen_blocks_have_the_hyperedges_of_the_authors(name: str) -> None:
    wanted = [25, 26, 28, 30, 31, 33, 35, 36, 38, 40, 41, 43, 45, 46, 48, 50]
    with torch.device("meta"):
        model = create_model(name)
    assert [block.grapher.num_hyperedges for block in model.backbone] == wanted


@pytest.mark.parametrize(("name", "pooled"), [("vihgnn_ti", []), ("pvihgnn_ti", [56, 28])])
def test_only_the_published_pyramid_pools_keys_that_nothing_reads(
    name: str, pooled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sides: list[int] = []
    pool = functional.avg_pool2d

    def spoiled(x: Tensor, *args: int) -> Tensor:
        sides.append(x.shape[-1])
        return pool(x, *args) * torch.nan

    monkeypatch.setattr(functional, "avg_pool2d", spoiled)
    with torch.no_grad():
        for implementation, wanted in (("published", pooled), ("fast", [])):
            sides.clear()
            model = _small(name, implementation=implementation)
            assert model(torch.randn(1, 3, 224, 224)).isfinite().all()
            assert sides == wanted
