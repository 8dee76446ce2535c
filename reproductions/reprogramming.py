"""Reprogramming: what kernels of a task's own, one a channel, add to a convolutional network.

Protocol: build the network on the meta device and put behind convolutions a depthwise one of the
kernel that the placement rule says, without biases; count the elements these add, in percent of
those of the network. The rules are the three of the authors' code: a 3 x 3 kernel after every
convolution; after those with a larger window than 1 x 1 alone; after these, and a single factor a
channel after the 1 x 1 ones. ``normalization`` is what BatchNorms of a task's own would add.
Cost: under 1 s on a CPU. Source: Y. Ge et al., "CLR: Channel-wise Lightweight Reprogramming for
Continual Learning", arXiv:2307.11386; code
https://github.com/gyhandy/Channel-wise-Lightweight-Reprogramming@762f83c, network/utils.py (read,
not copied).
"""

from collections.abc import Iterable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from reproductions.catalog import ReprogrammingParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.network_size import build_network

_WINDOW = 3


@reproduction
def reprogramming(params: ReprogrammingParams, device: Device) -> Measurement:
    """Count what a task adds to ``params.model``; no device is needed for it."""
    model = build_network(params.model, params.num_classes)
    convolutions = [part for part in model.modules() if isinstance(part, nn.Conv2d)]
    larger = [one for one in convolutions if one.kernel_size != (1, 1)]
    pointwise = [one for one in convolutions if one.kernel_size == (1, 1)]
    added = {
        "every_convolution": _depthwise(convolutions, _WINDOW),
        "without_pointwise": _depthwise(larger, _WINDOW),
        "scaled_pointwise": _depthwise(larger, _WINDOW) + _depthwise(pointwise, 1),
        "normalization": sum(
            parameter.numel()
            for part in model.modules()
            if isinstance(part, _BatchNorm)
            for parameter in part.parameters()
        ),
    }
    everything = sum(parameter.numel() for parameter in model.parameters())
    return Measurement(
        values={
            name: Quantity.exact(100 * count / everything, "percent")
            for name, count in added.items()
        },
        evidence={"added": dict(added), "parameters": everything},
    )


def _depthwise(convolutions: Iterable[nn.Conv2d], window: int) -> int:
    """Count the weights of a depthwise convolution behind each of some convolutions."""
    return sum(
        nn.Conv2d(width, width, window, groups=width, bias=False, device="meta").weight.numel()
        for width in (one.out_channels for one in convolutions)
    )
