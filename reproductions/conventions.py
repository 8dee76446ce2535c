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

NETWORK_SIZE_CONVENTIONS = (  # declared 2026-11-27
    Convention(name="deployed", counts="every parameter of the network that is deployed"),
    Convention(name="training", counts="`deployed` and classifiers that only training attaches"),
)

STORAGE_CONVENTIONS = (  # declared 2026-11-27
    Convention(name="decimal", counts="bytes of all tensors, in units of 10^6"),
    Convention(name="binary", counts="bytes of all tensors, in units of 2^20"),
    Convention(name="file_decimal", counts="bytes of a file of them, in units of 10^6"),
    Convention(name="file_binary", counts="bytes of a file of them, in units of 2^20"),
)

SAVED_ACTIVATIONS_CONVENTIONS = (  # declared 2026-11-27
    Convention(name="share", counts="bytes kept for the backward pass, of these and the weights"),
    Convention(
        name="share_with_adam",
        counts="bytes kept for the backward pass, of these, the weights, one gradient "
        "and Adam's two moments",
    ),
)

REPROGRAMMING_CONVENTIONS = (  # declared 2026-11-27
    Convention(name="every_convolution", counts="a 3 x 3 kernel a channel after each convolution"),
    Convention(
        name="without_pointwise",
        counts="a 3 x 3 kernel a channel after each convolution with a larger window",
    ),
    Convention(
        name="scaled_pointwise",
        counts="`without_pointwise` and a factor a channel after each 1 x 1 convolution",
    ),
)

COMMUNICATION_VOLUME_CONVENTIONS = (  # declared 2026-11-27
    Convention(
        name="cut_at_random",
        counts="features sent where each device holds a part of a graph cut at random, "
        "over those sent where it holds some of the layers",
    ),
    Convention(
        name="cut_well",
        counts="the same of a graph that is cut where few edges are",
    ),
)

EXPERT_OVERHEAD_CONVENTIONS = (  # declared 2026-11-27
    Convention(
        name="pooled",
        counts="parameters of an expert and a gate that read the mean of each feature map",
    ),
    Convention(
        name="readout",
        counts="parameters of an expert and a gate that read the last hidden layer",
    ),
)
