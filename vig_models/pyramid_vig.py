"""Pyramid ViG: k-nearest-neighbor graphs over patches at four resolutions.

Paper: K. Han, Y. Wang, J. Guo, Y. Tang, E. Wu, "Vision GNN: An Image is Worth Graph of Nodes",
NeurIPS 2022, arXiv:2206.00272, Section 3, Table 2.
Code: https://github.com/huawei-noah/Efficient-AI-Backbones@f90e129, vig_pytorch/pyramid_vig.py
(read, not copied).
Deviations: none from the code in what the variants compute. Its options that no variant
uses are left out: stochastic dilation, and the resampling of ``relative_pos`` for other input
sizes, which the position embedding forbids.
"""

from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vig_models import fast_graph
from vig_models.classifier import Classifier
from vig_models.graph import (
    Graph,
    dilated_knn,
    dilation_schedule,
    relative_position_table,
)
from vig_models.graph_convs import OFFICIAL_NAMES as CONV_NAMES
from vig_models.graph_convs import make_graph_conv
from vig_models.head import Head
from vig_models.layers import (
    FFN,
    IMAGE_SIZE,
    check_images,
    conv_bn,
    conv_stem,
    drop_path,
    initialize_convs,
    linear_schedule,
)
from vig_models.naming import Renames

