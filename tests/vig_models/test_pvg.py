"""PVG: its graph convolution, its settings, what it does with other sizes, and its sabotage."""

import math
import re
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vig_models import ModelError, create_model, load_authors_state_dict
from vig_models.pvg import SCALED_STAGES, Block, Stage
from vig_models.pvg_grapher import DynamicBranch

SMALL: dict[str, object] = {
    "channels": (12, 16, 24, 24),
    "depths": (1, 1, 1, 1),
    "dynamic": ((4, 1), (8, 1), (12, 2)),
    "num_classes": 5,
}


@pytest.fixture(autouse=True)
def _double(float64: None) -> None:
    torch.manual_seed(0)


def _small(**settings: object) -> nn.Module:
    return create_model("pvg_s", **{**SMALL, **settings}).eval()


def _blocks(model: nn.Module) -> list[Block]:
    return [module for module in model.modules() if isinstance(module, Block)]


def _draw_weights(module: nn.Module) -> None:
    for entry in module.state_dict().values():
        if entry.is_floating_point():
            entry.uniform_(0.5, 1.5)


def _reference_max_e(branch: DynamicBranch, x: np.ndarray, reduction: int) -> np.ndarray:
    """Compute the dynamic branch node by node from its published description."""
    images, channels, rows, columns = x.shape
    state = {name: entry.numpy() for name, entry in branch.update.state_dict().items()}
    out = np.empty_like(x)
    for image in range(images):
        keys = [
            x[image, :, r : r + reduction, c : c + reduction].mean(axis=(1, 2))
            for r in range(0, rows, reduction)
            for c in range(0, columns, reduction)
        ]
        for r in range(rows):
            for c in range(columns):
                node = x[image, :, r, c]
                unit = node / np.linalg.norm(node)
                far = [np.sum((unit - key / np.linalg.norm(key)) ** 2) for key in keys]
                near = [keys[i] for i in np.argsort(far)[:18:2]]
                largest = np.max([key - node for key in near], axis=0)
                read = np.concatenate((node, np.mean(near, axis=0), largest)).reshape(4, -1)
                weight = state["0.weight"].reshape(4, channels // 4, -1)
                value = np.einsum("gi,goi->go", read, weight).ravel() + state["0.bias"]
                value = (value - state["1.running_mean"]) / np.sqrt(state["1.running_var"] + 1e-5)
                value = value * state["1.weight"] + state["1.bias"]
                width = math.sqrt(2) + state["2.sigma"][0]
                out[image, :, r, c] = value * (1 + np.vectorize(math.erf)(value / width)) / 2
    return out


@pytest.mark.parametrize("reduction", [1, 2])
def test_the_dynamic_branch_equals_the_reference(reduction: int) -> None:
    branch = DynamicBranch(8, reduction).eval()
    _draw_weights(branch)
    x = torch.randn(2, 8, 6 * reduction, 4 * reduction)
    wanted = _reference_max_e(branch, x.numpy(), reduction)
    with torch.no_grad():
        np.testing.assert_allclose(
            branch(x, branch.search(x)).numpy(), wanted, rtol=1e-11, atol=1e-11
        )


def test_the_dynamic_branch_does_not_ask_in_which_order_nodes_stand() -> None:
    branch = DynamicBranch(8, 1).eval()
    _draw_weights(branch)
    x, order = torch.randn(2, 8, 5, 5), torch.randperm(25)
    with torch.no_grad():
        permuted = x.flatten(2)[..., order].view_as(x)
        found = branch(permuted, branch.search(permuted))
        wanted = branch(x, branch.search(x)).flatten(2)[..., order].view_as(x)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def test_scales_stand_in_the_last_two_stages_only() -> None:
    for index, block in enumerate(_blocks(_small())):
        scales = [name for name in block._parameters if name.startswith("layer_scale")]
        assert scales == (["layer_scale_1", "layer_scale_2"] if index in SCALED_STAGES else [])


def test_every_scale_multiplies_its_branch() -> None:
    model = _small()
    block = _blocks(model)[2]
    x = torch.randn(1, 6, 6, 24)
    with torch.no_grad():
        nn.init.zeros_(block.layer_scale_1)
        nn.init.zeros_(block.layer_scale_2)
        assert torch.equal(block(x), x)
        nn.init.ones_(block.layer_scale_1)
        torch.testing.assert_close(
            block(x), x + block.grapher(block.norm1(x)), rtol=1e-13, atol=1e-13
        )


def test_position_embeddings_are_resampled_bilinearly_for_other_maps() -> None:
    stage = Stage(nn.Identity(), torch.zeros(1, 2, 2, 1), [])
    stage.pos_embed.data[0, :, :, 0] = torch.tensor([[0.0, 4.0], [8.0, 12.0]])
    with torch.no_grad():
        found = stage.embed(torch.zeros(1, 1, 2, 4))[0, :, :, 0]
        assert torch.equal(stage.embed(torch.zeros(1, 1, 2, 2)), stage.pos_embed)
    wanted = torch.tensor([[0.0, 1.0, 3.0, 4.0], [8.0, 9.0, 11.0, 12.0]])
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def test_giving_nodes_each_others_neighbors_moves_the_golden_logits(
    golden: ModuleType,
    official: Callable[[str, nn.Module], dict[str, Tensor]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = create_model("pvg_s").eval()
    shapes = {name: tuple(e.shape) for name, e in official("pvg_s", model).items()}
    load_authors_state_dict(model, golden.official_state(shapes))
    branch = _blocks(model)[-1].grapher.dynamic
    search = branch.search

    def flipped(x: Tensor) -> object:
        found = search(x)
        return type(found)(nodes=found.nodes, keys=found.keys, neighbors=found.neighbors.flip(1))

    monkeypatch.setattr(branch, "search", flipped)
    with torch.no_grad():
        error = golden.relative_error(model(golden.images()), golden.logits("pvg_s"))
    assert error > 1e6 * golden.TOLERANCE


WRONG = {
    "fewer widths than blocks": (
        {"depths": (2, 3, 12, 6)},
        r"^PVG: want dynamic for the 23 blocks of depths .*, got .* for 21; give both$",
    ),
    "more widths than blocks": (
        {"depths": (2, 3, 6, 4)},
        r"for the 15 blocks .* for 21; ",
    ),
    "three stages": (
        {"depths": (2, 3, 12)},
        r"^PVG: want 4 entries, one per stage, in channels, depths and reductions, got 4, 3, 4$",
    ),
    "a width of the whole stage": (
        {"dynamic": ((96, 2), (96, 3), (224, 12), (352, 4))},
        r"more than 0 and fewer than the 96 of their stage, got 96$",
    ),
    "a width not in fours": (
        {"dynamic": ((30, 2), (96, 3), (224, 12), (352, 4))},
        r"^PVG: want dynamic channels that 4 groups divide, .*, got 30$",
    ),
}


@pytest.mark.parametrize(("settings", "message"), WRONG.values(), ids=WRONG)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, object], message: str) -> None:
    with torch.device("meta"), pytest.raises(ModelError, match=message):
        create_model("pvg_s", **settings)


@pytest.mark.parametrize("shape", [(1, 3, 224), (3, 224, 224), (1, 3, 224, 224, 1)], ids=str)
def test_what_is_no_batch_of_images_is_refused(shape: tuple[int, ...]) -> None:
    message = re.escape("want images of shape (B, 3, H, W), H and W multiples of 32")
    with pytest.raises(ModelError, match=message):
        _small()(torch.zeros(shape))
