"""PVG: Progressive Vision Graph, a static branch and a growing dynamic one side by side.

Paper: J. Wu, J. Li, J. Zhang, B. Zhang, M. Chi, Y. Wang, C. Wang, "PVG: Progressive Vision Graph
for Vision Recognition", ACM Multimedia 2023, arXiv:2308.00574, Section 3.
Code: https://github.com/wujiafu007/PVG@b64f5c4 (read, not copied).
Deviations: the paper has S, M and B, the code S, M and L (86.9 M parameters, larger than the
paper's B); no B was released. The paper's local branch is a static graph, the code's a
depthwise convolution. We follow the code. Maps are channel-last between blocks, as there. Images
whose sides are not multiples of 32 are refused, where the code rounds the map up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vig_models.classifier import Classifier
from vig_models.errors import ModelError
from vig_models.graph_convs import GROUPS
from vig_models.head import LinearHead
from vig_models.layers import (
    IMAGE_SIZE,
    LINEAR_SPREAD,
    conv_bn,
    conv_stem,
    drop_path,
    initialize_linears,
    linear_schedule,
)
from vig_models.naming import Renames
from vig_models.pvg_grapher import FastGraphLU, Grapher, GraphLU

GRIDS = tuple(IMAGE_SIZE // stride for stride in (4, 8, 16, 32))
"""Rows and columns of the node map in each stage, for images of 224 pixels."""

EPSILON = 1e-6
"""Of the layer normalizations."""

INITIAL_SCALE = 1e-6
"""Of a fresh layer scale."""

SCALED_STAGES = (2, 3)
"""Stages whose blocks scale their branches."""

OFFICIAL_NAMES: Renames = (
    ("stem.0.", "patch_embed.proj1."),
    ("stem.1.", "patch_embed.norm1."),
    ("stem.3.", "patch_embed.proj2."),
    ("stem.4.", "patch_embed.norm2."),
    ("head.fc.", "head."),
    *(
        pair
        for stage in range(len(GRIDS))
        for pair in (
            (f"stages.{stage}.downsample.0.", f"patch_embed{stage + 1}.proj."),
            (f"stages.{stage}.downsample.1.", f"patch_embed{stage + 1}.norm."),
            (f"stages.{stage}.pos_embed", f"pos_embed{stage + 1}"),
            *(
                (f"stages.{stage}.blocks.{{}}.{ours}", f"blocks{stage + 1}.{{}}.{theirs}")
                for ours, theirs in (
                    ("grapher.local.linear.", "graph.StaticGraph.GraphConv.gconv.conv1."),
                    ("grapher.local.depthwise.", "graph.StaticGraph.GraphConv.gconv.proj1."),
                    ("grapher.dynamic.update.", "graph.DyGraph.GraphConv.gconv.nn."),
                    ("grapher.enhance.", "graph.get_le."),
                    ("grapher.", "graph."),
                    ("", ""),
                )
            ),
        )
    ),
)
"""Prefixes of our state-dict entries and of the authors'."""


@dataclass(frozen=True, kw_only=True)
class PVGConfig:
    """One variant; the tuples have one entry per stage."""

    channels: tuple[int, ...]  # C
    depths: tuple[int, ...]  # blocks
    dynamic: tuple[tuple[int, int], ...]  # channels of the dynamic branch, for how many blocks
    reductions: tuple[int, ...] = (2, 2, 1, 1)  # side of the average pooling that makes the keys
    num_classes: int = 1000
    in_chans: int = 3
    drop_path_rate: float = 0.0  # of the last block; grows linearly from 0
    implementation: str = "fast"  # or published: how, not what, is computed


