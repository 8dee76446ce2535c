"""What a mode of training does to the running statistics of BatchNorm, and what takes it back."""

import copy
from collections.abc import Mapping
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

M = TypeVar("M", bound=nn.Module)


def norms_of(model: nn.Module) -> list[tuple[str, _BatchNorm]]:
    """List every BatchNorm of a model under its name."""
    return [(name, part) for name, part in model.named_modules() if isinstance(part, _BatchNorm)]


def updates_of(model: nn.Module) -> dict[str, int]:
    """Say how often each BatchNorm has moved its statistics since it was made."""
    return {name: int(norm.num_batches_tracked or 0) for name, norm in norms_of(model)}


def with_lower_momentum(model: M, updates: Mapping[str, int]) -> M:
    """Copy a model, with every BatchNorm that moves n times in a step moving as far as once.

    n updates with 1 - (1 - m)^(1/n) leave as much of the old statistics as one with m does.

    Args:
        model: left as it is.
        updates: by name, in one step.
    """
    mended = copy.deepcopy(model)
    for name, norm in norms_of(mended):
        if norm.momentum is not None and updates[name] > 1:
            norm.momentum = 1 - (1 - norm.momentum) ** (1 / updates[name])
    return mended
