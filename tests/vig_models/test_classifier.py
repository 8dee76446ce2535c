"""What a user does with a backbone, of every family, on small models of it."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vig_models import ModelError, create_model, fuse
from vig_models.classifier import Classifier
from vig_models.graph import Graph

SMALL: dict[str, dict[str, object]] = {
    "vig_ti": {"depth": 3, "channels": 16},
    "pvig_ti": {"channels": (8, 8, 16, 16), "depths": (1, 1, 1, 1)},
    "pvihgnn_ti": {
        "channels": (8, 8, 16, 16),
        "depths": (1, 1, 1, 1),
        "hyperedges": (3, 5),
    },
    "clustervig_ti": {"depth": 2, "channels": 32},
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
    "vihgnn_ti": {"channels": (16,), "depths": (2,), "hyperedges": (3, 5)},
    "pvt_tiny": {"channels": (8, 16, 40, 64), "depths": (1, 1, 1, 1)},
}
"""A variant of each family to settings that make it quick."""

GRAPHS = [name for name in SMALL if not name.startswith("pvt")]
DISTILLED = ["clustervig_ti", "greedyvig_s", "mobilevig_ti", "mobilevigv2_ti"]


def _small(name: str, **settings: object) -> Classifier:
    torch.manual_seed(0)
    model = create_model(name, **{"num_classes": 10, **SMALL[name], **settings})
    for module in model.modules():  # statistics that BatchNorm does not start with
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model


def _images(batch: int = 2, side: int = 224, channels: int = 3) -> Tensor:
    return torch.randn(batch, channels, side, side, generator=torch.Generator().manual_seed(1))


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        logits = model.eval()(images, torch.Generator().manual_seed(2))
    assert isinstance(logits, Tensor)
    return logits


@pytest.mark.parametrize("name", SMALL)
def test_forward_is_the_head_behind_the_features(name: str) -> None:
    model = _small(name).eval()
    with torch.no_grad():
        features = model.forward_features(_images(), torch.Generator().manual_seed(2))
        assert torch.equal(model.forward_head(features), _logits(model, _images()))
        hidden = model.forward_head(features, pre_logits=True)
    assert model.num_features in features.shape
    assert hidden.shape == (2, model.head_hidden_size)


@pytest.mark.parametrize("name", SMALL)
def test_classes_can_be_changed_and_taken_away(name: str) -> None:
    model = _small(name)
    kept = {entry: value.clone() for entry, value in model.state_dict().items()}
    model.reset_classifier(3)
    assert _logits(model, _images()).shape == (2, 3)
    assert model.num_classes == model.config.num_classes == 3
    model.reset_classifier(0, "avg")
    assert _logits(model, _images()).shape == (2, model.head_hidden_size)
    assert model.num_classes == 0
    for entry, value in model.state_dict().items():
        assert torch.equal(value, kept[entry]), entry


@pytest.mark.parametrize("name", SMALL)
def test_a_model_without_classes_is_the_one_whose_classes_are_taken_away(name: str) -> None:
    bare, reset = _small(name, num_classes=0), _small(name)
    reset.reset_classifier(0)
    assert list(bare.state_dict()) == list(reset.state_dict())
    assert _logits(bare, _images()).shape == (2, bare.head_hidden_size)


@pytest.mark.parametrize(("classes", "pool"), [(-1, None), (5, "max")])
def test_a_classifier_that_cannot_be_is_refused(classes: int, pool: str | None) -> None:
    with pytest.raises(ModelError, match="want 0 or more classes and the pooling 'avg', got"):
        _small("vig_ti").reset_classifier(classes, pool)


@pytest.mark.parametrize("name", SMALL)
def test_get_classifier_is_what_reset_replaces(name: str) -> None:
    model = _small(name)
    before = model.get_classifier()
    model.reset_classifier(3)
    after = model.get_classifier()
    assert isinstance(before, tuple) == isinstance(after, tuple) == (name in DISTILLED)
    assert before is not after


@pytest.mark.parametrize("name", SMALL)
def test_images_may_have_other_channels(name: str) -> None:
    assert _logits(_small(name, in_chans=1), _images(channels=1)).shape == (2, 10)
    with pytest.raises(
        ModelError, match=r"forward: want images of shape .* got \(2, 3, 224, 224\)"
    ):
        _small(name, in_chans=1)(_images())


@pytest.mark.parametrize("name", SMALL)
def test_checkpointing_changes_no_gradient(name: str) -> None:
    gradients = []
    for enable in (False, True):
        model = _small(name).eval()
        model.set_grad_checkpointing(enable)
        assert model.grad_checkpointing is enable
        model(_images(), torch.Generator().manual_seed(2)).square().mean().backward()
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])
    assert all(
        torch.equal(plain, again)
        for plain, again in zip(*gradients, strict=True)
        if plain is not None and again is not None
    )
    assert any(gradient is not None and gradient.any() for gradient in gradients[1])


@pytest.mark.parametrize("name", SMALL)
def test_checkpointing_leaves_the_generator_where_forward_does(name: str) -> None:
    states = []
    for enable in (False, True):
        model = _small(name).eval()
        model.set_grad_checkpointing(enable)
        generator = torch.Generator().manual_seed(2)
        model(_images(), generator).sum().backward()
        states.append(generator.get_state())
    assert torch.equal(*states)


@pytest.mark.parametrize("name", SMALL)
def test_training_gives_every_trainable_parameter_a_finite_gradient(name: str) -> None:
    model = _small(name)
    logits = model(_images())
    sum(part.square().mean() for part in (logits if name in DISTILLED else [logits])).backward()
    for entry, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, entry
            assert parameter.grad.isfinite().all(), entry


@pytest.mark.parametrize("name", DISTILLED)
def test_a_distilled_head_returns_two_logits_while_training_and_their_mean_else(name: str) -> None:
    model = _small(name)
    generator = torch.Generator()
    logits, distilled = model(_images(), generator.manual_seed(2))
    model.set_distilled_training(False)
    mean = model(_images(), generator.manual_seed(2))
    torch.testing.assert_close(mean, (logits + distilled) / 2, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_a_copy_and_a_reloaded_state_give_the_same_logits(name: str) -> None:
    model = _small(name)
    other = _small(name)
    for parameter in other.parameters():
        parameter.data.add_(1)
    other.load_state_dict(model.state_dict())
    wanted = _logits(model, _images())
    assert torch.equal(_logits(copy.deepcopy(model), _images()), wanted)
    assert torch.equal(_logits(other, _images()), wanted)


@pytest.mark.parametrize("name", SMALL)
def test_channels_last_gives_the_same_logits(name: str) -> None:
    model = _small(name).double()
    wanted = _logits(model, _images().double())
    images = _images().double().to(memory_format=torch.channels_last)
    found = _logits(model.to(memory_format=torch.channels_last), images)
    torch.testing.assert_close(found, wanted, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", SMALL)
def test_autocast_runs_and_is_finite(name: str, dtype: torch.dtype) -> None:
    model = _small(name)
    with torch.autocast("cpu", dtype):
        assert _logits(model, _images()).isfinite().all()


@pytest.mark.parametrize("name", SMALL)
def test_the_fused_form_gives_the_same_logits_with_fewer_parameters(name: str) -> None:
    model = _small(name).double()
    fused = fuse(model)
    wanted = _logits(model, _images().double())
    torch.testing.assert_close(_logits(fused, _images().double()), wanted, atol=1e-8, rtol=1e-8)
    assert not any(isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d) for m in fused.modules())
    has_norms = any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    assert (_size(fused) < _size(model)) == has_norms


def test_fusing_leaves_the_model_as_it_was() -> None:
    model = _small("vig_ti")
    before = {entry: value.clone() for entry, value in model.state_dict().items()}
    fuse(model)
    assert model.training
    assert all(torch.equal(value, before[entry]) for entry, value in model.state_dict().items())


@pytest.mark.parametrize("name", GRAPHS)
def test_every_block_has_a_graph_and_looking_at_it_changes_nothing(name: str) -> None:
    model = _small(name).eval()
    wanted = _logits(model, _images())
    generator = torch.Generator().manual_seed(2)
    graphs = model.forward_graphs(_images(), generator)
    assert graphs
    assert [block.name for block in graphs] == [
        name for name, module in model.named_modules() if "grapher" in module._modules
    ]
    for block in graphs:
        _check(block.graph)
        assert block.output.shape[0] == 2
        assert block.edges.shape[0] == 3
    if name != "pvg_s":  # which normalizes behind its last block
        assert torch.equal(model.forward_head(graphs[-1].output).detach(), wanted)
    again = torch.Generator().manual_seed(2)
    with torch.no_grad():
        model(_images(), again)
    assert torch.equal(generator.get_state(), again.get_state())


@pytest.mark.parametrize("name", GRAPHS)
def test_what_is_shown_is_what_forward_found_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _small(name).eval()
    graphers: list[Any] = [m for n, m in model.named_modules() if n.endswith("grapher")]
    searched: list[str] = []
    for kind in {type(grapher) for grapher in graphers}:
        search = kind.search

        def counted(*args: Any, search: Any = search) -> Any:
            searched.append(name)
            return search(*args)

        monkeypatch.setattr(kind, "search", counted)
    assert len(model.forward_graphs(_images())) == len(searched) == len(graphers)
    assert not [grapher for grapher in graphers if "search" in vars(grapher)]


def _check(graph: Graph) -> None:
    images, _, num_nodes = graph.nodes.shape
    assert graph.neighbors.shape[:2] == (images, num_nodes)
    limit = graph.keys.shape[-1] if graph.hyperedges is None else graph.hyperedges.shape[1]
    assert graph.neighbors.min() >= -1
    assert graph.neighbors.max() < limit
    if graph.partitions is not None:
        assert graph.partitions.shape == (images, num_nodes)


def test_a_model_without_a_graph_has_none() -> None:
    assert _small("pvt_tiny").eval().forward_graphs(_images()) == []


def test_graphs_are_refused_in_training() -> None:
    with pytest.raises(ModelError, match=r"want a model in evaluation mode; call eval\(\) before"):
        _small("vig_ti").forward_graphs(_images())


def _size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
