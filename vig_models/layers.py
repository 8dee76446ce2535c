"""Layers that several Vision-GNN papers define identically.

Source: https://github.com/huawei-noah/Efficient-AI-Backbones@f90e129,
vig_pytorch/vig.py and pyramid_vig.py (read, not copied).
"""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from timm.layers.drop import DropPath
from torch import Tensor, nn

from vig_models.errors import ModelError

IMAGE_SIZE = 224
"""Side in pixels of the images every variant with a position embedding was made for."""


LINEAR_SPREAD = 0.02
"""Standard deviation of fresh linear weights and embeddings in vision transformers.

Their authors cut the distribution at 2, a hundred standard deviations away, where nothing falls.
"""


def linear_schedule(start: float, end: float, steps: int) -> list[float]:
    """Return ``steps`` evenly spaced numbers, both ends included.

    In float32 as in the authors' code, since some are truncated to integers; on the CPU
    whatever the default device, since they are needed as numbers.

    Example:
        >>> linear_schedule(0, 0.5, 3)
        [0.0, 0.25, 0.5]
    """
    numbers = torch.linspace(start, end, steps, dtype=torch.float32, device="cpu").tolist()
    return cast(list[float], numbers)


def drop_path(rate: float) -> nn.Module:
    """Make the layer that drops a residual branch per image, in training, scaling the rest up."""
    return DropPath(rate) if rate > 0 else nn.Identity()


def conv_bn(
    in_channels: int, out_channels: int, *, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Make a convolution with bias and half-kernel padding, then batch normalization."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


def conv_stem(in_chans: int, widths: Sequence[int], strides: Sequence[int]) -> nn.Sequential:
    """Make 3 x 3 convolutions, each normalized, with GELU between them but not after the last."""
    layers: list[nn.Module] = []
    for (before, after), stride in zip(pairwise((in_chans, *widths)), strides, strict=True):
        layers += [*conv_bn(before, after, kernel=3, stride=stride), nn.GELU()]
    return nn.Sequential(*layers[:-1])


class FFN(nn.Module):
    """Two 1 x 1 convolutions, four times as wide between them, around a residual."""

    def __init__(self, channels: int, drop_path_rate: float = 0.0) -> None:
        """Make an FFN for maps of ``channels`` channels."""
        super().__init__()
        self.fc1 = conv_bn(channels, 4 * channels)
        self.act = nn.GELU()
        self.fc2 = conv_bn(4 * channels, channels)
        self.drop_path = drop_path(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Update every position by itself: (B, C, H, W) -> (B, C, H, W)."""
        branch = self.fc2(self.act(self.fc1(x)))
        return cast(Tensor, self.drop_path(branch) + x)


class DrawingBlock(nn.Module):
    """A Grapher that draws random numbers, also in evaluation, then an FFN."""

    draws = True

    def __init__(self, grapher: nn.Module, ffn: FFN) -> None:
        """Put a block together."""
        super().__init__()
        self.grapher = grapher
        self.ffn = ffn

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Update every node: (B, C, H, W) -> (B, C, H, W)."""
        return cast(Tensor, self.ffn(self.grapher(x, generator)))


class ConditionalPositionEncoding(nn.Module):
    """A 7 x 7 depthwise convolution of the map, added to it (arXiv:2102.10882, Section 4)."""

    def __init__(self, channels: int) -> None:
        """Make an encoding for maps of ``channels`` channels."""
        super().__init__()
        self.pe = nn.Conv2d(channels, channels, kernel_size=7, padding=3, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """Add to every position what surrounds it: (B, C, H, W) -> (B, C, H, W)."""
        return cast(Tensor, self.pe(x) + x)

    @torch.no_grad()
    def fused(self) -> nn.Conv2d:
        """Return one convolution that does both: the identity is a weight of 1 at the center."""
        merged = copy.deepcopy(self.pe)
        rows, columns = merged.weight.shape[2:]
        merged.weight[:, 0, rows // 2, columns // 2] += 1
        return merged


def initialize_convs(model: nn.Module) -> None:
    """Draw every convolution of ``model`` as the authors do: He-normal weights, zero biases."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def initialize_linears(model: nn.Module) -> None:
    """Draw every linear layer of ``model`` as vision transformers do: N(0, 0.02), zero biases."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=LINEAR_SPREAD)
            nn.init.zeros_(module.bias)


def check_images(images: Tensor, in_chans: int) -> None:
    """Check that ``images`` is (B, in_chans, 224, 224).

    Raises:
        ModelError: for any other shape.
    """
    if images.shape[1:] != (in_chans, IMAGE_SIZE, IMAGE_SIZE):
        raise ModelError(
            f"forward: want images of shape (B, {in_chans}, {IMAGE_SIZE}, {IMAGE_SIZE}), "
            f"got {tuple(images.shape)}; resize them, the position embedding has a fixed size"
        )
