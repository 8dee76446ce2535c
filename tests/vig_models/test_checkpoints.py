"""Which checkpoints of the authors load, and what is said of those that do not."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vig_models import ModelError, create_model, load_authors_state_dict

TABLE = "backbone.0.0.relative_pos"


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """Build a small pyramid."""
    return create_model("pvig_ti", channels=(8, 8, 8, 8), depths=(1, 1, 1, 1), num_classes=5).eval()


@pytest.fixture
def state(
    model: nn.Module, official: Callable[[str, nn.Module], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """Make a checkpoint under the authors' names, unlike the model's weights."""
    entries = official("pvig_ti", model)
    return {
        name: entry.clone() if "relative_pos" in name else entry + 1
        for name, entry in entries.items()
    }


WRAPPINGS: dict[str, Callable[[dict[str, Tensor]], dict[str, Any]]] = {
    "bare": lambda state: state,
    "model": lambda state: {"model": state, "epoch": 3},
    "state_dict": lambda state: {"state_dict": state},
    "model_ema": lambda state: {"model": None, "model_ema": state},
    "model before model_ema": lambda state: {"model_ema": {}, "model": state},
    "data parallel": lambda state: {f"module.{name}": entry for name, entry in state.items()},
    "without tables": lambda state: {k: v for k, v in state.items() if "relative_pos" not in k},
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_every_entry_is_loaded_from_any_wrapping(
    model: nn.Module,
    state: dict[str, Tensor],
    official: Callable[[str, nn.Module], dict[str, Tensor]],
    wrap: Callable[[dict[str, Tensor]], dict[str, Any]],
) -> None:
    load_authors_state_dict(model, wrap(state))
    for name, entry in official("pvig_ti", model).items():
        assert torch.equal(entry, state[name]), name


def test_all_problems_are_named_in_one_error_and_nothing_is_loaded(
    model: nn.Module, state: dict[str, Tensor]
) -> None:
    before = {name: entry.clone() for name, entry in model.state_dict().items()}
    del state["stem.convs.0.bias"], state["backbone.0.0.graph_conv.gconv.nn.0.weight"]
    state["prediction.4.weight"] = torch.zeros(7, 1024, 1, 1)
    state["dist_head.weight"] = torch.zeros(1)
    message = (
        "load_authors_state_dict: the state does not fit PyramidViG: "
        "missing 'backbone.0.0.graph_conv.gconv.nn.0.weight', missing 'stem.convs.0.bias', "
        "unexpected 'dist_head.weight', "
        "misshapen 'prediction.4.weight' (want (5, 1024, 1, 1), got (7, 1024, 1, 1))"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        load_authors_state_dict(model, state)
    for name, entry in model.state_dict().items():
        assert torch.equal(entry, before[name]), name


def test_a_position_table_within_rounding_loads(model: nn.Module, state: dict[str, Tensor]) -> None:
    state[TABLE] += 0.8e-6
    load_authors_state_dict(model, state)


@pytest.mark.parametrize("shift", [1e-5, torch.nan])
def test_a_position_table_unlike_the_derived_one_is_refused(
    model: nn.Module, state: dict[str, Tensor], shift: float
) -> None:
    state[TABLE][0, 0, 0] += shift
    message = re.escape(f"wrong {TABLE!r} (off the derived table by up to ")
    with pytest.raises(ModelError, match=message):
        load_authors_state_dict(model, state)


def test_a_model_of_another_package_is_refused() -> None:
    with pytest.raises(ModelError, match="want a model of create_model, got 'Linear'"):
        load_authors_state_dict(nn.Linear(1, 1), {})


def test_a_model_without_memory_is_refused() -> None:
    with torch.device("meta"):
        model = create_model("vig_ti", depth=1)
    with pytest.raises(ModelError, match="want a model with memory, got one on the meta device"):
        load_authors_state_dict(model, {})


DAMAGES: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "text": (lambda _: "weights", r"want a tensor, got 'str'"),
    "integers": (lambda entry: entry.long(), r"want torch.float32, got torch.int64"),
    "no values": (lambda entry: entry.to("meta"), r"it holds no values, it is on the meta device"),
    "one infinite": (
        lambda entry: entry.index_fill(0, torch.tensor([0]), float("inf")),
        r"it holds values that are not finite",
    ),
    "not a number": (lambda entry: entry * float("nan"), r"it holds values that are not finite"),
}


@pytest.mark.parametrize(("break_", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_entry_is_named_and_nothing_is_loaded(
    model: nn.Module, state: dict[str, Tensor], break_: Callable[[Tensor], Any], message: str
) -> None:
    before = {name: entry.clone() for name, entry in model.state_dict().items()}
    name = "stem.convs.0.weight"
    with pytest.raises(ModelError, match=rf"damaged '{name}' \({message}\)$"):
        load_authors_state_dict(model, state | {name: break_(state[name])})
    for entry, value in model.state_dict().items():
        assert torch.equal(value, before[entry]), entry


def test_what_is_no_mapping_is_refused(model: nn.Module) -> None:
    with pytest.raises(ModelError, match="want a mapping from names to tensors, got 'list'"):
        load_authors_state_dict(model, [torch.zeros(1)])


def test_a_reparameterized_checkpoint_of_mobilevigv2_gives_the_same_logits(
    official: Callable[[str, nn.Module], dict[str, Tensor]],
) -> None:
    torch.manual_seed(0)
    depths: dict[str, object] = {"local_depths": (1, 1, 1, 1), "graph_depths": (0, 1, 1, 1)}
    model = create_model("mobilevigv2_ti", **depths).double().eval()
    merged = {}
    for name, entry in official("mobilevigv2_ti", model).items():
        changed = entry.clone()
        if name.endswith(".cpe.pe.weight"):
            changed[:, 0, 3, 3] += 1
        merged[name.replace(".cpe.pe.", ".cpe.reparam_conv.")] = changed
    kept = {name: entry.clone() for name, entry in merged.items()}
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        wanted = model(images)
        other = create_model("mobilevigv2_ti", **depths).double().eval()
        assert not torch.allclose(other(images), wanted)
        load_authors_state_dict(other, merged)
        torch.testing.assert_close(other(images), wanted)
    assert all(torch.equal(merged[name], entry) for name, entry in kept.items())
