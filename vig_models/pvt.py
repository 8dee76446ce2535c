"""PVT (version 1): attention whose keys and values come from a strided, smaller map.

Paper: W. Wang, E. Xie, X. Li, D.-P. Fan, K. Song, D. Liang, T. Lu, P. Luo, L. Shao, "Pyramid
Vision Transformer: A Versatile Backbone for Dense Prediction without Convolutions", ICCV 2021,
arXiv:2102.12122, Section 3, Table 1.
Code: https://github.com/whai362/PVT@3328051, classification/pvt.py (read, not copied).
Deviations: none known from the code in what the variants compute at 224 x 224. Left out are its
dropouts (rate 0 in every variant), its resampling of the position embeddings (at 224 x 224 they
come out as they went in), and ``pvt_huge_v2``, which is not in the paper. As there, the layer
normalizations of patch embedding and spatial reduction keep torch's epsilon and the others have
1e-6. Attention is written as product, softmax, product, which is what the authors run, so that
a counter of operations sees both products.
Equality with the authors' code: logits of pvt_small and pvt_large equal those of the file named
above, run in float64 with weights anyone can regenerate (tests/vig_models/golden); no checkpoint
of the authors' has been loaded.

There is no graph: N counts the patches of a stage, M the keys left by spatial reduction, and
the class token of the last stage makes N + 1 of N.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import cast

import torch
from torch import Tensor, nn

from vig_models.classifier import Classifier
from vig_models.errors import ModelError
from vig_models.head import LinearHead
from vig_models.layers import (
    IMAGE_SIZE,
    LINEAR_SPREAD,
    check_images,
    drop_path,
    initialize_linears,
    linear_schedule,
)
from vig_models.naming import Renames

GRIDS = tuple(IMAGE_SIZE // stride for stride in (4, 8, 16, 32))
"""Rows and columns of the patches in each stage."""

BLOCK_EPSILON = 1e-6
"""Of the layer normalizations in the blocks and before the classifier; the others have 1e-5."""

OFFICIAL_NAMES: Renames = (
    ("head.fc.", "head."),
    *(
        pair
        for stage in range(len(GRIDS))
        for pair in (
            (f"stages.{stage}.patch_embed.", f"patch_embed{stage + 1}."),
            (f"stages.{stage}.pos_embed", f"pos_embed{stage + 1}"),
            (f"stages.{stage}.blocks.{{}}.ffn.", f"block{stage + 1}.{{}}.mlp."),
            (f"stages.{stage}.blocks.", f"block{stage + 1}."),
        )
    ),
)
"""Prefixes of our state-dict entries and of the authors'."""


@dataclass(frozen=True, kw_only=True)
class PVTConfig:
    """One column of Table 1; the tuples have one entry per stage."""

    depths: tuple[int, ...]  # L, blocks, each attention then an FFN
    channels: tuple[int, ...] = (64, 128, 320, 512)  # C
    heads: tuple[int, ...] = (1, 2, 5, 8)  # N in the table
    expansions: tuple[int, ...] = (8, 8, 4, 4)  # E, hidden width of the FFN over C
    reductions: tuple[int, ...] = (8, 4, 2, 1)  # R, side of the patches that make the keys
    num_classes: int = 1000
    in_chans: int = 3
    drop_path_rate: float = 0.0  # of the last block; grows linearly from 0
    implementation: str = "fast"  # or published: how, not what, is computed


VARIANTS = {  # Table 1
    "pvt_tiny": PVTConfig(depths=(2, 2, 2, 2)),
    "pvt_small": PVTConfig(depths=(3, 4, 6, 3)),
    "pvt_medium": PVTConfig(depths=(3, 4, 18, 3)),
    "pvt_large": PVTConfig(depths=(3, 8, 27, 3)),
}


