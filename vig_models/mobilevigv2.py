"""MobileViGv2: static graphs of four rolled maps, also at higher resolutions.

Paper: W. Avery, M. Munir, R. Marculescu, "Scaling Graph Convolutions for Mobile Vision", CVPR
Workshops 2024, arXiv:2406.05850, Sections 3 and 4.
Code: https://github.com/SLDGroup/MobileViGv2@582976d, models/mobilevigv2.py (read, not copied).
Deviations: the code counts drop rates on only after blocks with a graph, so that the local
blocks before the first of them have rate 0 and the last block stays below ``drop_path_rate``;
we follow the code. Its options that no variant uses are left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn

from vig_models.classifier import Classifier
from vig_models.graph import Graph
from vig_models.head import OFFICIAL_DISTILLED_NAMES, Head
from vig_models.layers import (
    ConditionalPositionEncoding,
    conv_bn,
    drop_path,
    initialize_convs,
    linear_schedule,
)
from vig_models.mobile_layers import (
    INITIAL_SCALE,
    check_any_size,
    downsample,
    inverted_bottleneck,
    mobile_stem,
    pointwise_ffn,
    rolled_graph,
)
from vig_models.naming import Renames

OFFICIAL_NAMES: Renames = (
    ("stem.", "stem.stem."),
    ("backbone.{}.{}.layer_scale_", "backbone.{}.{}.layer_scale_"),
    ("backbone.{}.{}.branch.expand.0.", "backbone.{}.{}.dws.pw1."),
    ("backbone.{}.{}.branch.expand.1.", "backbone.{}.{}.dws.norm1."),
    ("backbone.{}.{}.branch.depthwise.0.", "backbone.{}.{}.dws.dw."),
    ("backbone.{}.{}.branch.depthwise.1.", "backbone.{}.{}.dws.norm2."),
    ("backbone.{}.{}.branch.project.0.", "backbone.{}.{}.dws.pw2."),
    ("backbone.{}.{}.branch.project.1.", "backbone.{}.{}.dws.norm3."),
    ("backbone.{}.{}.grapher.graph_conv.", "backbone.{}.{}.mixer.graph_conv.nn."),
    ("backbone.{}.{}.grapher.", "backbone.{}.{}.mixer."),
    ("backbone.{}.{}.ffn.project.0.", "backbone.{}.{}.ffn.3."),
    ("backbone.{}.{}.ffn.project.1.", "backbone.{}.{}.ffn.4."),
    ("backbone.{}.{}.ffn.expand.", "backbone.{}.{}.ffn."),
    ("backbone.{}.{}.", "backbone.{}.{}.conv."),  # downsampling
    *OFFICIAL_DISTILLED_NAMES,
)
"""Prefixes of our state-dict entries and of the authors'."""


@dataclass(frozen=True, kw_only=True)
class MobileViGv2Config:
    """One variant; the tuples have one entry per stage."""

    channels: tuple[int, ...]  # C
    local_depths: tuple[int, ...]  # blocks without a graph
    graph_depths: tuple[int, ...]  # blocks with one, behind them
    hidden_channels: int = 512  # of the head
    steps: tuple[int, ...] = (0, 8, 4, 2)  # K in the paper: rows or columns to a neighbor
    num_classes: int = 1000
    in_chans: int = 3
    drop_path_rate: float = 0.0  # see Deviations
    implementation: str = "fast"  # or published: how, not what, is computed


VARIANTS = {  # Section 4 of the paper, Table 1 of its supplement
    "mobilevigv2_ti": MobileViGv2Config(
        channels=(32, 64, 128, 256), local_depths=(2, 2, 6, 2), graph_depths=(0, 2, 2, 2)
    ),
    "mobilevigv2_s": MobileViGv2Config(
        channels=(32, 64, 128, 256), local_depths=(3, 3, 9, 3), graph_depths=(0, 3, 3, 3)
    ),
    "mobilevigv2_m": MobileViGv2Config(
        channels=(32, 64, 192, 384), local_depths=(3, 3, 9, 3), graph_depths=(0, 3, 3, 3)
    ),
    "mobilevigv2_b": MobileViGv2Config(
        channels=(64, 128, 256, 512),
        local_depths=(3, 3, 9, 3),
        graph_depths=(0, 3, 3, 3),
        hidden_channels=768,
    ),
}


