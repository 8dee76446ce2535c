"""Saved activations: what autograd keeps for the backward pass, beside the weights.

Protocol: build the network on the meta device in training mode, every weight with a gradient, run
one forward pass on a batch and add up the memory behind all tensors that autograd saves, each
once; weights and buffers are not among them. Meta tensors have sizes and no memory, so that any
batch can be measured anywhere. ``share`` is the part of these bytes in the sum of them and of all
``copies`` of the weights: what a method that keeps no activation at all would save at most, and
so a bound on what fewer activations can. ``share_with_adam`` has a gradient and Adam's two moments
of one copy in the sum too. Facts: ``activations`` and ``weights``, in GiB, of one copy.
Cost: about 1 s on a CPU. Source: memory of test-time adaptation in the abstracts. Q. Wang et al.,
"Continual Test-Time Domain Adaptation", arXiv:2203.13591, adapts all weights of a student, and
holds a teacher and the source model beside it: three copies.
"""

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from reproductions.catalog import SavedActivationsParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.network_size import build_network

_ADAM = 3
"""Sets of numbers as large as the weights: a gradient and two moments."""


@reproduction
def saved_activations(params: SavedActivationsParams, device: Device) -> Measurement:
    """Measure what the backward pass of ``params.model`` needs; no device is needed for it."""
    model = build_network(params.model, params.num_classes)
    images = torch.empty(params.batch, 3, params.image_size, params.image_size, device="meta")
    kept = bytes_kept(model, images)
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    values = {
        "share": kept / (kept + params.copies * weights),
        "share_with_adam": kept / (kept + (params.copies + _ADAM) * weights),
    }
    return Measurement(
        values={
            **{name: Quantity.exact(100 * share, "percent") for name, share in values.items()},
            "activations": Quantity.exact(kept / 2**30, "GiB"),
            "weights": Quantity.exact(weights / 2**30, "GiB"),
        },
        evidence={"bytes": {"activations": kept, "weights": weights}},
    )


def bytes_kept(model: nn.Module, images: Tensor) -> int:
    """Add up the memory that autograd keeps after a forward pass, without that of the model.

    Args:
        model: in training mode.
        images: (B, 3, H, W).
    """
    own = {_memory(tensor) for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if _memory(tensor) not in own:
            kept[_memory(tensor)] = tensor  # held, so that no later tensor gets its place
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        model(images)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