GRIDS = tuple(IMAGE_SIZE // stride for stride in (4, 8, 16, 32))
"""Rows and columns of the node map in each stage."""

OFFICIAL_NAMES: Renames = (
    ("stem.", "stem.convs."),
    *(
        (f"backbone.{{}}.grapher.{ours}", f"backbone.{{}}.0.{theirs}")
        for ours, theirs in CONV_NAMES
    ),
    ("backbone.{}.grapher.", "backbone.{}.0."),
    ("backbone.{}.ffn.", "backbone.{}.1."),
    ("backbone.{}.", "backbone.{}.conv."),  # downsampling
    ("head.fc.", "prediction.4."),
    ("head.hidden.", "prediction."),
)
"""Prefixes of our state-dict entries and of the authors'."""


@dataclass(frozen=True, kw_only=True)
class PyramidViGConfig:
    """One column of Table 2; the tuples have one entry per stage."""

    channels: tuple[int, ...]  # C
    depths: tuple[int, ...]  # blocks, each a Grapher then an FFN
    reductions: tuple[int, ...] = (4, 2, 1, 1)  # side of the pooling that makes the keys
    neighbors: int = 9  # K
    graph_conv: str = "max_relative"  # or edge, gin, sage: see graph_convs.py
    num_classes: int = 1000
    in_chans: int = 3
    drop_path_rate: float = 0.0  # of the last block; grows linearly from 0
    implementation: str = "fast"  # or published: how, not what, is computed


VARIANTS = {  # Table 2
    "pvig_ti": PyramidViGConfig(channels=(48, 96, 240, 384), depths=(2, 2, 6, 2)),
    "pvig_s": PyramidViGConfig(channels=(80, 160, 400, 640), depths=(2, 2, 6, 2)),
    "pvig_m": PyramidViGConfig(channels=(96, 192, 384, 768), depths=(2, 2, 16, 2)),
    "pvig_b": PyramidViGConfig(channels=(128, 256, 512, 1024), depths=(2, 2, 18, 2)),
}


class Grapher(nn.Module):
    """A max-relative graph convolution whose neighbors come from a pooled map.

    ``relative_pos``, (1, N, M), is a frozen parameter: derived from the shape of the
    map, never trained, yet among ``parameters()`` as in the authors' model.
    """

    find_neighbors = staticmethod(dilated_knn)

    def __init__(
        self,
        config: PyramidViGConfig,
        stage: int,
        dilation: int,
        relative_pos: Tensor,
        drop_path_rate: float,
    ) -> None:
        """Make a Grapher for the maps of a stage; ``relative_pos`` is copied."""
        super().__init__()
        channels, reduction = config.channels[stage], config.reductions[stage]
        self.num_neighbors = config.neighbors
        self.dilation = dilation
        self.reduction = reduction
        self.relative_pos = nn.Parameter(relative_pos.clone(), requires_grad=False)
        self.fc1 = conv_bn(channels, channels)
        self.graph_conv = make_graph_conv(config.graph_conv, channels, config.implementation)
        self.fc2 = conv_bn(2 * channels, channels)
        self.drop_path = drop_path(drop_path_rate)

    def keys(self, x: Tensor) -> Tensor:
        """Pool the nodes that may be neighbors: (B, C, H, W) -> (B, C, H / r, W / r)."""
        return functional.avg_pool2d(x, self.reduction, self.reduction) if self.reduction > 1 else x

    def neighbors(self, x: Tensor, keys: Tensor | None = None) -> Tensor:
        """Find the neighbors of every node.

        Args:
            x: the map behind ``fc1``, (B, C, H, W).
            keys: ``self.keys(x)``, where it is at hand already.

        Returns:
            Indices into the M positions of the pooled map, (B, N, K), nearest first.
        """
        keys = self.keys(x) if keys is None else keys  # (B, C, H / r, W / r)
        nodes = x.flatten(2)  # (B, C, N)
        among = nodes if keys is x else keys.flatten(2)  # (B, C, M)
        return self.find_neighbors(
            nodes, among, self.num_neighbors, self.dilation, self.relative_pos
        )

    def search(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (B, C, H, W) to features of the same shape, keys, and neighbors, (B, N, K)."""
        features = self.fc1(x)
        keys = self.keys(features)  # (B, C, H / r, W / r)
        return features, keys, self.neighbors(features, keys)

    def graph(self, features: Tensor, keys: Tensor, neighbors: Tensor) -> Graph:
        """Describe what a search has found: (B, C, H, W), (B, C, H / r, W / r) and (B, N, K)."""
        return Graph(nodes=features.flatten(2), keys=keys.flatten(2), neighbors=neighbors)

    def forward(self, x: Tensor) -> Tensor:
        """Update every node from its neighbors: (B, C, H, W) -> (B, C, H, W)."""
        features, keys, neighbors = self.search(x)
        updated = self.graph_conv(features, keys, neighbors)  # (B, 2C, H, W)
        return cast(Tensor, self.drop_path(self.fc2(updated)) + x)


class FastGrapher(Grapher):
    """The same, with fewer passes over the distances."""

    find_neighbors = staticmethod(fast_graph.dilated_knn)


GRAPHERS = {"published": Grapher, "fast": FastGrapher}


class PyramidViG(Classifier):
    """Pyramid Vision GNN: stem, four stages of blocks, average pooling, classifier."""

    def __init__(self, config: PyramidViGConfig) -> None:
        """Build and initialize the model that ``config`` describes."""
        super().__init__()
        self.config = config
        channels = config.channels[0]
        widths = (channels // 2, channels, channels)
        self.stem = conv_stem(config.in_chans, widths, strides=(2, 2, 1))
        self.pos_embed = nn.Parameter(torch.zeros(1, channels, GRIDS[0], GRIDS[0]))
        self.backbone = _backbone(config)
        self.head = Head(config.channels[-1], config.num_classes)
        initialize_convs(self)

    def embed(self, images: Tensor) -> Tensor:
        """Make the nodes: (B, in_chans, 224, 224) -> (B, C, 56, 56).

        Raises:
            ModelError: for images of another shape.
        """
        check_images(images, self.config.in_chans)
        return cast(Tensor, self.stem(images) + self.pos_embed)


Model = PyramidViG
"""What ``create_model`` builds."""


def _backbone(config: PyramidViGConfig) -> nn.Sequential:
    """Make the blocks of all stages in a row, with a downsampling before stages 2, 3 and 4."""
    depth = sum(config.depths)
    dilations = dilation_schedule(depth, GRIDS[-1] ** 2 // config.neighbors)
    rates = linear_schedule(0.0, config.drop_path_rate, depth)
    schedule = zip(dilations, rates, strict=True)
    layers: list[nn.Module] = []
    stages = zip(GRIDS, config.channels, config.depths, config.reductions, strict=True)
    for stage, (grid, channels, blocks, reduction) in enumerate(stages):
        if stage > 0:
            layers.append(conv_bn(config.channels[stage - 1], channels, kernel=3, stride=2))
        relative_pos = relative_position_table(grid, channels, reduction)
        for dilation, rate in islice(schedule, blocks):
            grapher = GRAPHERS[config.implementation](config, stage, dilation, relative_pos, rate)
            layers.append(nn.Sequential(OrderedDict(grapher=grapher, ffn=FFN(channels, rate))))
    return nn.Sequential(*layers)
