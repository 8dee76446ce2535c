"""PVT against a slow, obvious forward in numpy, its published sizes and the authors' names."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vig_models import ModelError, create_model, list_models, load_authors_state_dict
from vig_models.naming import from_official, to_official
from vig_models.pvt import OFFICIAL_NAMES, SpatialReductionAttention

DEPTHS = {
    "pvt_tiny": (2, 2, 2, 2),
    "pvt_small": (3, 4, 6, 3),
    "pvt_medium": (3, 4, 18, 3),
    "pvt_large": (3, 8, 27, 3),
}
PUBLISHED = {"pvt_tiny": "13.2", "pvt_small": "24.5", "pvt_medium": "44.2", "pvt_large": "61.4"}
"""Millions of parameters as the paper prints them, and the authors' README too."""

WIDTHS, EXPANSIONS, REDUCTIONS = (64, 128, 320, 512), (8, 8, 4, 4), (8, 4, 2, 1)
PATCHES, GRIDS = (4, 2, 2, 2), (56, 28, 14, 7)

SMALL: dict[str, object] = {"depths": (1, 1, 1, 1), "channels": (8, 8, 10, 16), "num_classes": 10}
HEADS = (1, 2, 5, 8)


def _small(**settings: object) -> nn.Module:
    torch.manual_seed(0)
    return create_model("pvt_small", **{**SMALL, **settings})


def _meta(name: str, **settings: object) -> nn.Module:
    with torch.device("meta"):
        return create_model(name, **settings)


def _count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _official(model: nn.Module) -> dict[str, Tensor]:
    return {to_official(name, OFFICIAL_NAMES): e for name, e in model.state_dict().items()}


