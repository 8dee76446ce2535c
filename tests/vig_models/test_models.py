"""What holds of every variant: sizes, schedules, gradients, drop path, refusals."""

import pytest
import torch
from torch import nn

from vig_models import ModelError, create_model, family_of, list_models

# All parameters, and those of them that are frozen (the position tables), counted in the
# authors' models; the papers' tables print the first for ViG and the trainable rest for PViG.
PARAMETERS = {
    "clustervig_b": (134_294_992, 0),
    "clustervig_b_g4": (104_803_792, 0),
    "clustervig_b_hr": (134_671_312, 0),
    "clustervig_b_hr_g4": (105_180_112, 0),
    "clustervig_s": (35_536_032, 0),
    "clustervig_s_g4": (28_163_232, 0),
    "clustervig_ti": (11_472_304, 0),
    "greedyvig_b": (30_905_296, 0),
    "greedyvig_m": (21_928_112, 0),
    "greedyvig_s": (11_983_376, 0),
    "mobilevig_b": (26_868_506, 0),
    "mobilevig_m": (14_075_786, 0),
    "mobilevig_s": (7_276_538, 0),
    "mobilevig_ti": (5_271_074, 0),
    "mobilevigv2_b": (27_878_864, 0),
    "mobilevigv2_m": (15_471_504, 0),
    "mobilevigv2_s": (7_767_632, 0),
    "mobilevigv2_ti": (5_695_824, 0),
    "pvg_l": (86_936_188, 0),
    "pvg_m": (42_217_380, 0),
    "pvg_s": (22_054_098, 0),
    "pvig_b": (95_213_258, 2_232_930),
    "pvig_m": (51_681_930, 2_156_098),
    "pvig_s": (29_023_850, 1_771_938),
    "pvig_ti": (12_486_314, 1_771_938),
    "pvihgnn_b": (93_504_482, 2_232_930),
    "pvihgnn_m": (50_798_944, 2_156_098),
    "pvihgnn_s": (28_575_542, 1_771_938),
    "pvihgnn_ti": (12_327_926, 1_771_938),
    "pvt_large": (61_369_320, 0),
    "pvt_medium": (44_208_104, 0),
    "pvt_small": (24_485_864, 0),
    "pvt_tiny": (13_229_288, 0),
    "vig_b": (86_841_832, 0),
    "vig_s": (22_747_752, 0),
    "vig_ti": (7_184_744, 0),
    "vihgnn_b": (85_234_168, 0),
    "vihgnn_s": (22_353_528, 0),
    "vihgnn_ti": (7_081_076, 0),
}

K_OF_12_BLOCKS = [9, 9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 18]
K_OF_16_BLOCKS = [9, 9, 10, 10, 11, 12, 12, 13, 13, 14, 15, 15, 16, 16, 17, 18]

NEIGHBORS = {
    "pvig_ti": [9] * 12,
    "pvig_s": [9] * 12,
    "pvig_m": [9] * 22,
    "pvig_b": [9] * 24,
    "vig_ti": K_OF_12_BLOCKS,
    "vig_s": K_OF_16_BLOCKS,
    "vig_b": K_OF_16_BLOCKS,
}

