"""Storage: how many megabytes a number of parameters takes, alone or with an optimizer's state.

Protocol: make one tensor of that many parameters, let the optimizer take one step, and add up
the bytes of every tensor of both state dictionaries; the file is what ``torch.save`` makes of
them. A layout in several tensors adds a few bytes for each. ``decimal`` and ``binary`` are
megabytes of 10^6 and of 2^20 bytes.
Cost: milliseconds on a CPU. Source: sizes of models that the abstracts print beside counts.
"""

import io
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from reproductions.catalog import StorageParams
from reproductions.contract import Device, Measurement, Quantity, reproduction


@reproduction
def storage(params: StorageParams, device: Device) -> Measurement:
    """Measure what ``params.parameters`` parameters take."""
    weights = nn.Parameter(torch.zeros(params.parameters, dtype=getattr(torch, params.dtype)))
    stored: dict[str, Any] = {"weights": {"weight": weights.detach()}}
    if params.optimizer != "none":
        stored["optimizer"] = _state_after_a_step(weights, params.optimizer)
    tensors, file = _bytes_of(stored), _file_size(stored)
    return Measurement(
        values={
            "decimal": Quantity.exact(tensors / 10**6, "MB"),
            "binary": Quantity.exact(tensors / 2**20, "MB"),
            "file_decimal": Quantity.exact(file / 10**6, "MB"),
            "file_binary": Quantity.exact(file / 2**20, "MB"),
        },
        evidence={"bytes": tensors, "bytes_of_file": file},
    )


def _state_after_a_step(weights: nn.Parameter, name: str) -> Mapping[str, Any]:
    optimizer: torch.optim.Optimizer
    if name == "adam":
        optimizer = torch.optim.Adam([weights])
    else:
        optimizer = torch.optim.SGD([weights], lr=0.1, momentum=0.9)
    weights.grad = torch.zeros_like(weights)
    optimizer.step()
    return optimizer.state_dict()


def _bytes_of(stored: Mapping[str, Any]) -> int:
    tensors = [leaf for leaf in tree_leaves(stored) if isinstance(leaf, Tensor)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _file_size(stored: Mapping[str, Any]) -> int:
    file = io.BytesIO()
    torch.save(stored, file)
    return len(file.getvalue())