class PatchEmbed(nn.Module):
    """A linear map of each patch, as a convolution, then layer normalization."""

    def __init__(self, in_channels: int, channels: int, patch: int) -> None:
        """Make an embedding of ``patch`` x ``patch`` pixels in ``channels`` channels."""
        super().__init__()
        self.proj = nn.Conv2d(in_channels, channels, patch, stride=patch)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Embed the patches of a map: (B, in_channels, H * patch, W * patch) -> (B, N, C)."""
        nodes = self.proj(x).flatten(2).transpose(1, 2)  # (B, N, C)
        return cast(Tensor, self.norm(nodes))


class SpatialReductionAttention(nn.Module):
    """Attention of every node to the nodes of a map that is ``reduction`` times smaller."""

    def __init__(self, channels: int, heads: int, grid: int, reduction: int) -> None:
        """Make attention for maps of ``grid`` x ``grid`` nodes; with reduction 1, for any nodes."""
        super().__init__()
        self.heads = heads
        self.scale = (channels // heads) ** -0.5
        self.grid = grid
        self.reduction = reduction
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)
        if reduction > 1:
            self.sr = nn.Conv2d(channels, channels, reduction, stride=reduction)
            self.norm = nn.LayerNorm(channels)

    def reduce(self, x: Tensor) -> Tensor:
        """Make the nodes that keys and values come from: (B, N, C) -> (B, M, C)."""
        if self.reduction == 1:
            return x
        reduced = self.sr(_as_map(x, self.grid)).flatten(2).transpose(1, 2)  # (B, M, C)
        return cast(Tensor, self.norm(reduced))

    def forward(self, x: Tensor) -> Tensor:
        """Attend: (B, N, C) -> (B, N, C)."""
        queries = self._split(self.q(x))  # (B, heads, N, C / heads)
        keys, values = self.kv(self.reduce(x)).chunk(2, dim=-1)  # (B, M, C) each
        keys, values = self._split(keys), self._split(values)  # (B, heads, M, C / heads) each
        attention = (queries @ keys.transpose(2, 3)) * self.scale  # (B, heads, N, M)
        attended = attention.softmax(dim=-1) @ values  # (B, heads, N, C / heads)
        return cast(Tensor, self.proj(attended.transpose(1, 2).flatten(2)))  # (B, N, C)

    def _split(self, x: Tensor) -> Tensor:
        batch, nodes, _ = x.shape
        return x.reshape(batch, nodes, self.heads, -1).transpose(1, 2)  # (B, heads, N, C / heads)


class FFN(nn.Module):
    """Two linear layers, ``expansion`` times as wide between them."""

    def __init__(self, channels: int, expansion: int) -> None:
        """Make an FFN for nodes of ``channels`` channels."""
        super().__init__()
        self.fc1 = nn.Linear(channels, expansion * channels)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(expansion * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map every node by itself: (B, N, C) -> (B, N, C)."""
        return cast(Tensor, self.fc2(self.act(self.fc1(x))))


