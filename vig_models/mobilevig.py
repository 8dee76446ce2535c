"""MobileViG: convolutions at high resolution, then a static graph of rolled maps.

Paper: M. Munir, W. Avery, R. Marculescu, "MobileViG: Graph-Based Sparse Attention for Mobile
Vision Applications", CVPR Workshops 2023, arXiv:2307.00395, Sections 3.2 and 3.3, Table 1.
Code: https://github.com/SLDGroup/MobileViG@087df4f, models/mobilevig.py (read, not copied).
Deviations: the code aggregates node minus neighbor, not neighbor minus node as the paper's
max-relative convolution has it; we follow the code, which the published weights come from.
There is no position embedding. The paper's training drops paths at rate 0.1, fixed in the
code; here ``drop_path_rate`` says it.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import cast

import torch
from torch import Tensor, nn

from vig_models.classifier import Classifier
from vig_models.graph import Graph
from vig_models.head import OFFICIAL_DISTILLED_NAMES, Head
from vig_models.layers import FFN, conv_bn, drop_path, initialize_convs, linear_schedule
from vig_models.mobile_layers import (
    INITIAL_SCALE,
    check_any_size,
    check_steps,
    downsample,
    inverted_bottleneck,
    mobile_stem,
    rolled_graph,
)
from vig_models.naming import Renames

OFFICIAL_NAMES: Renames = (
    ("stem.", "stem.stem."),
    ("local.{}.layer_scale", "local_backbone.{}.layer_scale_2"),
    ("local.{}.branch.expand.0.", "local_backbone.{}.mlp.fc1."),
    ("local.{}.branch.expand.1.", "local_backbone.{}.mlp.norm1."),
    ("local.{}.branch.depthwise.0.", "local_backbone.{}.mlp.mid."),
    ("local.{}.branch.depthwise.1.", "local_backbone.{}.mlp.mid_norm."),
    ("local.{}.branch.project.0.", "local_backbone.{}.mlp.fc2."),
    ("local.{}.branch.project.1.", "local_backbone.{}.mlp.norm2."),
    ("local.{}.", "local_backbone.{}.conv."),  # downsampling
    ("backbone.{}.grapher.graph_conv.", "backbone.{}.0.graph_conv.nn."),
    ("backbone.{}.grapher.", "backbone.{}.0."),
    ("backbone.{}.ffn.", "backbone.{}.1."),
    *OFFICIAL_DISTILLED_NAMES,
)
"""Prefixes of our state-dict entries and of the authors'."""


@dataclass(frozen=True, kw_only=True)
class MobileViGConfig:
    """One column of Table 1; the tuples have one entry per stage, the last with a graph."""

    channels: tuple[int, ...]  # C
    depths: tuple[int, ...]  # blocks; in the last stage each a Grapher then an FFN
    hidden_channels: int  # of the head
    step: int = 2  # K in the paper: rows and columns between neighbors
    num_classes: int = 1000
    in_chans: int = 3
    drop_path_rate: float = 0.0  # of the last block; grows linearly from 0
    implementation: str = "fast"  # or published: how, not what, is computed


VARIANTS = {  # Table 1
    "mobilevig_ti": MobileViGConfig(
        channels=(42, 84, 168, 256), depths=(2, 2, 6, 2), hidden_channels=512
    ),
    "mobilevig_s": MobileViGConfig(
        channels=(42, 84, 176, 256), depths=(3, 3, 9, 3), hidden_channels=512
    ),
    "mobilevig_m": MobileViGConfig(
        channels=(42, 84, 224, 400), depths=(3, 3, 9, 3), hidden_channels=768
    ),
    "mobilevig_b": MobileViGConfig(
        channels=(42, 84, 240, 464), depths=(5, 5, 15, 5), hidden_channels=768
    ),
}


