"""GreedyViG: rolled maps as possible neighbors, those near enough are kept.

Paper: M. Munir, W. Avery, M. M. Rahman, R. Marculescu, "GreedyViG: Dynamic Axial Graph
Construction for Efficient Vision GNNs", CVPR 2024, arXiv:2405.06849, Section 3, Table 1.
Code: https://github.com/SLDGroup/GreedyViG@f15d39d, models/greedyvig.py (read, not copied).
Deviations: the paper speaks of Euclidean distances, the code takes the L1 norm over channels,
and mean and standard deviation from the distances to one copy of the map with its quadrants
swapped; we follow the code, which the published weights come from.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import cast

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
    check_steps,
    downsample,
    inverted_bottleneck,
    mobile_stem,
    pointwise_ffn,
    rolled_graph,
)
from vig_models.naming import Renames

OFFICIAL_NAMES: Renames = (
    ("stem.", "stem.stem."),
    ("backbone.{}.{}.branch.expand.0.", "backbone.{}.{}.dws.pw1."),
    ("backbone.{}.{}.branch.expand.1.", "backbone.{}.{}.dws.norm1."),
    ("backbone.{}.{}.branch.depthwise.0.", "backbone.{}.{}.dws.dw."),
    ("backbone.{}.{}.branch.depthwise.1.", "backbone.{}.{}.dws.norm2."),
    ("backbone.{}.{}.branch.project.0.", "backbone.{}.{}.dws.pw2."),
    ("backbone.{}.{}.branch.project.1.", "backbone.{}.{}.dws.norm3."),
    ("backbone.{}.{}.layer_scale_", "backbone.{}.{}.layer_scale_"),
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
class GreedyViGConfig:
    """One column of Table 1; the tuples have one entry per stage."""

    channels: tuple[int, ...]  # C
    local_depths: tuple[int, ...]  # blocks without a graph
    graph_depths: tuple[int, ...]  # blocks with one, behind them
    hidden_channels: int = 768  # of the head
    steps: tuple[int, ...] = (8, 4, 2, 1)  # K in the paper: rows or columns between candidates
    num_classes: int = 1000
    in_chans: int = 3
    drop_path_rate: float = 0.0  # of the last block; grows linearly from 0
    implementation: str = "fast"  # or published: how, not what, is computed


VARIANTS = {  # Table 1
    "greedyvig_s": GreedyViGConfig(
        channels=(48, 96, 192, 384), local_depths=(2, 2, 6, 2), graph_depths=(2, 2, 2, 2)
    ),
    "greedyvig_m": GreedyViGConfig(
        channels=(56, 112, 224, 448), local_depths=(3, 3, 9, 3), graph_depths=(3, 3, 3, 3)
    ),
    "greedyvig_b": GreedyViGConfig(
        channels=(64, 128, 256, 512), local_depths=(4, 4, 12, 3), graph_depths=(4, 4, 4, 3)
    ),
}


class LocalBlock(nn.Module):
    """An inverted bottleneck, scaled, around a residual."""

    def __init__(self, channels: int, drop_path_rate: float) -> None:
        """Make a block for maps of ``channels`` channels."""
        super().__init__()
        self.branch = inverted_bottleneck(channels)
        self.layer_scale_2 = nn.Parameter(torch.full((channels,), INITIAL_SCALE))
        self.drop_path = drop_path(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Update every position from its surroundings: (B, C, H, W) -> (B, C, H, W)."""
        return cast(Tensor, x + self.drop_path(_scaled(self.branch(x), self.layer_scale_2)))


