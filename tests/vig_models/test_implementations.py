"""The fast form against the published one: outputs, graphs, gradients, in both precisions."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from vig_models import create_model, family_of, fast_graph, graph, list_models
from vig_models.classifier import Classifier
from vig_models.greedyvig import FastGrapher, Grapher
from vig_models.mobilevig import FastGrapher as FastMobileGrapher
from vig_models.mobilevig import Grapher as MobileGrapher
from vig_models.vihgnn import average_listed

SMALL: dict[str, dict[str, object]] = {
    "clustervig_ti": {"depth": 2, "channels": 32},
    "clustervig_b_hr": {"depth": 1, "channels": 32},
    "clustervig_s_g4": {"depth": 2, "channels": 32},
    "greedyvig_s": {
        "channels": (8, 8, 16, 16),
        "local_depths": (1, 1, 1, 1),
        "graph_depths": (1, 1, 1, 1),
    },
    "mobilevig_ti": {"channels": (8, 8, 16, 16), "depths": (1, 1, 1, 2)},
    "mobilevigv2_ti": {
        "channels": (8, 8, 16, 16),
        "local_depths": (1, 1, 1, 1),
        "graph_depths": (0, 1, 1, 1),
    },
    "pvg_s": {
        "channels": (12, 16, 24, 24),
        "depths": (1, 1, 1, 1),
        "dynamic": ((4, 1), (8, 1), (12, 2)),
    },
    "pvig_ti": {"channels": (8, 8, 16, 16), "depths": (1, 1, 1, 1)},
    "pvihgnn_ti": {"channels": (8, 8, 16, 16), "depths": (1, 1, 1, 1), "hyperedges": (3, 5)},
    "vig_ti": {"depth": 6, "channels": 16},
    "vihgnn_ti": {"channels": (16,), "depths": (2,), "hyperedges": (3, 12)},
}
"""A variant of each kind to settings that make it quick."""

STATIC = [name for name in SMALL if family_of(name) not in {"clustervig", "vihgnn"}]
"""Where no data decides what runs."""


def _both(name: str, **settings: object) -> tuple[Classifier, Classifier]:
    """Build the published and the fast form with the same weights, in evaluation mode."""
    torch.manual_seed(0)
    given = {"num_classes": 10, **SMALL.get(name, {}), **settings}
    published = create_model(name, implementation="published", **given)
    for module in published.modules():  # statistics that BatchNorm does not start with
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    for key, parameter in published.named_parameters():
        if "scale" in key or "pos_embed" in key:
            nn.init.normal_(parameter, 1 if "scale" in key else 0, 0.3)
    fast = create_model(name, implementation="fast", **given)
    fast.load_state_dict(published.state_dict())
    return published.eval(), fast.eval()


def _run(module: nn.Module, *args: object) -> Tensor:
    torch.manual_seed(3)
    result: Tensor = module(*args)
    return result


def _images(*sides: int) -> Tensor:
    return torch.randn(2, 3, *(sides or (224, 224)), generator=torch.Generator().manual_seed(1))


def test_the_fast_form_is_what_create_model_builds() -> None:
    assert create_model("vig_ti", depth=1).config.implementation == "fast"


@pytest.mark.parametrize("name", list_models())
def test_both_forms_have_the_same_state(name: str) -> None:
    with torch.device("meta"):
        states = [
            create_model(name, implementation=form).state_dict() for form in ("published", "fast")
        ]
    shapes = [{key: entry.shape for key, entry in state.items()} for state in states]
    assert list(shapes[0]) == list(shapes[1])
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", SMALL)
def test_logits_and_graphs_are_equal_in_double_precision(name: str, float64: None) -> None:
    published, fast = _both(name)
    with torch.no_grad():
        wanted, found = _run(published, _images()), _run(fast, _images())
        assert (found - wanted).norm() <= 1e-12 * wanted.norm()
        assert torch.equal(found, _run(fast, _images()))
        torch.manual_seed(3)
        wanted_graphs = published.forward_graphs(_images())
        torch.manual_seed(3)
        found_graphs = fast.forward_graphs(_images())
    assert len(wanted_graphs) == len(found_graphs) > 0
    for one, other in zip(wanted_graphs, found_graphs, strict=True):
        assert torch.equal(one.graph.neighbors.sort().values, other.graph.neighbors.sort().values)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", SMALL)
def test_layer_by_layer_outputs_agree_in_single_precision(
    name: str, memory_format: torch.memory_format
) -> None:
    published, fast = (model.to(memory_format=memory_format) for model in _both(name))
    if family_of(name) == "pvg":
        pairs = [pair for s in range(4) for pair in _pairs(published, fast, f"stages.{s}.blocks")]
        x = torch.randn(2, 40, 40, 12)
    else:
        pairs = list(zip(published.layers(), fast.layers(), strict=True))
        x = published.embed(_images().contiguous(memory_format=memory_format)).detach()
    with torch.no_grad():
        for one, other in pairs:
            if family_of(name) == "pvg":
                x = functional.pad(x, (0, one.norm1.normalized_shape[0] - x.shape[-1]))
            wanted, found = _run(one, x), _run(other, x)
            assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()
            x = wanted


def _pairs(one: nn.Module, other: nn.Module, row: str) -> list[tuple[nn.Module, nn.Module]]:
    rows = (model.get_submodule(row).children() for model in (one, other))
    return list(zip(*rows, strict=True))


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("name", SMALL)
def test_gradients_are_equal(name: str, training: bool, float64: None) -> None:
    gradients = []
    for model in _both(name):
        model.train(training).set_distilled_training(False)
        _run(model, _images()).square().mean().backward()
        gradients.append({key: p.grad for key, p in model.named_parameters() if p.requires_grad})
    assert any(gradient is not None and gradient.any() for gradient in gradients[0].values())
    for key, wanted in gradients[0].items():
        torch.testing.assert_close(gradients[1][key], wanted, rtol=1e-7, atol=1e-10, msg=key)


def test_gradients_are_equal_where_batchnorm_saw_no_image(float64: None) -> None:
    """Features grow to 1e7 there, and gradients of 1e6 cancel: the hardest case for rounding."""
    gradients = []
    for form in ("published", "fast"):
        torch.manual_seed(0)
        model = create_model("vig_ti", implementation=form).eval()
        logits = model(_images())
        assert logits.abs().max() > 1e7
        functional.cross_entropy(logits, torch.arange(2)).backward()
        gradients.append({key: p.grad for key, p in model.named_parameters() if p.grad is not None})
    assert len(gradients[0]) > 100
    for key, wanted in gradients[0].items():
        assert (gradients[1][key] - wanted).abs().max() <= 1e-8 * wanted.abs().max(), key


def test_clusters_are_decided_in_single_precision_under_autocast() -> None:
    _, fast = _both("clustervig_ti")
    grapher = fast.backbone[0].grapher
    nodes = torch.randn(2, 196, 32).bfloat16()
    with torch.no_grad():
        found = []
        for enabled in (True, False):
            with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                labels, centers = grapher.cluster(
                    nodes if enabled else nodes.float(), torch.Generator().manual_seed(0)
                )
                neighbors = grapher.neighbors(nodes if enabled else nodes.float(), labels)
            found.append((labels, centers.bfloat16(), neighbors))
    assert all(map(torch.equal, *found))


def test_averages_hold_in_half_precision_where_sums_would_not() -> None:
    rows = torch.full((1, 200, 4), 1000.0).half()
    listed = torch.ones(1, 2, 200, dtype=torch.bool)
    listed[0, 1, 100:] = False
    torch.testing.assert_close(average_listed(rows, listed), rows[:, :2], rtol=5e-3, atol=0)
    mean, largest = fast_graph.mean_and_largest_row(rows[0], torch.arange(200)[:, None])
    assert torch.equal(mean, rows[0, :1])
    assert torch.equal(largest, rows[0, :1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", SMALL)
def test_autocast_gives_finite_logits(name: str, dtype: torch.dtype) -> None:
    _, fast = _both(name)
    with torch.no_grad(), torch.autocast("cpu", dtype):
        assert _run(fast, _images()).isfinite().all()


@pytest.mark.parametrize("name", SMALL)
def test_what_is_no_number_comes_out_as_none_in_both_forms(name: str) -> None:
    images = _images().fill_(torch.nan)
    with torch.no_grad():
        assert all(_run(model, images).isnan().all() for model in _both(name))


@pytest.mark.parametrize("name", STATIC)
def test_a_static_family_compiles_without_a_break(name: str) -> None:
    _, fast = _both(name)
    compiled = torch.compile(fast, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(_images()), fast(_images()), rtol=1e-4, atol=1e-4)
    torch.compiler.reset()


@pytest.mark.parametrize("sides", [(160, 192), (96, 224), (64, 64)])
@pytest.mark.parametrize("name", ["greedyvig_s", "mobilevig_ti", "mobilevigv2_ti"])
def test_odd_grids_are_treated_alike(name: str, sides: tuple[int, int], float64: None) -> None:
    published, fast = _both(name)
    with torch.no_grad():
        torch.testing.assert_close(fast(_images(*sides)), published(_images(*sides)))


@pytest.mark.parametrize("side", [7, 8, 9, 5])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_rolled_aggregations_are_equal_bit_by_bit(side: int, step: int) -> None:
    x = torch.randint(-2, 3, (2, 4, side, side + 1)).float()  # many equal distances
    greedy = Grapher(4, step), FastGrapher(4, step)
    mobile = MobileGrapher(4, step, 0.0), FastMobileGrapher(4, step, 0.0)
    for published, fast in (greedy, mobile):
        assert torch.equal(fast.aggregate(x), published.aggregate(x))


def test_distances_at_the_threshold_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 300, 8, 8)
    published, fast = Grapher(300, 1), FastGrapher(300, 1)
    rolled = torch.roll(x, 1, dims=2)
    distances = torch.norm(x - rolled, p=1, dim=1, keepdim=True)
    rounded = (x - rolled).abs().sum(dim=1, keepdim=True)
    between = distances[(distances < rounded).nonzero(as_tuple=True)]
    assert len(between)  # sums round otherwise than norms
    threshold = torch.nextafter(between[:1], torch.tensor(torch.inf)).view(1, 1, 1, 1)
    for grapher in (published, fast):
        monkeypatch.setattr(grapher, "threshold", lambda _x: threshold)
    assert torch.equal(fast.aggregate(x), published.aggregate(x))


@pytest.mark.parametrize("autocast", [False, True], ids=["single precision", "autocast"])
@pytest.mark.parametrize("dilation", [1, 2])
def test_neighbors_are_the_same_where_many_are_equally_near(dilation: int, autocast: bool) -> None:
    torch.manual_seed(0)
    nodes = torch.randint(0, 2, (2, 3, 40)).float()
    keys = torch.randint(0, 2, (2, 3, 20)).float()
    table = torch.randint(0, 2, (1, 40, 20)).float()
    for queries, among, relative_pos in ((nodes, nodes, None), (nodes, keys, table)):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            wanted = graph.dilated_knn(queries, among, 5, dilation, relative_pos)
            found = fast_graph.dilated_knn(queries, among, 5, dilation, relative_pos)
        assert torch.equal(found, wanted)


def test_the_largest_difference_is_equal_bit_by_bit() -> None:
    torch.manual_seed(0)
    nodes, keys = torch.randn(2, 6, 30), torch.randn(2, 6, 10)
    neighbors = torch.randint(0, 10, (2, 30, 4))
    wanted = graph.max_relative(nodes, keys, neighbors)
    found = fast_graph.max_relative_rows(nodes.transpose(1, 2), keys, neighbors)
    assert torch.equal(found.transpose(1, 2), wanted)
    tracked = copy.deepcopy(keys).requires_grad_()
    again = fast_graph.max_relative_rows(nodes.transpose(1, 2), tracked, neighbors)
    assert torch.equal(again.detach(), found)


@pytest.mark.parametrize("name", SMALL)
def test_the_fast_form_runs_without_values(name: str) -> None:
    with torch.device("meta"):
        model = create_model(name, num_classes=10, **SMALL[name]).eval()
        images = torch.empty(2, 3, 224, 224)
    with torch.no_grad():
        logits = model(images)
    assert logits.is_meta
    assert logits.shape == (2, 10)
