"""Parameter count: how many weights a classifier holds, in every counting convention.

Protocol: build the classifier on the meta device and add up the elements of
``parameters()``; buffers (running means, fixed position tables) do not count. From
``all`` the other conventions follow by arithmetic, no weight being touched:
``trainable`` leaves out what receives no gradient, ``single_head`` the distillation
head, ``reparameterized`` what merging parallel branches removes (merging.py),
``bn_folded`` what folding BatchNorms removes, plus the biases it adds (folding.py). The
last needs one forward pass, on meta tensors; a model that reads its own activations to
decide where to go runs in its fast form instead, whose clusters stand still on meta tensors, or
else on the CPU, with seeded weights, on a black image: what folds depends on neither.
Cost: under 1 s on a CPU. Source: the "Params (M)" column of the papers' tables.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from reproductions.catalog import ParameterCountParams
from reproductions.contract import Device, Measurement, NotMeasurableError, Quantity, reproduction
from reproductions.folding import Folding, fold_batchnorms
from reproductions.known_shapes import meta_device
from reproductions.merging import Merge, find_merges
from reproductions.models import build_model

_DISTILLATION_HEADS = ("head_dist", "fc_distilled")  # timm's name, that of vig_models
_NAMES_SHOWN = 8


@reproduction
def parameter_count(params: ParameterCountParams, device: Device) -> Measurement:
    """Count the weights of ``params.model``, in millions; no device is needed for it."""
    with meta_device():
        model = build_model(params.model, num_classes=params.num_classes)
    image = torch.empty(1, *_image_shape(model), device="meta")  # (1, 3, H, W)
    folding, traced_on = _trace(model, image, params)
    merges = list(find_merges(model))
    heads = _distillation_heads(model)
    parameters = list(model.parameters())
    everything = _num_elements(parameters)
    counts = {
        "all": everything,
        "trainable": _num_elements(p for p in parameters if p.requires_grad),
        "reparameterized": everything - sum(merge.parameters_removed for merge in merges),
        "bn_folded": everything - folding.parameters_removed + folding.biases_added,
        "single_head": _num_elements(_outside(model, heads)),
    }
    return Measurement(
        values={name: Quantity.exact(count / 1e6, "Mparam") for name, count in counts.items()},
        evidence={
            "counts": dict(counts),
            "frozen": everything - counts["trainable"],
            "heads_left_out": list(heads),
            "merging": _merging_evidence(merges),
            "folding": _folding_evidence(folding),
            "traced": {"device": traced_on, "image": list(image.shape)},
        },
    )


def _image_shape(model: nn.Module) -> tuple[int, int, int]:
    """Read the image (channels, rows, columns) a timm model was configured for."""
    config = getattr(model, "pretrained_cfg", None) or {}
    return tuple(config.get("input_size", (3, 224, 224)))


def _trace(model: nn.Module, image: Tensor, params: ParameterCountParams) -> tuple[Folding, str]:
    """Find out what folds and name the device the model ran on."""
    try:
        return fold_batchnorms(model, image), "meta"
    except RuntimeError as error:  # includes NotImplementedError: no value, or no meta kernel
        why = error
    for device, here in (("meta", meta_device()), ("cpu", torch.device("cpu"))):
        with torch.random.fork_rng(devices=[]), here:
            torch.manual_seed(0)
            model = build_model(params.model, num_classes=params.num_classes, implementation="fast")
            image = torch.zeros(image.shape)
        try:
            return fold_batchnorms(model, image), device
        except RuntimeError as error:
            why = error
    raise NotMeasurableError(
        f"parameter_count: {params.model!r} ran neither on meta tensors nor on a black "
        f"image {tuple(image.shape)} ({why}); bn_folded needs one forward pass"
    ) from why


def _distillation_heads(model: nn.Module) -> dict[str, nn.Module]:
    return {
        name: module
        for name, module in model.named_modules()
        if name.rpartition(".")[2] in _DISTILLATION_HEADS and any(True for _ in module.parameters())
    }


def _outside(model: nn.Module, heads: Mapping[str, nn.Module]) -> Iterator[nn.Parameter]:
    inside = {id(parameter) for head in heads.values() for parameter in head.parameters()}
    return (parameter for parameter in model.parameters() if id(parameter) not in inside)


def _num_elements(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def _merging_evidence(merges: Sequence[Merge]) -> dict[str, JsonValue]:
    return {
        "modules": len(merges),
        "branches": sum(merge.branches for merge in merges),
        "parameters_removed": sum(merge.parameters_removed for merge in merges),
    }


def _folding_evidence(folding: Folding) -> dict[str, JsonValue]:
    return {
        "batchnorms_folded": len(folding.folded),
        "batchnorms_left": len(folding.left),
        "first_left": list(folding.left[:_NAMES_SHOWN]),
        "parameters_removed": folding.parameters_removed,
        "biases_added": folding.biases_added,
    }
