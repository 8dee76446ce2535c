"""Random weights made a fair null model: every BatchNorm is given the statistics of its inputs.

A fresh BatchNorm believes that its inputs have mean 0 and variance 1, which holds nowhere in a deep
network of random weights; features would grow or die from layer to layer.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def calibrate(model: nn.Module, batches: Iterable[Tensor]) -> int:
    """Set the running statistics of every BatchNorm to their average over some batches.

    Each layer normalizes by the batch while it learns, as in training; weights stay as they are.

    Args:
        model: in eval mode, and left so.
        batches: images, (B, C, H, W) each, normalized, on the device of the model.

    Returns:
        How many images there were.
    """
    norms = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    before = [part.momentum for part in norms]
    for part in norms:
        part.reset_running_stats()
        part.momentum = None  # the plain average over the batches
        part.train()
    seen = 0
    for images in batches:
        model(images)
        seen += len(images)
    for part, momentum in zip(norms, before, strict=True):
        part.eval()
        part.momentum = momentum
    return seen