class LocalBlock(nn.Module):
    """An inverted bottleneck, scaled, around a residual."""

    def __init__(self, channels: int, drop_path_rate: float) -> None:
        """Make a block for maps of ``channels`` channels."""
        super().__init__()
        self.branch = inverted_bottleneck(channels)
        self.layer_scale = nn.Parameter(torch.full((channels, 1, 1), INITIAL_SCALE))
        self.drop_path = drop_path(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Update every position from its surroundings: (B, C, H, W) -> (B, C, H, W)."""
        return cast(Tensor, x + self.drop_path(self.layer_scale * self.branch(x)))


class Grapher(nn.Module):
    """Sparse Vision Graph Attention between two linear layers, around a residual."""

    def __init__(self, channels: int, step: int, drop_path_rate: float) -> None:
        """Make a Grapher for maps of ``channels`` channels."""
        super().__init__()
        self.step = step
        self.fc1 = conv_bn(channels, channels)
        self.graph_conv = conv_bn(2 * channels, 2 * channels).append(nn.GELU())
        self.fc2 = conv_bn(2 * channels, channels)
        self.drop_path = drop_path(drop_path_rate)

    def shifts(self, x: Tensor) -> Iterator[tuple[int, int]]:
        """Tell how far, and along which axis, the map is rolled: a step, two steps, ..."""
        for axis in (2, 3):
            yield from ((shift, axis) for shift in range(self.step, x.shape[axis], self.step))

    def search(self, x: Tensor) -> tuple[Tensor]:
        """Map (B, C, H, W) to features of the same shape; their size alone decides who listens."""
        return (self.fc1(x),)

    def graph(self, features: Tensor) -> Graph:
        """Describe the graph of features that a search has found, (B, C, H, W)."""
        return rolled_graph(features, self.shifts(features))

    def aggregate(self, x: Tensor) -> Tensor:
        """Compute the largest difference, node minus neighbor, itself included, (B, C, H, W)."""
        largest = x - x
        for shift, axis in self.shifts(x):
            largest = torch.max(largest, x - torch.roll(x, shift, dims=axis))
        return largest

    def forward(self, x: Tensor) -> Tensor:
        """Update every node from its neighbors: (B, C, H, W) -> (B, C, H, W)."""
        (features,) = self.search(x)
        paired = torch.cat((features, self.aggregate(features)), dim=1)  # (B, 2C, H, W)
        return cast(Tensor, self.drop_path(self.fc2(self.graph_conv(paired))) + x)


class FastGrapher(Grapher):
    """The same with one subtraction: the largest difference is that from the smallest neighbor."""

    def aggregate(self, x: Tensor) -> Tensor:
        """Compute the largest difference, node minus neighbor, itself included, (B, C, H, W)."""
        smallest = x
        for shift, axis in self.shifts(x):
            smallest = torch.min(smallest, torch.roll(x, shift, dims=axis))
        return x - smallest


GRAPHERS = {"published": Grapher, "fast": FastGrapher}


class MobileViG(Classifier):
    """Stem, three stages of local blocks, one of graph blocks, two heads."""

    def __init__(self, config: MobileViGConfig) -> None:
        """Build and initialize the model that ``config`` describes."""
        super().__init__()
        check_steps("MobileViG", [config.step])
        self.config = config
        rates = iter(linear_schedule(0.0, config.drop_path_rate, sum(config.depths)))
        self.stem = mobile_stem(config.in_chans, config.channels[0])
        self.local = _local(config, rates)
        self.backbone = _graph_blocks(config, rates)
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
        """Go through the local blocks, then the graph blocks."""
        yield from chain(self.local, self.backbone)


Model = MobileViG
"""What ``create_model`` builds."""


def _local(config: MobileViGConfig, rates: Iterator[float]) -> nn.Sequential:
    """Make the blocks without a graph, a downsampling behind each stage of them."""
    layers: list[nn.Module] = []
    following = config.channels[1:]
    for channels, depth, wider in zip(config.channels, config.depths, following, strict=False):
        layers += [LocalBlock(channels, rate) for rate in islice(rates, depth)]
        layers.append(downsample(channels, wider))
    return nn.Sequential(*layers)


def _graph_blocks(config: MobileViGConfig, rates: Iterator[float]) -> nn.Sequential:
    channels = config.channels[-1]
    blocks = []
    for rate in islice(rates, config.depths[-1]):
        grapher = GRAPHERS[config.implementation](channels, config.step, rate)
        blocks.append(nn.Sequential(OrderedDict(grapher=grapher, ffn=FFN(channels, rate))))
    return nn.Sequential(*blocks)
