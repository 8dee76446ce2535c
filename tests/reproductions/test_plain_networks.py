"""Networks by their tables: known counts, a forward pass, and torchvision's where it has them."""

import pytest
import torch
from torch import nn

from reproductions.catalog_networks import PLAIN_NETWORKS
from reproductions.plain_networks import AUXILIARY, NETWORKS, build_plain_network

# As counted by the works or by many after them; GoogLeNet with both auxiliary classifiers.
COUNTS = {
    "alexnet": (1000, 60_965_224),
    "googlenet": (1000, 13_378_280),
    "lenet5": (10, 61_706),
    "simplenet": (10, 5_498_378),
    "wrn_40_2": (10, 2_243_546),
}
IMAGES = {
    "alexnet": (3, 227, 227),
    "googlenet": (3, 224, 224),
    "lenet5": (1, 32, 32),
    "simplenet": (3, 32, 32),
    "wrn_40_2": (3, 32, 32),
}


def test_the_names_that_claims_may_use_are_those_that_can_be_built():
    assert PLAIN_NETWORKS == tuple(sorted(NETWORKS)) == tuple(COUNTS)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_known_number_of_parameters(name):
    num_classes, count = COUNTS[name]
    with torch.device("meta"):
        model = build_plain_network(name, num_classes)
    assert sum(p.numel() for p in model.parameters()) == count


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_runs_in_training_mode(name):
    with torch.device("meta"):
        model = build_plain_network(name, 7)
    assert model(torch.empty(2, *IMAGES[name], device="meta")).shape == (2, 7)


def test_auxiliary_classifiers_fit_the_maps_they_read():
    with torch.device("meta"):
        heads = getattr(build_plain_network("googlenet", 7), AUXILIARY)
    shapes = [
        head(torch.empty(2, channels, 14, 14, device="meta")).shape
        for head, channels in zip(heads.values(), (512, 528), strict=True)
    ]
    assert shapes == [(2, 7), (2, 7)]


def _reference_wide_residual_layers(depth, widen):
    """Count weights as the paper's Table 1 lists them: convolutions, BatchNorms, linear."""
    blocks, channels, total = (depth - 4) // 6, 16, 3 * 16 * 9
    for width in (16 * widen, 32 * widen, 64 * widen):
        for block in range(blocks):
            given = channels if block == 0 else width
            total += given * width * 9 + width * width * 9 + 2 * given + 2 * width
            total += given * width if given != width else 0
        channels = width
    return total + 2 * channels + channels * 10 + 10


def test_the_wide_residual_network_is_that_of_the_table():
    with torch.device("meta"):
        model = build_plain_network("wrn_40_2", 10)
    assert sum(p.numel() for p in model.parameters()) == _reference_wide_residual_layers(40, 2)
    inside = [part for part in model.modules() if isinstance(part, nn.Conv2d)]
    assert sum(part.kernel_size == (3, 3) for part in inside) == 37  # 1 and 3 x 6 x 2