class Grapher(nn.Module):
    """Dynamic Axial Graph Construction and its convolution; the residual is the block's."""

    def __init__(self, channels: int, step: int) -> None:
        """Make a Grapher for maps of ``channels`` channels."""
        super().__init__()
        self.step = step
        self.cpe = ConditionalPositionEncoding(channels)
        self.fc1 = conv_bn(channels, channels)
        self.graph_conv = conv_bn(2 * channels, channels).append(nn.GELU())
        self.fc2 = conv_bn(channels, channels)

    def shifts(self, x: Tensor) -> list[tuple[int, int]]:
        """Tell how far, and along which axis, the map is rolled; each axis starts with 0."""
        return [(shift, axis) for axis in (2, 3) for shift in range(0, x.shape[axis], self.step)]

    def threshold(self, x: Tensor) -> Tensor:
        """Estimate below which distance a position is a neighbor: (B, C, H, W) -> (B, 1, 1, 1)."""
        half = (-(-x.shape[2] // 2), -(-x.shape[3] // 2))
        distances = _distance(x, torch.roll(x, half, dims=(2, 3)))  # (B, 1, H, W)
        mean = distances.mean(dim=(2, 3), keepdim=True)
        return mean - distances.std(dim=(2, 3), keepdim=True)

    def search(self, x: Tensor) -> tuple[Tensor]:
        """Map (B, C, H, W) to features of the same shape, which decide who listens to whom."""
        return (self.fc1(self.cpe(x)),)

    def graph(self, features: Tensor) -> Graph:
        """Work out the graph of features, (B, C, H, W), as ``aggregate`` does."""
        threshold = self.threshold(features)
        shifts = [(shift, axis) for shift, axis in self.shifts(features) if shift > 0]
        kept = [
            _distance(features, torch.roll(features, shift, dims=axis)) < threshold
            for shift, axis in shifts
        ]
        itself = torch.ones_like(threshold, dtype=torch.bool).expand_as(features[:, :1])
        is_edge = torch.cat((itself, *kept), dim=1).flatten(2).transpose(1, 2)  # (B, N, K)
        graph = rolled_graph(features, shifts)
        return replace(graph, neighbors=graph.neighbors.where(is_edge, -1))

    def aggregate(self, x: Tensor) -> Tensor:
        """Compute the largest difference, neighbor minus node, itself included, (B, C, H, W)."""
        threshold = self.threshold(x)
        largest = torch.zeros_like(x)
        for shift, axis in self.shifts(x):
            rolled = torch.roll(x, shift, dims=axis)
            mask = (_distance(x, rolled) < threshold).to(x.dtype)  # (B, 1, H, W)
            largest = torch.max(largest, (rolled - x) * mask)
        return largest

    def forward(self, x: Tensor) -> Tensor:
        """Compute the update of every node from its neighbors: (B, C, H, W) -> (B, C, H, W)."""
        (features,) = self.search(x)
        paired = torch.cat((features, self.aggregate(features)), dim=1)  # (B, 2C, H, W)
        return cast(Tensor, self.fc2(self.graph_conv(paired)))


class FastGrapher(Grapher):
    """The same with half of the distances and one subtraction.

    What a roll by s compares at p, a roll by -s compares at p - s: one map of distances serves
    both. Rounding keeps order, so that the node itself can be subtracted at the end.
    """

    def aggregate(self, x: Tensor) -> Tensor:
        """Compute the largest difference, neighbor minus node, itself included, (B, C, H, W)."""
        threshold = self.threshold(x)
        tracked = x.requires_grad and torch.is_grad_enabled()
        largest = x if tracked else x.clone()
        known: dict[tuple[int, int], Tensor] = {}  # (B, 1, H, W): 0 on an edge, else -inf
        for shift, axis in self.shifts(x):
            if shift == 0:
                continue
            rolled = torch.roll(x, shift, dims=axis)
            back = (x.shape[axis] - shift, axis)
            if back in known:
                exclusion = torch.roll(known[back], shift, dims=axis)
            else:
                is_edge = _is_edge(x.detach(), rolled.detach(), threshold.detach())
                exclusion = torch.zeros_like(threshold).where(is_edge, -torch.inf)
                known[shift, axis] = exclusion
            if tracked:
                largest = torch.max(largest, rolled + exclusion)
            else:
                torch.max(largest, rolled.add_(exclusion), out=largest)
        return largest - x


def _is_edge(x: Tensor, rolled: Tensor, threshold: Tensor) -> Tensor:
    """Tell where the distance, as ``_distance`` rounds it, is below the threshold.

    On a CPU a sum is many times faster than a norm and rounds otherwise; what lies so near the
    threshold that it could matter is asked again.

    Args:
        x: (B, C, H, W).
        rolled: (B, C, H, W).
        threshold: (B, 1, 1, 1).

    Returns:
        (B, 1, H, W), bool.
    """
    exact = x.dtype in {torch.float32, torch.float64} and x.device.type == "cpu"
    if not exact or torch.compiler.is_compiling():
        return _distance(x, rolled) < threshold
    differences = (x - rolled).abs_()
    distances = differences.sum(dim=1, keepdim=True)  # (B, 1, H, W)
    is_edge = distances < threshold
    error = x.shape[1] * torch.finfo(x.dtype).eps * distances
    close = (distances - threshold).abs_() <= error
    image, _, row, column = close.nonzero(as_tuple=True)
    if len(image):
        asked = torch.norm(differences[image, :, row, column], p=1, dim=1)
        is_edge[close] = asked < threshold[image, 0, 0, 0]
    return is_edge


GRAPHERS = {"published": Grapher, "fast": FastGrapher}


class GraphBlock(nn.Module):
    """A Grapher and an FFN, each scaled and around a residual."""

    def __init__(self, grapher: Grapher, channels: int, drop_path_rate: float) -> None:
        """Make a block for maps of ``channels`` channels."""
        super().__init__()
        self.grapher = grapher
        self.ffn = pointwise_ffn(channels)
        self.layer_scale_1 = nn.Parameter(torch.full((channels,), INITIAL_SCALE))
        self.layer_scale_2 = nn.Parameter(torch.full((channels,), INITIAL_SCALE))
        self.drop_path = drop_path(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Update every node: (B, C, H, W) -> (B, C, H, W)."""
        x = x + self.drop_path(_scaled(self.grapher(x), self.layer_scale_1))
        return cast(Tensor, x + self.drop_path(_scaled(self.ffn(x), self.layer_scale_2)))


class GreedyViG(Classifier):
    """Stem, four stages of local blocks then graph blocks, two heads."""

    def __init__(self, config: GreedyViGConfig) -> None:
        """Build and initialize the model that ``config`` describes."""
        super().__init__()
        check_steps("GreedyViG", config.steps)
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


Model = GreedyViG
"""What ``create_model`` builds."""


def _scaled(x: Tensor, scale: Tensor) -> Tensor:
    """Scale each channel: (B, C, H, W) by (C,)."""
    return scale[:, None, None] * x


def _distance(x: Tensor, other: Tensor) -> Tensor:
    """Compute the L1 distance at each position: (B, C, H, W) twice -> (B, 1, H, W)."""
    distance: Tensor = torch.norm(x - other, p=1, dim=1, keepdim=True)
    return distance


def _stages(config: GreedyViGConfig) -> nn.Sequential:
    """Make the stages; the drop rate grows from block to block through all of them."""
    depth = sum(config.local_depths) + sum(config.graph_depths)
    rates = iter(linear_schedule(0.0, config.drop_path_rate, depth))
    stages = nn.Sequential()
    settings = zip(
        config.channels, config.local_depths, config.graph_depths, config.steps, strict=True
    )
    for index, (channels, local, graphs, step) in enumerate(settings):
        stage = nn.Sequential()
        if index > 0:
            stage.append(downsample(config.channels[index - 1], channels))
        for _ in range(local):
            stage.append(LocalBlock(channels, next(rates)))
        for _ in range(graphs):
            grapher = GRAPHERS[config.implementation](channels, step)
            stage.append(GraphBlock(grapher, channels, next(rates)))
        stages.append(stage)
    return stages