DILATIONS = {
    "pvig_ti": [1] * 4 + [2] * 4 + [3] * 4,
    "pvig_s": [1] * 4 + [2] * 4 + [3] * 4,
    "pvig_m": [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 6,
    "pvig_b": [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 8,
    "vig_ti": [1] * 4 + [2] * 4 + [3] * 4,
    "vig_s": [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4,
    "vig_b": [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4,
}

SMALL: dict[str, dict[str, object]] = {
    "vig_ti": {"depth": 4, "channels": 16},
    "pvig_ti": {"channels": (8, 8, 16, 16), "depths": (1, 1, 1, 1)},
}


def _small(name: str, *, drop_path_rate: float = 0.0) -> nn.Module:
    torch.manual_seed(0)
    return create_model(name, num_classes=10, drop_path_rate=drop_path_rate, **SMALL[name])


def _graphers(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if type(module).__name__.endswith("Grapher")]


DECIDES_BY_DATA = ("clustervig", "vihgnn")
"""Families that cluster, and stop when their clusters stand still."""


@pytest.mark.parametrize("name", list_models())
def test_a_variant_builds_and_runs_without_memory(name: str) -> None:
    with torch.device("meta"):
        model = create_model(name, num_classes=7).eval()
        assert all(parameter.is_meta for parameter in model.parameters())
        if family_of(name) not in DECIDES_BY_DATA:
            assert model(torch.empty(2, 3, 224, 224)).shape == (2, 7)


@pytest.mark.parametrize("name", list_models())
def test_a_variant_has_the_parameters_of_the_authors(name: str) -> None:
    with torch.device("meta"):
        parameters = list(create_model(name).parameters())
    frozen = sum(p.numel() for p in parameters if not p.requires_grad)
    assert (sum(p.numel() for p in parameters), frozen) == PARAMETERS[name]


@pytest.mark.parametrize("name", list(NEIGHBORS))
def test_a_variant_has_the_neighbors_and_dilations_of_the_authors(name: str) -> None:
    with torch.device("meta"):
        graphers = _graphers(create_model(name))
    assert [grapher.num_neighbors for grapher in graphers] == NEIGHBORS[name]
    assert [grapher.dilation for grapher in graphers] == DILATIONS[name]


@pytest.mark.parametrize("name", ["vig_ti", "pvig_ti"])
def test_gradients_reach_every_trainable_parameter_and_are_finite(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name, num_classes=10)
    model(torch.randn(2, 3, 224, 224)).square().mean().backward()
    for key, parameter in model.named_parameters():
        if not parameter.requires_grad:
            assert parameter.grad is None, key
            continue
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


@pytest.mark.parametrize("name", SMALL)
def test_drop_path_is_active_in_training_only(name: str) -> None:
    model = _small(name, drop_path_rate=0.9)
    images = torch.randn(4, 3, 224, 224)
    with torch.no_grad():
        assert not torch.equal(model(images), model(images))
        model.eval()
        assert torch.equal(model(images), model(images))


@pytest.mark.parametrize("name", SMALL)
def test_training_without_drop_path_is_deterministic(name: str) -> None:
    model = _small(name)
    images = torch.randn(4, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(model(images), model(images))


@pytest.mark.parametrize("name", SMALL)
def test_drop_rates_grow_linearly_from_block_to_block(name: str) -> None:
    model = _small(name, drop_path_rate=0.3)
    blocks = [block for block in model.backbone if hasattr(block, "grapher")]
    for module in ("grapher", "ffn"):
        rates = [getattr(getattr(block, module).drop_path, "drop_prob", 0.0) for block in blocks]
        assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3], rel=1e-6, abs=0)


@pytest.mark.parametrize("name", SMALL)
def test_the_image_alone_gives_the_logits_it_gives_in_a_batch(name: str) -> None:
    model = _small(name).double().eval()
    images = torch.randn(2, 3, 224, 224, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(model(images)[1:], model(images[1:]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SMALL)
def test_neighbors_are_those_that_forward_uses(name: str) -> None:
    model = _small(name).eval()
    grapher = _graphers(model)[0]
    seen: list[torch.Tensor] = []
    conv = grapher.graph_conv
    conv.register_forward_pre_hook(lambda _, inputs: seen.extend((inputs[0], inputs[2])))
    with torch.no_grad():
        model(torch.randn(2, 3, 224, 224))
        features, used = seen
        assert torch.equal(grapher.neighbors(features), used)
    assert used.shape == (2, features[0, 0].numel(), 9)
    assert used.max() < 196


@pytest.mark.parametrize("name", SMALL)
def test_a_fresh_model_is_initialized_as_the_authors_do(name: str) -> None:
    model = _small(name)
    assert not model.pos_embed.any()
    for key, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            assert not module.bias.any(), key
            fan_in = module.weight[0].numel()
            spread = module.weight.std().item() * (fan_in / 2) ** 0.5
            assert spread == pytest.approx(1, rel=0.3, abs=0), key


@pytest.mark.parametrize("name", SMALL)
def test_an_image_of_another_size_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=r"got \(1, 3, 256, 256\); resize them"):
        _small(name)(torch.zeros(1, 3, 256, 256))


def test_channels_of_the_images_can_be_chosen() -> None:
    with torch.device("meta"):
        logits = create_model("vig_ti", in_chans=1, depth=1)(torch.empty(2, 1, 224, 224))
    assert logits.shape == (2, 1000)


def test_position_tables_are_copies_one_for_each_block() -> None:
    first, second = (grapher.relative_pos for grapher in _graphers(create_model("pvig_ti"))[:2])
    assert torch.equal(first, second)
    assert first.data_ptr() != second.data_ptr()
