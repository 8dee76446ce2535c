"""Graph convolutions against PyG's, over edges written as a list."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vig_models import ModelError, create_model, family_of
from vig_models.global_convs import GLOBAL_CONVS
from vig_models.graph_convs import GRAPH_CONVS, make_graph_conv
from vig_models.naming import from_official
from vig_models.pyg import GATv2Conv
from vig_models.registry import IMPLEMENTATIONS, family_module

B, C, SIDE, K = 2, 8, 3, 4
N = SIDE**2


@pytest.fixture(autouse=True)
def _double(float64: None) -> None:
    torch.manual_seed(0)


def _edges(neighbors: Tensor) -> Tensor:
    """Write (B, N, K) as source and target of each edge over all B * N nodes."""
    first = torch.arange(len(neighbors))[:, None, None] * N
    target = torch.arange(N)[None, :, None].expand_as(neighbors) + first
    return torch.stack(((neighbors + first).flatten(), target.flatten()))


def _rows(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2).reshape(-1, x.shape[1])  # (B * N, C)


class _Rows(nn.Module):
    """Apply a module on maps, (1, C, N, 1), to rows, (N, C), with columns put in an order."""

    def __init__(self, module: nn.Module, order: Tensor | None = None) -> None:
        super().__init__()
        self.hidden = (module,)  # from PyG, which would draw its weights anew
        self.order = order

    def forward(self, rows: Tensor) -> Tensor:
        rows = rows if self.order is None else rows[:, self.order]
        return self.hidden[0](rows.T[None, ..., None])[0, ..., 0].T


def _pyg(kind: str, conv: nn.Module, rows: Tensor, edges: Tensor) -> Tensor:
    """Compute the same with PyG's own message passing."""
    from torch_geometric.nn import EdgeConv, GINConv, SimpleConv  # noqa: PLC0415

    if kind == "edge":
        return EdgeConv(_Rows(conv.update), aggr="max")(rows, edges)
    if kind == "gin":
        return GINConv(_Rows(conv.update), eps=conv.eps.item())(rows, edges)
    if kind == "sage":
        largest = SimpleConv(aggr="max")(_Rows(conv.neighbor)(rows), edges)
        return _Rows(conv.combine)(torch.cat((rows, largest), dim=1))
    # max_relative: EdgeConv of the identity on x_j - x_i
    relative = EdgeConv(_Difference(), aggr="max")(rows, edges)
    interleaved = torch.arange(2 * C).view(2, C).T.flatten()
    return _Rows(conv.update, interleaved)(torch.cat((rows, relative), dim=1))


class _Difference(nn.Module):
    def forward(self, pair: Tensor) -> Tensor:
        return pair[:, pair.shape[1] // 2 :]


FORMS = pytest.mark.parametrize("form", IMPLEMENTATIONS)


def _random(conv: nn.Module) -> nn.Module:
    for entry in conv.state_dict().values():
        if entry.is_floating_point():
            entry.uniform_(0.5, 1.5)
    return conv.eval()


@FORMS
@pytest.mark.parametrize("kind", GRAPH_CONVS)
def test_a_graph_convolution_equals_pygs(kind: str, form: str) -> None:
    conv = _random(make_graph_conv(kind, C, form))
    x, neighbors = torch.randn(B, C, SIDE, SIDE), torch.randint(0, N, (B, N, K))
    found = _rows(conv(x, x, neighbors))
    wanted = _pyg(kind, conv, _rows(x), _edges(neighbors))
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=1e-12)


@FORMS
@pytest.mark.parametrize("kind", GRAPH_CONVS)
def test_a_graph_convolution_does_not_ask_in_which_order_nodes_stand(kind: str, form: str) -> None:
    conv = _random(make_graph_conv(kind, C, form))
    x, neighbors = torch.randn(B, C, SIDE, SIDE), torch.randint(0, N, (B, N, K))
    order = torch.randperm(N)
    places = order.argsort()
    moved = x.flatten(2)[..., order].view_as(x)
    found = conv(moved, moved, places[neighbors][:, order])
    wanted = conv(x, x, neighbors).flatten(2)[..., order].view_as(found)
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("kind", GRAPH_CONVS)
@pytest.mark.parametrize("name", ["vig_ti", "pvig_ti"])
def test_every_kind_is_a_setting_of_vig(name: str, kind: str) -> None:
    sizes: dict[str, object] = {"depth": 1, "channels": 16}
    if name == "pvig_ti":
        sizes = {"channels": (8, 8, 16, 16), "depths": (1, 1, 1, 1)}
    model = create_model(name, graph_conv=kind, num_classes=3, **sizes)
    assert model(torch.randn(2, 3, 224, 224)).shape == (2, 3)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ModelError, match=r"want a graph_conv out of edge, gin, .* got 'mr'$"):
        create_model("vig_ti", graph_conv="mr")
    with pytest.raises(ModelError, match=r"got 'sgae'; did you mean 'sage'\?$"):
        create_model("pvig_ti", graph_conv="sgae")
    with pytest.raises(ModelError, match=r"want a graph_conv out of edge, gin, .* got 'mr'"):
        create_model("clustervig_ti", graph_conv="mr")


