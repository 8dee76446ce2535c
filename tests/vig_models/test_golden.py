"""Our logits against those of the authors' implementation, and that breaking ours shows."""

import copy
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from vig_models import create_model, load_authors_state_dict
from vig_models.registry import IMPLEMENTATIONS

Official = Callable[[str, nn.Module], dict[str, Tensor]]


@pytest.fixture(scope="module", params=["vig_ti", "pvig_ti"])
def variant(request: pytest.FixtureRequest) -> str:
    """Name a variant with golden logits."""
    return str(request.param)


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def model(
    variant: str,
    golden: ModuleType,
    official: Official,
    float64: None,
    request: pytest.FixtureRequest,
) -> nn.Module:
    """Build the variant in float64 with the recipe's weights."""
    model = create_model(variant, implementation=request.param)
    shapes = {name: tuple(entry.shape) for name, entry in official(variant, model).items()}
    load_authors_state_dict(model, golden.official_state(shapes))
    return model.eval()


OTHERS = (
    "clustervig_ti",
    "greedyvig_s",
    "mobilevig_ti",
    "mobilevigv2_ti",
    "pvg_s",
    "pvt_large",
    "pvt_small",
    "vihgnn_ti",
)


def _with_the_recipes_weights(
    name: str, golden: ModuleType, official: Official, implementation: str = "fast"
) -> nn.Module:
    model = create_model(name, implementation=implementation)
    shapes = {entry: tuple(value.shape) for entry, value in official(name, model).items()}
    load_authors_state_dict(model, golden.official_state(shapes))
    return model.eval()


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("name", OTHERS)
def test_logits_of_the_other_families_equal_those_of_the_authors_code(
    golden: ModuleType, official: Official, float64: None, name: str, implementation: str
) -> None:
    model = _with_the_recipes_weights(name, golden, official, implementation)
    assert _error(golden, name, model) < golden.TOLERANCE
    blocks = [block for block in model.modules() if "grapher" in block._modules]
    for block in blocks[-1:]:  # break the last one, if there are any
        block.register_forward_hook(lambda _module, args, _output: args[0])
        assert _error(golden, name, model) > 1e6 * golden.TOLERANCE


@pytest.mark.parametrize("name", ["clustervig_ti", "vihgnn_ti"])
def test_another_seed_gives_other_logits_and_a_generator_the_same(
    golden: ModuleType, official: Official, float64: None, name: str
) -> None:
    model = _with_the_recipes_weights(name, golden, official)
    images = golden.images()
    with torch.no_grad():
        drawn = model(images, torch.Generator().manual_seed(0))
        other = model(images, torch.Generator().manual_seed(1))
    assert golden.relative_error(drawn, golden.logits(name)) < golden.TOLERANCE
    assert golden.relative_error(other, golden.logits(name)) > 1e-3


@torch.no_grad()
def _error(golden: ModuleType, variant: str, model: nn.Module) -> float:
    torch.manual_seed(0)  # for the families that draw random numbers
    return float(golden.relative_error(model(golden.images()), golden.logits(variant)))


def test_logits_equal_those_of_the_authors_code(
    golden: ModuleType, variant: str, model: nn.Module
) -> None:
    assert _error(golden, variant, model) < golden.TOLERANCE


def test_a_model_built_in_float64_is_float64_throughout(model: nn.Module) -> None:
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}


def test_a_model_built_in_float32_and_widened_gives_the_same_logits(
    golden: ModuleType, variant: str, model: nn.Module
) -> None:
    torch.set_default_dtype(torch.float32)
    try:
        widened = create_model(variant).double()
    finally:
        torch.set_default_dtype(torch.float64)
    widened.load_state_dict(
        {name: entry for name, entry in model.state_dict().items() if "relative_pos" not in name},
        strict=False,
    )
    assert _error(golden, variant, widened.eval()) < golden.TOLERANCE


def test_dropping_a_block_moves_the_logits(
    golden: ModuleType, variant: str, model: nn.Module
) -> None:
    broken = copy.deepcopy(model)
    broken.backbone[-1] = nn.Identity()
    assert _error(golden, variant, broken) > 1e6 * golden.TOLERANCE


@pytest.mark.parametrize("block", [0, -1])
def test_giving_nodes_each_others_neighbors_moves_the_logits(
    golden: ModuleType,
    variant: str,
    model: nn.Module,
    monkeypatch: pytest.MonkeyPatch,
    block: int,
) -> None:
    grapher = model.backbone[block].grapher
    neighbors = grapher.neighbors
    monkeypatch.setattr(grapher, "neighbors", lambda *args: neighbors(*args).flip(1))
    assert _error(golden, variant, model) > 1e6 * golden.TOLERANCE


def test_taking_the_next_neighbor_instead_of_the_nearest_moves_the_logits(
    golden: ModuleType, variant: str, model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    grapher = model.backbone[0].grapher
    k = grapher.num_neighbors
    monkeypatch.setattr(grapher, "num_neighbors", k + 1)
    neighbors = grapher.neighbors
    monkeypatch.setattr(grapher, "neighbors", lambda *args: neighbors(*args)[:, :, 1:])
    assert _error(golden, variant, model) > 1e6 * golden.TOLERANCE
