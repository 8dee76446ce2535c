"""How many parameters merging parallel branches saves.

A branch is a convolution with its BatchNorm, or a BatchNorm alone. A merge puts one
convolution in the place of several branches (RepVGG, MobileOne, RepMixer). Models bring
their own method for it, under one of three names; the same names also stand for plain
folding of BatchNorms, which is no merge, and a skip connection has no parameters, so
that it makes no branch. What the method does to a copy of the module tells which it is.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

_IN_PLACE = ("reparameterize", "switch_to_deploy")
_METHODS = (*_IN_PLACE, "fuse")


@dataclass(frozen=True, kw_only=True)
class Merge:
    """What merging the parallel branches of one module does."""

    branches: int
    parameters_removed: int


def find_merges(model: nn.Module) -> Iterator[Merge]:
    """Find what merges below ``model``, which is on the meta device and left as it was."""
    for module in model.children():
        merge = _merge(module)
        if merge is None:
            yield from find_merges(module)
        else:
            yield merge


def _merge(module: nn.Module) -> Merge | None:
    """Merge the branches of a copy of ``module``; None if there are none."""
    if not any(hasattr(module, name) for name in _METHODS) or _num_branches(_layers(module)) <= 1:
        return None
    copied = copy.deepcopy(module)
    before = _layers(copied)
    with torch.device("meta"), torch.no_grad():
        deployed = _deploy(copied)
    after = _layers(deployed)
    branches = _num_branches(before - after)
    if not 0 < len(after - before) < branches:
        return None
    removed = _num_parameters(module) - _num_parameters(deployed)
    return Merge(branches=branches, parameters_removed=removed)


def _deploy(module: nn.Module) -> nn.Module:
    """Call the module's own method; return what stands in its place, or itself."""
    for name in _IN_PLACE:
        if hasattr(module, name):
            getattr(module, name)()
            return module
    fuse = getattr(module, "fuse", None)
    fused = fuse() if callable(fuse) else None
    return fused if isinstance(fused, _ConvNd) else module


def _layers(module: nn.Module) -> set[nn.Module]:
    return {part for part in module.modules() if isinstance(part, _ConvNd | _BatchNorm)}


def _num_branches(layers: set[nn.Module]) -> int:
    convolutions = sum(isinstance(layer, _ConvNd) for layer in layers)
    return max(convolutions, len(layers) - convolutions)


def _num_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