@torch.no_grad()
def _draw_weights(module: nn.Module, seed: int = 0) -> None:
    """Draw weights of ordinary size, so that every term of the forward counts."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        fan_in = parameter[0].numel() if parameter.dim() > 1 else 4
        parameter.normal_(std=fan_in**-0.5, generator=generator)


def _draw(*shape: int) -> Tensor:
    return torch.from_numpy(np.random.RandomState(0).standard_normal(shape))


# A forward in numpy, written from the paper and the authors' names.

Weights = Mapping[str, np.ndarray]


def _reference_linear(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    return np.einsum("bnc,dc->bnd", x, w[f"{name}.weight"]) + w[f"{name}.bias"]


def _reference_norm(w: Weights, name: str, x: np.ndarray, epsilon: float) -> np.ndarray:
    centered = x - x.mean(axis=-1, keepdims=True)
    scaled = centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + epsilon)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def _reference_patches(w: Weights, name: str, image: np.ndarray, side: int) -> np.ndarray:
    """Map each patch of an image (B, H, W, C) by itself, row by row of patches."""
    kernel, bias = w[f"{name}.weight"], w[f"{name}.bias"]
    patches = []
    for row in range(0, image.shape[1], side):
        for column in range(0, image.shape[2], side):
            patch = image[:, row : row + side, column : column + side]
            patches.append(np.einsum("bijc,dcij->bd", patch, kernel) + bias)
    return np.stack(patches, axis=1)


def _reference_attention(
    w: Weights, name: str, x: np.ndarray, heads: int, reduction: int
) -> np.ndarray:
    batch, nodes, channels = x.shape
    keyed = x
    if reduction > 1:
        grid = math.isqrt(nodes)
        image = x.reshape(batch, grid, grid, channels)
        keyed = _reference_patches(w, f"{name}.sr", image, reduction)
        keyed = _reference_norm(w, f"{name}.norm", keyed, 1e-5)
    q = _reference_linear(w, f"{name}.q", x)
    kv = _reference_linear(w, f"{name}.kv", keyed)
    k, v = kv[:, :, :channels], kv[:, :, channels:]
    width = channels // heads
    attended = np.empty_like(x)
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        scores = np.exp(np.einsum("bnc,bmc->bnm", q[:, :, part], k[:, :, part]) / math.sqrt(width))
        scores /= scores.sum(axis=-1, keepdims=True)
        attended[:, :, part] = np.einsum("bnm,bmc->bnc", scores, v[:, :, part])
    return _reference_linear(w, f"{name}.proj", attended)


def _reference_ffn(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    hidden = _reference_linear(w, f"{name}.fc1", x)
    hidden = hidden * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2))) / 2
    return _reference_linear(w, f"{name}.fc2", hidden)


def _reference_logits(w: Weights, images: np.ndarray, depths: tuple[int, ...]) -> np.ndarray:
    image = images.transpose(0, 2, 3, 1)  # (B, H, W, C)
    x = image
    for stage in range(4):
        embed = f"patch_embed{stage + 1}"
        x = _reference_patches(w, f"{embed}.proj", image, PATCHES[stage])
        x = _reference_norm(w, f"{embed}.norm", x, 1e-5)
        if stage == 3:
            token = np.broadcast_to(w["cls_token"], (len(x), 1, x.shape[2]))
            x = np.concatenate((token, x), axis=1)
        x = x + w[f"pos_embed{stage + 1}"]
        for index in range(depths[stage]):
            block = f"block{stage + 1}.{index}"
            y = _reference_norm(w, f"{block}.norm1", x, 1e-6)
            x = x + _reference_attention(w, f"{block}.attn", y, HEADS[stage], REDUCTIONS[stage])
            x = x + _reference_ffn(w, f"{block}.mlp", _reference_norm(w, f"{block}.norm2", x, 1e-6))
        if stage < 3:
            image = x.reshape(len(x), GRIDS[stage], GRIDS[stage], -1)
    x = _reference_norm(w, "norm", x, 1e-6)
    return _reference_linear(w, "head", x)[:, 0]


@pytest.fixture(scope="module")
def double() -> nn.Module:
    """Build a small model in float64 with two blocks in the second and last stage."""
    model = _small(depths=(1, 2, 1, 2)).double().eval()
    _draw_weights(model)
    return model


def test_logits_equal_the_reference(double: nn.Module) -> None:
    images = _draw(2, 3, 224, 224)
    weights = {name: entry.numpy() for name, entry in _official(double).items()}
    wanted = _reference_logits(weights, images.numpy(), depths=(1, 2, 1, 2))
    with torch.no_grad():
        found = double(images)
    assert found.dtype == torch.float64
    assert found.std() > 0.1
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("heads", "reduction"), [(1, 4), (2, 2), (4, 8), (3, 1)])
def test_spatial_reduction_attention_equals_the_reference(heads: int, reduction: int) -> None:
    attention = SpatialReductionAttention(12, heads, grid=8, reduction=reduction).double()
    _draw_weights(attention)
    x = _draw(2, 64, 12)
    weights = {f"a.{name}": entry.numpy() for name, entry in attention.state_dict().items()}
    wanted = _reference_attention(weights, "a", x.numpy(), heads, reduction)
    with torch.no_grad():
        assert attention.reduce(x).shape == (2, 64 // reduction**2, 12)
        np.testing.assert_allclose(attention(x).numpy(), wanted, rtol=1e-11, atol=1e-11)


def test_spatial_reduction_refuses_nodes_that_make_no_map() -> None:
    attention = SpatialReductionAttention(12, heads=3, grid=8, reduction=2)
    with pytest.raises(RuntimeError, match="invalid for input of size"):
        attention(torch.zeros(1, 65, 12))


@pytest.mark.parametrize("name", DEPTHS)
def test_every_stage_has_its_shape(name: str) -> None:
    model = _meta(name)
    shapes = []
    for stage in model.stages:
        stage.blocks[-1].register_forward_hook(
            lambda _module, _args, nodes: shapes.append(nodes.shape)
        )
    assert model(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 1000)
    assert shapes == [(2, 3136, 64), (2, 784, 128), (2, 196, 320), (2, 50, 512)]
    assert tuple(len(stage.blocks) for stage in model.stages) == DEPTHS[name]


@pytest.mark.parametrize("name", DEPTHS)
def test_every_stage_attends_to_49_keys_and_the_last_to_the_class_token_too(name: str) -> None:
    model = _meta(name)
    keys = []
    for module in model.modules():
        if isinstance(module, SpatialReductionAttention):
            module.kv.register_forward_hook(lambda _module, _args, kv: keys.append(kv.shape))
    model(torch.empty(2, 3, 224, 224, device="meta"))
    wanted = [(2, 49, 128), (2, 49, 256), (2, 49, 640), (2, 50, 1024)]
    assert keys == [shape for shape, d in zip(wanted, DEPTHS[name], strict=True) for _ in range(d)]


def _expected_parameters(depths: tuple[int, ...]) -> int:
    total, before = 0, 3
    stages = zip(depths, WIDTHS, EXPANSIONS, REDUCTIONS, PATCHES, GRIDS, strict=True)
    for depth, c, e, r, p, grid in stages:
        total += before * p * p * c + c  # patch embedding
        total += 2 * c  # its normalization
        total += grid * grid * c  # position embedding
        block = 2 * 2 * c  # two normalizations
        block += (c * c + c) + (c * 2 * c + 2 * c) + (c * c + c)  # queries; keys, values; output
        block += (c * e * c + e * c) + (e * c * c + c)  # FFN
        if r > 1:
            block += (c * r * r * c + c) + 2 * c  # spatial reduction and its normalization
        total += depth * block
        before = c
    c = WIDTHS[-1]
    return total + c + c + 2 * c + (c * 1000 + 1000)  # token, its position, norm, classifier


@pytest.mark.parametrize("name", DEPTHS)
def test_parameters_are_those_of_the_formula_and_round_to_the_printed(name: str) -> None:
    found = _count(_meta(name))
    assert found == _expected_parameters(DEPTHS[name])
    assert f"{found / 1e6:.1f}" == PUBLISHED[name]


@pytest.mark.parametrize("stage", range(4))
def test_dropping_a_block_moves_the_count(stage: int) -> None:
    depths = list(DEPTHS["pvt_small"])
    depths[stage] -= 1
    found = _count(_meta("pvt_small", depths=tuple(depths)))
    assert found == _expected_parameters(tuple(depths))
    assert f"{found / 1e6:.1f}" != PUBLISHED["pvt_small"]


def test_dropping_a_block_moves_the_logits(
    double: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = _draw(1, 3, 224, 224)
    with torch.no_grad():
        before = double(images)
        monkeypatch.setitem(double.stages[1].blocks._modules, "1", nn.Identity())
        assert (double(images) - before).norm() > 1e-3 * before.norm()


def _expected_entries(depths: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """List the authors' state dict as one reads it off their constructor."""
    before = 3
    stages = zip(depths, WIDTHS, EXPANSIONS, REDUCTIONS, PATCHES, GRIDS, strict=True)
    for number, (depth, c, e, r, p, grid) in enumerate(stages, start=1):
        yield f"pos_embed{number}", (1, grid**2 + (number == 4), c)
        yield f"patch_embed{number}.proj.weight", (c, before, p, p)
        for name in ("proj.bias", "norm.weight", "norm.bias"):
            yield f"patch_embed{number}.{name}", (c,)
        shapes: dict[str, tuple[int, ...]] = {
            "norm1.weight": (c,),
            "norm1.bias": (c,),
            "attn.q.weight": (c, c),
            "attn.q.bias": (c,),
            "attn.kv.weight": (2 * c, c),
            "attn.kv.bias": (2 * c,),
            "attn.proj.weight": (c, c),
            "attn.proj.bias": (c,),
            "norm2.weight": (c,),
            "norm2.bias": (c,),
            "mlp.fc1.weight": (e * c, c),
            "mlp.fc1.bias": (e * c,),
            "mlp.fc2.weight": (c, e * c),
            "mlp.fc2.bias": (c,),
        }
        if number < 4:
            shapes |= {"attn.sr.weight": (c, c, r, r), "attn.sr.bias": (c,)}
            shapes |= {"attn.norm.weight": (c,), "attn.norm.bias": (c,)}
        for block in range(depth):
            yield from ((f"block{number}.{block}.{name}", s) for name, s in shapes.items())
        before = c
    yield "cls_token", (1, 1, 512)
    yield from (("norm.weight", (512,)), ("norm.bias", (512,)))
    yield from (("head.weight", (1000, 512)), ("head.bias", (1000,)))


