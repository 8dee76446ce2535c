"""Every counting convention a verdict may rest on, declared in one place.

Each block bears its date and was written knowing the counts of the models in the tables
then encoded: which conventions exist is a fact of the field, which of them a paper used is
inferred from its own table, never chosen row by row.
"""

from reproductions.contract import Convention

PARAMETER_CONVENTIONS = (  # declared 2026-11-20
    Convention(name="all", counts="every parameter, training form, every head"),
    Convention(name="trainable", counts="parameters that receive a gradient"),
    Convention(
        name="reparameterized",
        counts="every parameter after parallel branches are merged with their own "
        "BatchNorms, nothing else folded",
    ),
    Convention(
        name="bn_folded",
        counts="every parameter after each BatchNorm is folded into the convolution or "
        "linear layer directly before it (a bias is added where there was none)",
    ),
    Convention(name="single_head", counts="every parameter except a distillation head"),
)

MULTIPLY_ACCUMULATE_CONVENTIONS = (  # declared 2026-11-20
    Convention(
        name="executed",
        counts="every multiply-accumulate of convolutions, linear layers, products of two "
        "activations and all-pairs distances, biases and clustering aside",
    ),
    Convention(
        name="executed_clustering",
        counts="`executed` and the products and distances of clustering, from the fewest to "
        "the most iterations it may take",
    ),
    Convention(
        name="executed_norm1",
        counts="`executed` and 1 per input element of each BatchNorm, LayerNorm, GroupNorm "
        "and pooling",
    ),
    Convention(
        name="executed_norm2",
        counts="`executed` and, per input element, 2 of each BatchNorm, 5 of each LayerNorm "
        "or GroupNorm, 1 of each pooling",
    ),
    Convention(
        name="conv_linear",
        counts="convolutions and linear layers alone, no product of two activations",
        sound=False,
    ),
    Convention(
        name="module_hooks",
        counts="what hooks on exactly nn.Conv2d, nn.Linear and nn.BatchNorm see, 4 per element "
        "of a BatchNorm; functional calls and layers of other libraries stay invisible",
        sound=False,
        sound_if_zero="module_hooks_missed",
    ),
)

THROUGHPUT_CONVENTIONS = (  # declared 2026-11-27
    Convention(
        name="throughput",
        counts="images of a batch over the seconds that the median iteration took",
    ),
)
