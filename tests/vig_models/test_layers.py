"""Layers: what they drop, draw and refuse."""

import pytest
import torch
from torch import nn

from vig_models import ModelError
from vig_models.layers import (
    FFN,
    check_images,
    conv_stem,
    drop_path,
    initialize_convs,
    linear_schedule,
)


def test_a_linear_schedule_has_both_ends_whatever_the_default_device() -> None:
    with torch.device("meta"):
        assert linear_schedule(9, 18, 4) == [9.0, 12.0, 15.0, 18.0]


def test_a_drop_rate_of_zero_is_the_identity() -> None:
    assert isinstance(drop_path(0.0), nn.Identity)


def test_drop_path_drops_whole_images_in_training_and_scales_the_rest() -> None:
    torch.manual_seed(0)
    dropped = drop_path(0.75).train()(torch.ones(1000, 2, 1, 1)).flatten(1)
    assert torch.equal(dropped[:, 0], dropped[:, 1])
    assert set(dropped.unique().tolist()) == {0.0, 4.0}
    assert 0.2 < (dropped[:, 0] > 0).float().mean() < 0.3


def test_an_ffn_with_a_silent_branch_is_the_identity() -> None:
    ffn = FFN(channels=4).eval()
    nn.init.zeros_(ffn.fc2[0].weight)
    nn.init.zeros_(ffn.fc2[0].bias)
    x = torch.randn(2, 4, 3, 3)
    assert torch.equal(ffn(x), x)


def test_a_stem_ends_without_activation() -> None:
    stem = conv_stem(3, widths=(4, 8), strides=(2, 1))
    kinds = [type(layer).__name__ for layer in stem]
    assert kinds == ["Conv2d", "BatchNorm2d", "GELU", "Conv2d", "BatchNorm2d"]
    assert stem(torch.zeros(2, 3, 8, 8)).shape == (2, 8, 4, 4)


def test_convolutions_are_drawn_he_normal_with_zero_bias() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 256, kernel_size=3, groups=2)
    initialize_convs(nn.Sequential(conv))
    expected = (2 / (32 * 9)) ** 0.5  # inputs of one output: channels of a group x kernel
    assert conv.weight.std().item() == pytest.approx(expected, rel=0.02, abs=0)
    assert conv.bias is not None
    assert not conv.bias.any()


@pytest.mark.parametrize(
    "shape",
    [(3, 224, 224), (1, 1, 224, 224), (1, 3, 256, 256), (1, 3, 224, 192)],
    ids=["no batch", "channels", "larger", "not square"],
)
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"^forward: want images of shape \(B, 3, 224, 224\), got"):
        check_images(torch.zeros(shape), in_chans=3)
