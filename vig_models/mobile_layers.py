"""Layers that MobileViG, MobileViGv2 and GreedyViG define identically.

Source: https://github.com/SLDGroup/MobileViG@087df4f, MobileViGv2@582976d and
GreedyViG@f15d39d (read, not copied).
"""

from collections import OrderedDict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from vig_models.errors import ModelError
from vig_models.graph import Graph
from vig_models.layers import conv_bn, conv_stem

LEAST_SIDE = 32
"""Side in pixels of the smallest images: one position is left on the last map."""

INITIAL_SCALE = 1e-5
"""Of a fresh layer scale."""


def mobile_stem(in_chans: int, channels: int) -> nn.Sequential:
    """Make two strided 3 x 3 convolutions: (B, in_chans, H, W) -> (B, C, H / 4, W / 4)."""
    stem = conv_stem(in_chans, (channels // 2, channels), strides=(2, 2))
    return stem.append(nn.GELU())


def downsample(in_channels: int, out_channels: int) -> nn.Sequential:
    """Make the step to the next stage: (B, in, H, W) -> (B, out, H / 2, W / 2)."""
    return conv_bn(in_channels, out_channels, kernel=3, stride=2)


def pointwise_ffn(channels: int) -> nn.Sequential:
    """Make the branch that maps every position by itself, four times as wide inside."""
    return nn.Sequential(
        OrderedDict(
            expand=conv_bn(channels, 4 * channels).append(nn.GELU()),
            project=conv_bn(4 * channels, channels),
        )
    )


def inverted_bottleneck(channels: int) -> nn.Sequential:
    """Make the branch of a local block: wider, 3 x 3 depthwise, narrow again."""
    wide = 4 * channels
    return nn.Sequential(
        OrderedDict(
            expand=conv_bn(channels, wide).append(nn.GELU()),
            depthwise=conv_bn(wide, wide, kernel=3, groups=wide).append(nn.GELU()),
            project=conv_bn(wide, channels),
        )
    )


def rolled_graph(x: Tensor, shifts: Iterable[tuple[int, int]]) -> Graph:
    """Make the graph that compares every position with shifted copies of the map.

    Args:
        x: (B, C, H, W).
        shifts: positions and axis (2 or 3) that the map is rolled by, for each neighbor.

    Returns:
        A graph whose neighbors, (B, N, 1 + number of shifts), are each position itself, then
        what each roll brings there.
    """
    images, _, rows, columns = x.shape
    positions = torch.arange(rows * columns, device=x.device).view(rows, columns)
    rolled = [torch.roll(positions, shift, dims=axis - 2) for shift, axis in shifts]
    listed = [brought.flatten() for brought in (positions, *rolled)]
    neighbors = torch.stack(listed, dim=-1).expand(images, -1, -1)  # (B, N, K)
    nodes = x.flatten(2)
    return Graph(nodes=nodes, keys=nodes, neighbors=neighbors)


def check_steps(model: str, steps: Iterable[int]) -> None:
    """Check that rolled maps move.

    Raises:
        ModelError: a step is less than 1.
    """
    for step in steps:
        if step < 1:
            raise ModelError(f"{model}: want steps of 1 or more between neighbors, got {step}")


def check_any_size(images: Tensor, in_chans: int) -> None:
    """Check that ``images`` is (B, in_chans, H, W), large enough for five halvings.

    Raises:
        ModelError: for any other shape.
    """
    shape = list(images.shape[1:])
    if shape[:1] != [in_chans] or len(shape) != len("CHW") or min(shape[1:]) < LEAST_SIDE:
        raise ModelError(
            f"forward: want images of shape (B, {in_chans}, H, W), H and W at least {LEAST_SIDE}, "
            f"got {tuple(images.shape)}"
        )