@pytest.mark.parametrize("name", DEPTHS)
def test_renamed_entries_are_those_read_off_the_authors_code(name: str) -> None:
    found = {entry: tuple(tensor.shape) for entry, tensor in _official(_meta(name)).items()}
    assert found == dict(_expected_entries(DEPTHS[name]))


def test_the_authors_entries_are_renamed_to_ours() -> None:
    model = _meta("pvt_small")
    renamed = [from_official(name, OFFICIAL_NAMES) for name in _official(model)]
    assert renamed == list(model.state_dict())
    assert from_official("patch_embed5.proj.weight", OFFICIAL_NAMES) == "patch_embed5.proj.weight"


def test_a_state_under_the_authors_names_is_loaded_whole() -> None:
    model = _small()
    state = {name: entry + 1 for name, entry in _official(model).items()}
    load_authors_state_dict(model, {"model": state})
    for name, entry in _official(model).items():
        assert torch.equal(entry, state[name]), name


def test_epsilons_are_those_of_the_authors() -> None:
    norms = {n: m.eps for n, m in _meta("pvt_small").named_modules() if isinstance(m, nn.LayerNorm)}
    for name, epsilon in norms.items():
        loose = name.endswith(("patch_embed.norm", "attn.norm"))
        assert epsilon == (1e-5 if loose else 1e-6), name
    assert len(norms) == 4 + (3 + 4 + 6) + 2 * 16 + 1


