"""Decoders of language models, for their sizes alone: no weights, no forward pass.

Llama 3.2 1B: ``config.json`` of meta-llama/Llama-3.2-1B, whose output layer is its embedding.
LLaMA-7B: H. Touvron et al., "LLaMA: Open and Efficient Foundation Language Models",
arXiv:2302.13971, Table 2 and Section 2.2; a hidden width of 2/3 4d, rounded up to 11,008.
"""

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True, kw_only=True)
class LanguageModelConfig:
    """One decoder: attention with a gated feed-forward network, RMSNorm, no biases."""

    vocabulary: int
    width: int
    hidden: int
    """Width inside the feed-forward network."""
    layers: int
    heads: int
    key_value_heads: int
    tied: bool
    """Whether the output layer is the embedding."""


CONFIGS = {
    "llama_3_2_1b": LanguageModelConfig(
        vocabulary=128_256,
        width=2048,
        hidden=8192,
        layers=16,
        heads=32,
        key_value_heads=8,
        tied=True,
    ),
    "llama_7b": LanguageModelConfig(
        vocabulary=32_000,
        width=4096,
        hidden=11_008,
        layers=32,
        heads=32,
        key_value_heads=32,
        tied=False,
    ),
}


class LanguageModel(nn.Module):
    """The weights of a decoder."""

    def __init__(self, config: LanguageModelConfig) -> None:
        """Make every weight; on the meta device that takes no memory."""
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.layers = nn.ModuleList([_layer(config) for _ in range(config.layers)])
        self.norm = nn.RMSNorm(config.width)
        self.output = nn.Linear(config.width, config.vocabulary, bias=False)
        if config.tied:
            self.output.weight = self.embedding.weight

    def inner_linears(self) -> list[nn.Linear]:
        """List the linear layers inside the decoder's layers."""
        return [part for part in self.layers.modules() if isinstance(part, nn.Linear)]


def _layer(config: LanguageModelConfig) -> nn.Module:
    shared = config.width * config.key_value_heads // config.heads
    shapes = {
        "query": (config.width, config.width),
        "key": (config.width, shared),
        "value": (config.width, shared),
        "mixed": (config.width, config.width),
        "gate": (config.width, config.hidden),
        "up": (config.width, config.hidden),
        "down": (config.hidden, config.width),
    }
    parts: dict[str, nn.Module] = {
        name: nn.Linear(given, found, bias=False) for name, (given, found) in shapes.items()
    }
    norms = {name: nn.RMSNorm(config.width) for name in ("norm_attention", "norm_feed_forward")}
    return nn.ModuleDict({**parts, **norms})


def build_language_model(name: str) -> LanguageModel:
    """Build a decoder of ``CONFIGS`` on the meta device."""
    with torch.device("meta"):
        return LanguageModel(CONFIGS[name])