@pytest.mark.parametrize("kind", ["gin", "sage"])
def test_channels_that_the_groups_do_not_divide_are_refused(kind: str) -> None:
    with pytest.raises(ModelError, match=r"channels that 4 groups divide .*, got 10 to (10|20)$"):
        make_graph_conv(kind, 10, "published")


AUTHORS = {
    "edge": {"nn.0.weight"},
    "gin": {"eps", "nn.0.weight"},
    "max_relative": {"nn.0.weight"},
    "sage": {"nn1.0.weight", "nn2.0.weight"},
}


@pytest.mark.parametrize("name", ["vig_ti", "pvig_ti"])
@pytest.mark.parametrize("kind", AUTHORS)
def test_every_kind_has_the_authors_names(
    name: str, kind: str, official: Callable[[str, nn.Module], dict[str, Tensor]]
) -> None:
    with torch.device("meta"):
        model = create_model(name, graph_conv=kind)
    prefix = "backbone.0.0.graph_conv."
    entries = [key for key in official(name, model) if key.startswith(prefix)]
    assert all(key.startswith(f"{prefix}gconv.") for key in entries)
    found = {key.removeprefix(f"{prefix}gconv.") for key in entries}
    assert {key for key in found if key.endswith(("0.weight", "eps"))} == AUTHORS[kind]
    names = family_module(str(family_of(name))).OFFICIAL_NAMES
    assert [from_official(key, names) for key in official(name, model)] == list(model.state_dict())


@FORMS
@pytest.mark.parametrize("kind", ["edge", "sage"])
def test_the_gradient_of_a_tie_goes_to_one_neighbor(kind: str, form: str) -> None:
    conv = _random(make_graph_conv(kind, C, form))
    keys = torch.ones(1, C, 1, 2, requires_grad=True)
    neighbors = torch.tensor([[[0, 1]]])
    conv(torch.zeros(1, C, 1, 1), keys, neighbors).sum().backward()
    assert keys.grad is not None
    first, second = keys.grad[0, :, 0].T.abs().sum(dim=1).tolist()
    assert min(first, second) == 0 < max(first, second)


def _reference_global(kind: str, conv: nn.Module, x: Tensor, aware: Tensor, edges: Tensor) -> list:
    """Compute Table II node by node."""
    rows = []
    for node in range(len(x)):
        around = x[edges[0][edges[1] == node]]
        itself, z = x[node].expand_as(around), aware[node].expand_as(around)
        if kind == "edge":
            rows.append(conv.vertex(torch.cat((itself, around - itself, z), dim=1)).amax(dim=0))
        elif kind == "gin":
            mixed = (1 + conv.eps) * x[node] + around.sum(dim=0) + (1 + conv.delta) * aware[node]
            rows.append(conv.vertex(mixed[None])[0])
        else:
            sage = kind == "sage"
            largest = (conv.neighbor(around) if sage else around - itself).amax(dim=0)
            pair = torch.cat((x[node], largest))
            pair = pair if sage else pair.view(2, C).T.flatten()
            rows.append(conv.vertex(torch.cat((pair, aware[node]))[None])[0])
    return rows


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("kind", GLOBAL_CONVS)
def test_a_global_convolution_equals_table_ii_node_by_node(kind: str, groups: int) -> None:
    conv = _random(GLOBAL_CONVS[kind](C, groups))
    x, aware = torch.randn(B * N, C), torch.randn(B * N, C)
    edges = _edges(torch.randint(0, N, (B, N, K)))
    wanted = torch.stack(_reference_global(kind, conv, x, aware, edges))
    torch.testing.assert_close(conv(x, aware, edges), wanted, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("kind", GLOBAL_CONVS)
def test_a_global_convolution_reads_the_features_of_the_partition(kind: str) -> None:
    conv = _random(GLOBAL_CONVS[kind](C, 1))
    x, aware = torch.randn(B * N, C), torch.randn(B * N, C)
    edges = _edges(torch.randint(0, N, (B, N, K)))
    assert not torch.allclose(conv(x, aware, edges), conv(x, aware.flip(0), edges))


def test_groups_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ModelError, match="want groups that divide the channels, got 5 for 24"):
        GLOBAL_CONVS["edge"](C, 5)


@pytest.mark.parametrize("kind", GLOBAL_CONVS)
def test_every_global_kind_is_a_setting_of_clustervig(kind: str) -> None:
    model = create_model("clustervig_ti", graph_conv=kind, depth=1, channels=32, num_classes=3)
    assert model.eval()(torch.randn(2, 3, 224, 224)).shape == (2, 3)


def test_attention_over_the_centers_equals_dense_algebra() -> None:
    """Eq. 2 and 3 of the ClusterViG paper."""
    layer, z = GATv2Conv(C, C, add_self_loops=False), torch.randn(5, C)
    edges = torch.cartesian_prod(torch.arange(5), torch.arange(5)).T
    left, right = layer.lin_l(z), layer.lin_r(z)
    score = nn.functional.leaky_relu(right[:, None] + left[None], 0.2) @ layer.att.flatten()
    wanted = score.softmax(dim=1) @ left + layer.bias
    torch.testing.assert_close(layer(z, edges), wanted, atol=1e-12, rtol=1e-12)