VARIANTS = {
    "pvg_s": PVGConfig(
        channels=(96, 192, 320, 384),
        depths=(2, 3, 12, 4),
        dynamic=((32, 2), (96, 3), (224, 6), (288, 6), (352, 4)),
    ),
    "pvg_m": PVGConfig(
        channels=(96, 192, 384, 512),
        depths=(4, 6, 14, 6),
        dynamic=((32, 4), (96, 6), (256, 7), (320, 7), (480, 6)),
    ),
    "pvg_l": PVGConfig(
        channels=(96, 192, 448, 640),
        depths=(4, 6, 24, 8),
        dynamic=((32, 4), (96, 6), (320, 12), (384, 12), (608, 8)),
    ),
}


class MLP(nn.Module):
    """Two linear layers, four times as wide between them."""

    def __init__(self, channels: int, implementation: str) -> None:
        """Make the layers."""
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.act = GraphLU() if implementation == "published" else FastGraphLU()
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map every node by itself: (..., C) -> (..., C)."""
        return cast(Tensor, self.fc2(self.act(self.fc1(x))))


class Block(nn.Module):
    """A Grapher, then an MLP, each normalized before and around a residual."""

    def __init__(
        self, grapher: Grapher, mlp: MLP, channels: int, drop_path_rate: float, scaled: bool
    ) -> None:
        """Make a block for nodes of ``channels`` channels."""
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=EPSILON)
        self.grapher = grapher
        self.norm2 = nn.LayerNorm(channels, eps=EPSILON)
        self.mlp = mlp
        self.drop_path = drop_path(drop_path_rate)
        self.scaled = scaled
        if scaled:
            self.layer_scale_1 = nn.Parameter(torch.full((channels,), INITIAL_SCALE))
            self.layer_scale_2 = nn.Parameter(torch.full((channels,), INITIAL_SCALE))

    def forward(self, x: Tensor) -> Tensor:
        """Update every node: (B, H, W, C) -> (B, H, W, C)."""
        graph = self.grapher(self.norm1(x))
        x = x + self.drop_path(self.layer_scale_1 * graph if self.scaled else graph)
        mapped = self.mlp(self.norm2(x))
        return cast(
            Tensor, x + self.drop_path(self.layer_scale_2 * mapped if self.scaled else mapped)
        )


class Stage(nn.Module):
    """Downsampling, position embedding, blocks. ``pos_embed``: (1, H, W, C)."""

    def __init__(
        self, downsample: nn.Module | None, pos_embed: Tensor, blocks: list[Block]
    ) -> None:
        """Put a stage together; ``pos_embed`` becomes a parameter."""
        super().__init__()
        self.downsample = downsample
        self.pos_embed = nn.Parameter(pos_embed)
        self.blocks = nn.Sequential(*blocks)

    def embed(self, x: Tensor) -> Tensor:
        """Make the nodes of the stage.

        Args:
            x: map of the stem or of the stage before, (B, C before, H before, W before).

        Returns:
            (B, H, W, C).
        """
        nodes = (x if self.downsample is None else self.downsample(x)).permute(0, 2, 3, 1)
        embedding: Tensor = self.pos_embed
        rows, columns = nodes.shape[1:3]
        if rows * columns != embedding.shape[1] * embedding.shape[2]:
            resized = functional.interpolate(
                embedding.permute(0, 3, 1, 2), size=(rows, columns), mode="bilinear"
            )
            embedding = resized.permute(0, 2, 3, 1)
        return cast(Tensor, nodes + embedding)


class PVG(Classifier):
    """Stem, four stages of blocks, mean over the nodes, a linear classifier."""

    def __init__(self, config: PVGConfig) -> None:
        """Build and initialize the model that ``config`` describes.

        Raises:
            ModelError: if the settings of the stages do not fit each other.
        """
        super().__init__()
        _check_stages(config)
        self.config = config
        first = config.channels[0]
        self.stem = conv_stem(config.in_chans, (first // 2, first), strides=(2, 2))
        self.stages = nn.ModuleList(_stages(config))
        self.norm = nn.LayerNorm(config.channels[-1], eps=EPSILON)
        self.head = LinearHead(config.channels[-1], config.num_classes)
        _initialize(self)

    def forward_features(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Compute the nodes behind the last block, normalized.

        Args:
            images: (B, in_chans, H, W), H and W multiples of 32 and at least 160.
            generator: not used.

        Returns:
            (B, C, H / 32, W / 32).

        Raises:
            ModelError: for images of another shape.
        """
        _check_images(images, self.config.in_chans)
        x = self.stem(self.lay_out(images))  # (B, C, H / 4, W / 4)
        for stage in cast(Iterator[Stage], self.stages):
            nodes = stage.embed(x)  # (B, H, W, C)
            for block in stage.blocks:
                nodes = self._run(block, nodes, None)
            x = nodes.permute(0, 3, 1, 2)  # (B, C, H, W)
        return cast(Tensor, self.norm(nodes).permute(0, 3, 1, 2))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Classify by the mean over the nodes: (B, C, H, W) -> (B, num_classes) or (B, C)."""
        return cast(Tensor, self.head(x.flatten(2).mean(dim=-1), pre_logits=pre_logits))


Model = PVG
"""What ``create_model`` builds."""


def _widths(config: PVGConfig) -> list[int]:
    """List the channels of the dynamic branch of every block."""
    return [width for width, blocks in config.dynamic for _ in range(blocks)]


def _check_stages(config: PVGConfig) -> None:
    per_stage = (config.channels, config.depths, config.reductions)
    if any(len(setting) != len(GRIDS) for setting in per_stage):
        raise ModelError(
            f"PVG: want {len(GRIDS)} entries, one per stage, in channels, depths and reductions, "
            f"got {', '.join(str(len(setting)) for setting in per_stage)}"
        )
    widths = _widths(config)
    if len(widths) != sum(config.depths):
        raise ModelError(
            f"PVG: want dynamic for the {sum(config.depths)} blocks of depths {config.depths}, "
            f"got {config.dynamic} for {len(widths)}; give both"
        )
    stages = zip(config.channels, config.depths, strict=True)
    around = [channels for channels, depth in stages for _ in range(depth)]
    for width, channels in zip(widths, around, strict=True):
        if width % GROUPS or not 0 < width < channels:
            raise ModelError(
                f"PVG: want dynamic channels that {GROUPS} groups divide, more than 0 and fewer "
                f"than the {channels} of their stage, got {width}"
            )


def _check_images(images: Tensor, in_chans: int) -> None:
    least = 32 * 5  # 25 nodes in the last stage; 18 are searched for
    shape = list(images.shape[1:])
    sides = shape[1:]
    known = [*shape[:1], len(sides)] == [in_chans, 2]
    if not known or any(side % 32 or side < least for side in sides):
        raise ModelError(
            f"forward: want images of shape (B, {in_chans}, H, W), H and W multiples of 32 and at "
            f"least {least}, got {tuple(images.shape)}"
        )


def _stages(config: PVGConfig) -> Iterator[Stage]:
    rates = linear_schedule(0.0, config.drop_path_rate, sum(config.depths))
    schedule = zip(_widths(config), rates, strict=True)
    settings = zip(GRIDS, config.channels, config.depths, config.reductions, strict=True)
    for index, (grid, channels, depth, reduction) in enumerate(settings):
        before = config.channels[index - 1]
        downsample = conv_bn(before, channels, kernel=3, stride=2) if index > 0 else None
        blocks = [
            Block(
                Grapher(channels, width, reduction, config.implementation),
                MLP(channels, config.implementation),
                channels,
                rate,
                scaled=index in SCALED_STAGES,
            )
            for width, rate in islice(schedule, depth)
        ]
        yield Stage(downsample, torch.zeros(1, grid, grid, channels), blocks)


def _initialize(model: PVG) -> None:
    """Draw the weights as the authors do: everything that multiplies from N(0, 0.02)."""
    initialize_linears(model)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=LINEAR_SPREAD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, Stage):
            nn.init.normal_(module.pos_embed, std=LINEAR_SPREAD)