def test_the_class_token_enters_in_the_last_stage_only(double: nn.Module) -> None:
    images, seen = _draw(1, 3, 224, 224), []
    hooks = [
        stage.blocks[-1].register_forward_hook(lambda _module, _args, nodes: seen.append(nodes))
        for stage in double.stages
    ]
    token = double.cls_token.detach().clone()
    with torch.no_grad():
        double(images)
        double.cls_token += 1 - 2 * (torch.arange(16) % 2)
        double(images)
        double.cls_token.copy_(token)
    for hook in hooks:
        hook.remove()
    for stage in range(3):
        assert torch.equal(seen[stage], seen[4 + stage]), stage
    assert not torch.isclose(seen[3], seen[7], rtol=1e-6, atol=1e-6).all(dim=-1).any()


def test_the_classifier_reads_the_class_token_which_stands_first(double: nn.Module) -> None:
    last = double.stages[-1]
    images = _draw(1, 3, 224, 224)
    state = {name: entry.clone() for name, entry in double.state_dict().items()}
    with torch.no_grad():
        for block in last.blocks:  # without attention no node hears of another
            nn.init.zeros_(block.attn.proj.weight)
        deaf = double(images)
        last.pos_embed[:, 1:] += _draw(16)
        assert torch.equal(double(images), deaf)
        assert torch.equal(double(images.flip(2)), deaf)
        last.pos_embed[:, 0] += _draw(16)
        assert not torch.isclose(double(images), deaf, rtol=1e-6, atol=1e-6).all()
        double.load_state_dict(state)


def test_gradients_reach_every_parameter_and_are_finite() -> None:
    torch.manual_seed(0)
    model = create_model("pvt_small", depths=(1, 1, 1, 1), num_classes=10)
    logits = model(torch.randn(2, 3, 224, 224))
    assert logits.isfinite().all()
    logits.square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_drop_path_is_active_in_training_only() -> None:
    model = _small(drop_path_rate=0.9)
    _draw_weights(model)
    images = torch.randn(4, 3, 224, 224)
    with torch.no_grad():
        assert not torch.equal(model(images), model(images))
        model.eval()
        assert torch.equal(model(images), model(images))


def test_training_without_drop_path_is_deterministic() -> None:
    model = _small()
    images = torch.randn(4, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(model(images), model(images))


def test_drop_rates_grow_linearly_from_block_to_block_through_all_stages() -> None:
    model = _small(depths=(1, 2, 1, 1), drop_path_rate=0.4)
    blocks = [block for stage in model.stages for block in stage.blocks]
    rates = [getattr(block.drop_path, "drop_prob", 0.0) for block in blocks]
    assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4], rel=1e-6, abs=0)


def test_a_fresh_model_is_initialized_as_the_authors_do() -> None:
    torch.manual_seed(0)
    model = create_model("pvt_tiny")
    embeddings = {name: p for name, p in model.named_parameters() if "pos_embed" in name}
    assert len(embeddings) == 4
    for name, parameter in {**embeddings, "cls_token": model.cls_token}.items():
        assert parameter.std().item() == pytest.approx(0.02, rel=0.15, abs=0), name
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.05, abs=0), name
            assert not module.bias.any(), name
        if isinstance(module, nn.LayerNorm):
            assert (module.weight == 1).all(), name
            assert not module.bias.any(), name


def test_the_image_alone_gives_the_logits_it_gives_in_a_batch(double: nn.Module) -> None:
    images = _draw(2, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(double(images)[1:], double(images[1:]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "shape",
    [(3, 224, 224), (1, 1, 224, 224), (1, 3, 256, 256), (1, 3, 224, 192)],
    ids=["no batch", "channels", "larger", "not square"],
)
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"^forward: want images of shape \(B, 3, 224, 224\), got"):
        _small()(torch.zeros(shape))


def test_channels_and_classes_can_be_chosen() -> None:
    model = _meta("pvt_small", in_chans=1, num_classes=7)
    assert model(torch.empty(2, 1, 224, 224, device="meta")).shape == (2, 7)


WRONG = {
    "stages": (
        {"depths": (1, 1, 1)},
        r"^PVT: want 4 entries, one per stage, .*, got 3, 4, 4, 4, 4$",
    ),
    "heads": (
        {"heads": (1, 2, 3, 8)},
        r"^PVT: want channels that heads divide, got \(64, 128, 320, 512\) and \(1, 2, 3, 8\)$",
    ),
    "reduction": (
        {"reductions": (8, 4, 2, 7)},
        r"^PVT: want no reduction in the last stage, .*, got 7$",
    ),
    "unknown": ({"depth": 2}, r"pvt_small has no setting 'depth'; did you mean 'depths'\?"),
    "rate": ({"drop_path_rate": 1.0}, r"want 0 <= drop_path_rate < 1, got 1.0$"),
}


@pytest.mark.parametrize(("settings", "message"), WRONG.values(), ids=WRONG)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        create_model("pvt_small", **settings)


def test_the_variants_are_registered() -> None:
    assert list_models("pvt*") == sorted(DEPTHS)
