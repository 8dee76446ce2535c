"""The inference form of a model: parallel branches merged, BatchNorm folded into what precedes it.

Exact up to rounding: in evaluation BatchNorm is one scale and shift per channel, and a
convolution that is added to its own input is a convolution. Source: the fusion of a
convolution and a BatchNorm is torch's (``torch.nn.utils.fusion``).
"""

import copy
from itertools import pairwise
from typing import Protocol, TypeVar, runtime_checkable

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Model = TypeVar("Model", bound=nn.Module)


@runtime_checkable
class Fusible(Protocol):
    """A layer that knows a shorter form of itself."""

    def fused(self) -> nn.Module:
        """Return a layer that computes the same in evaluation, with fewer operations."""


def fuse(model: Model) -> Model:
    """Copy a model in the form that inference should run.

    Args:
        model: a model of this package, in either mode; it is left as it was.

    Returns:
        A copy in evaluation mode with (up to rounding) the same outputs. A neighbor search
        decides by distances, so rounding may move an edge between two equally near nodes.
        Its state dict is its own: the authors' checkpoints no longer fit.

    Example:
        >>> from vig_models import create_model
        >>> fused = fuse(create_model("vig_ti", depth=1))
        >>> any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
        False
    """
    fused = copy.deepcopy(model).eval()
    _fuse_below(fused)
    return fused


def _fuse_below(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, Fusible):
            setattr(module, name, child.fused())
        else:
            _fuse_below(child)
    if isinstance(module, nn.Sequential):
        _fold_row(module)


def _fold_row(row: nn.Sequential) -> None:
    """Fold each BatchNorm behind a convolution; an Identity keeps the others' places."""
    for index, (layer, norm) in enumerate(pairwise(list(row))):
        if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            row[index] = fuse_conv_bn_eval(layer, norm)
            row[index + 1] = nn.Identity()