class Block(nn.Module):
    """Attention, then an FFN, each normalized before and around a residual."""

    def __init__(
        self, attention: SpatialReductionAttention, ffn: FFN, channels: int, drop_path_rate: float
    ) -> None:
        """Make a block for nodes of ``channels`` channels."""
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=BLOCK_EPSILON)
        self.attn = attention
        self.norm2 = nn.LayerNorm(channels, eps=BLOCK_EPSILON)
        self.ffn = ffn
        self.drop_path = drop_path(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Update every node: (B, N, C) -> (B, N, C)."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return cast(Tensor, x + self.drop_path(self.ffn(self.norm2(x))))


class Stage(nn.Module):
    """Patch embedding, position embedding, blocks.

    ``pos_embed``, (1, N, C), or (1, N + 1, C) in the last stage, the class token first.
    """

    def __init__(self, patch_embed: PatchEmbed, pos_embed: Tensor, blocks: list[Block]) -> None:
        """Put a stage together; ``pos_embed`` becomes a parameter."""
        super().__init__()
        self.patch_embed = patch_embed
        self.pos_embed = nn.Parameter(pos_embed)
        self.blocks = nn.Sequential(*blocks)

    def embed(self, x: Tensor, token: Tensor | None = None) -> Tensor:
        """Make the nodes that the blocks update.

        Args:
            x: images, or the map of the stage before, (B, C before, H before, W before).
            token: what goes before the nodes of every image, (1, 1, C).

        Returns:
            Nodes, (B, N, C), or (B, N + 1, C) with a token.
        """
        nodes = self.patch_embed(x)  # (B, N, C)
        if token is not None:
            nodes = torch.cat((token.expand(len(x), -1, -1), nodes), dim=1)  # (B, N + 1, C)
        return cast(Tensor, nodes + self.pos_embed)


class PVT(Classifier):
    """Pyramid Vision Transformer: four stages, a class token in the last, classifier."""

    def __init__(self, config: PVTConfig) -> None:
        """Build and initialize the model that ``config`` describes.

        Raises:
            ModelError: if the settings of the stages do not fit each other.
        """
        super().__init__()
        _check_stages(config)
        self.config = config
        channels = config.channels[-1]
        self.stages = _stages(config)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, channels))
        self.norm = nn.LayerNorm(channels, eps=BLOCK_EPSILON)
        self.head = LinearHead(channels, config.num_classes)
        _initialize(self)

    def forward_features(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Compute the tokens behind the last block, normalized.

        Args:
            images: (B, in_chans, 224, 224), normalized as in training.
            generator: not used.

        Returns:
            (B, N + 1, C), the class token first.

        Raises:
            ModelError: for images of another shape.
        """
        check_images(images, self.config.in_chans)
        x = images
        *others, last = cast(Iterable[Stage], self.stages)
        for stage, grid in zip(others, GRIDS, strict=False):
            x = _as_map(self._update(stage, stage.embed(x)), grid)  # (B, C, H, W)
        return cast(Tensor, self.norm(self._update(last, last.embed(x, self.cls_token))))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Classify by the class token: (B, N + 1, C) -> (B, num_classes) or (B, C)."""
        return cast(Tensor, self.head(x[:, 0], pre_logits=pre_logits))

    def _update(self, stage: Stage, nodes: Tensor) -> Tensor:
        for block in stage.blocks:
            nodes = self._run(block, nodes, None)
        return nodes


Model = PVT
"""What ``create_model`` builds."""


def _as_map(nodes: Tensor, grid: int) -> Tensor:
    """Lay nodes out in rows: (B, N, C) -> (B, C, H, W)."""
    batch, _, channels = nodes.shape
    return nodes.transpose(1, 2).reshape(batch, channels, grid, grid)


def _check_stages(config: PVTConfig) -> None:
    per_stage = (
        config.depths,
        config.channels,
        config.heads,
        config.expansions,
        config.reductions,
    )
    if any(len(setting) != len(GRIDS) for setting in per_stage):
        raise ModelError(
            f"PVT: want {len(GRIDS)} entries, one per stage, in depths, channels, heads, "
            f"expansions and reductions, got {', '.join(str(len(s)) for s in per_stage)}"
        )
    if any(c % h for c, h in zip(config.channels, config.heads, strict=True)):
        raise ModelError(
            f"PVT: want channels that heads divide, got {config.channels} and {config.heads}"
        )
    if config.reductions[-1] != 1:
        raise ModelError(
            "PVT: want no reduction in the last stage, whose class token is not on the map, "
            f"got {config.reductions[-1]}"
        )


def _stages(config: PVTConfig) -> nn.ModuleList:
    """Make the four stages; the drop rate grows from block to block through all of them."""
    rates = iter(linear_schedule(0.0, config.drop_path_rate, sum(config.depths)))
    settings = zip(
        pairwise((IMAGE_SIZE, *GRIDS)),
        pairwise((config.in_chans, *config.channels)),
        config.depths,
        config.heads,
        config.expansions,
        config.reductions,
        strict=True,
    )
    stages = nn.ModuleList()
    for (side, grid), (before, channels), depth, heads, expansion, reduction in settings:
        blocks = []
        for rate in islice(rates, depth):
            attention = SpatialReductionAttention(channels, heads, grid, reduction)
            blocks.append(Block(attention, FFN(channels, expansion), channels, rate))
        patch_embed = PatchEmbed(before, channels, patch=side // grid)
        num_positions = grid**2 + (grid == GRIDS[-1])  # the last stage has a class token
        stages.append(Stage(patch_embed, torch.zeros(1, num_positions, channels), blocks))
    return stages


def _initialize(model: PVT) -> None:
    """Draw the weights as the authors do; convolutions and normalizations keep torch's."""
    embeddings = [parameter for name, parameter in model.named_parameters() if "pos_embed" in name]
    for embedding in (*embeddings, model.cls_token):
        nn.init.normal_(embedding, std=LINEAR_SPREAD)
    initialize_linears(model)