class LocalBlock(nn.Module):
    """An inverted bottleneck, scaled, around a residual."""

    def __init__(self, channels: int, drop_path_rate: float) -> None:
        """Make a block for maps of ``channels`` channels."""
        super().__init__()
        self.branch = inverted_bottleneck(channels)
        self.layer_scale_1 = nn.Parameter(torch.full((channels, 1, 1), INITIAL_SCALE))
        self.drop_path = drop_path(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Update every position from its surroundings: (B, C, H, W) -> (B, C, H, W)."""
        return cast(Tensor, x + self.drop_path(self.layer_scale_1 * self.branch(x)))


class Grapher(nn.Module):
    """Mobile Graph Convolution behind a position encoding; the residual is the block's."""

    def __init__(self, channels: int, step: int) -> None:
        """Make a Grapher for maps of ``channels`` channels."""
        super().__init__()
        self.cpe = ConditionalPositionEncoding(channels)
        self.fc1 = conv_bn(channels, channels)
        self.graph_conv = conv_bn(2 * channels, channels).append(nn.GELU())
        self.fc2 = conv_bn(channels, channels)
        self.shifts = ((step, 2), (-step, 2), (step, 3), (-step, 3))

    def search(self, x: Tensor) -> tuple[Tensor]:
        """Map (B, C, H, W) to features of the same shape; their size alone decides who listens."""
        return (self.fc1(self.cpe(x)),)

    def graph(self, features: Tensor) -> Graph:
        """Describe the graph of features that a search has found, (B, C, H, W)."""
        return rolled_graph(features, self.shifts)

    def aggregate(self, x: Tensor) -> Tensor:
        """Compute the largest difference, neighbor minus node, itself included, (B, C, H, W)."""
        largest = x
        for shift, axis in self.shifts:
            largest = torch.max(largest, torch.roll(x, shift, dims=axis))
        return largest - x

    def forward(self, x: Tensor) -> Tensor:
        """Compute the update of every node from its neighbors: (B, C, H, W) -> (B, C, H, W)."""
        (features,) = self.search(x)
        paired = torch.cat((features, self.aggregate(features)), dim=1)  # (B, 2C, H, W)
        return cast(Tensor, self.fc2(self.graph_conv(paired)))


class GraphBlock(nn.Module):
    """A Grapher and an FFN, each scaled and around a residual."""

    def __init__(self, channels: int, step: int, drop_path_rate: float) -> None:
        """Make a block for maps of ``channels`` channels."""
        super().__init__()
        self.grapher = Grapher(channels, step)
        self.ffn = pointwise_ffn(channels)
        self.layer_scale_1 = nn.Parameter(torch.full((channels, 1, 1), INITIAL_SCALE))
        self.layer_scale_2 = nn.Parameter(torch.full((channels, 1, 1), INITIAL_SCALE))
        self.drop_path = drop_path(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Update every node: (B, C, H, W) -> (B, C, H, W)."""
        x = x + self.drop_path(self.layer_scale_1 * self.grapher(x))
        return cast(Tensor, x + self.drop_path(self.layer_scale_2 * self.ffn(x)))


class MobileViGv2(Classifier):
    """Stem, four stages of local blocks then graph blocks, two heads."""

    def __init__(self, config: MobileViGv2Config) -> None:
        """Build and initialize the model that ``config`` describes."""
        super().__init__()
        self.config = config
        self.stem = mobile_stem(config.in_chans, config.channels[0])
        self.backbone = _stages(config)
        self.head = Head(
            config.channels[-1],
            config.num_classes,
            hidden_channels=config.hidden_channels,
            distilled=True,
        )
        initialize_convs(self)

    def embed(self, images: Tensor) -> Tensor:
        """Make the first map: (B, in_chans, H, W) -> (B, C, H / 4, W / 4).

        Raises:
            ModelError: for images with other channels, or smaller than 32 x 32.
        """
        check_any_size(images, self.config.in_chans)
        return cast(Tensor, self.stem(images))

    def layers(self) -> Iterator[nn.Module]:
        """Go through the layers of all stages."""
        yield from chain.from_iterable(cast(Iterator[nn.Sequential], self.backbone))


Model = MobileViGv2
"""What ``create_model`` builds."""


def undo_reparameterization(state: Mapping[str, Any]) -> dict[str, Any]:
    """Take the identity out of position encodings that the authors merged it into.

    Args:
        state: entries by our names; merged encodings have the authors' name ``reparam_conv``.

    Returns:
        The same with ``pe`` in its place: equal outputs, up to rounding.
    """
    undone = {}
    for name, entry in state.items():
        if name.endswith(".cpe.reparam_conv.weight") and isinstance(entry, Tensor):
            rows, columns = entry.shape[2:]
            entry = entry.clone()  # noqa: PLW2901 - the checkpoint stays as it was
            entry[:, 0, rows // 2, columns // 2] -= 1
        undone[name.replace(".cpe.reparam_conv.", ".cpe.pe.")] = entry
    return undone


def _stages(config: MobileViGv2Config) -> nn.Sequential:
    """Make the stages; the drop rate goes on behind each block with a graph only."""
    depth = sum(config.local_depths) + sum(config.graph_depths)
    rates = iter(linear_schedule(0.0, config.drop_path_rate, depth))
    rate = next(rates)
    stages = nn.Sequential()
    settings = zip(
        config.channels, config.local_depths, config.graph_depths, config.steps, strict=True
    )
    for index, (channels, local, graphs, step) in enumerate(settings):
        stage = nn.Sequential()
        if index > 0:
            stage.append(downsample(config.channels[index - 1], channels))
        for _ in range(local):
            stage.append(LocalBlock(channels, rate))
        for _ in range(graphs):
            stage.append(GraphBlock(channels, step, rate))
            rate = next(rates, rate)  # behind the last block there is none
        stages.append(stage)
    return stages
