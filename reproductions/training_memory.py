"""Training memory: what checkpoints and micro-batches save, and what they cost and change.

Protocol: build the classifier with random weights (``seed``) in training mode, draw a batch of
random images and labels, and run one step (forward, cross-entropy, backward) plainly and one in
the mode asked for, from the same weights, statistics and state of the random numbers.
Checkpoints are torch's, not reentrant, with the state of random numbers kept.
Values, of the mode, ``_ratio`` against the plain step:

* ``allocated`` (GiB): the most that tensors take, weights and gradients included; on a CPU by
  the live bytes of all storages.
* ``operations_ratio``: of what convolutions and products of matrices execute, forward and
  backward. Checkpoints cost one more forward pass at most, which is a third.
* ``gradient_distance``: relative L2 distance of all gradients; ``gradient_cosine``.
* ``batchnorm_updates``: how often a BatchNorm moves its running statistics in the step, at most.
* ``batchnorm_drift``: relative distance of all running means from the plain ones, by how far
  these moved. What is run again moves them twice, as a momentum of 1 - (1 - m)^2 would once;
  ``batchnorm_drift_mended``: the same with m' = 1 - sqrt(1 - m) where they moved twice.
* ``images_per_second``: of the median of three steps.
* ``largest_batch``: the most images whose peak stays within ``budget_gib``, where one is given.

* ``gradient_noise``: the distance of two plain steps, 0 on deterministic kernels.

Facts: ``gradients`` (``bitwise equal``, ``different``, or ``not deterministic`` where two plain
steps differ), ``device``.
Cost: seconds on a CPU. Source: the question of the report on gradient checkpointing in Vision
GNNs, which prints no figure for it; T. Chen et al., "Training Deep Nets with Sublinear Memory
Cost", arXiv:1604.06174.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from pydantic import JsonValue
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from reproductions.catalog import TrainingMemoryParams
from reproductions.contract import Device, Measurement, NotMeasurableError, Quantity, reproduction
from reproductions.models import build_model
from reproductions.placement import class_name, place_of, says_out_of_memory
from reproductions.training_step import GIB, Mode, operations_of, peak_of, seconds_of, step
from vig_models.classifier import Classifier

_LAPS = 3
PLAIN = Mode()


@reproduction
def training_memory(params: TrainingMemoryParams, device: Device) -> Measurement:
    """Compare a training step of ``params.model`` with the plain one."""
    runs_on = place_of("training_memory", device, wants_cuda=params.wants_cuda())
    mode = _mode(params)
    torch.manual_seed(params.seed)
    model = _model(params).to(runs_on).train()
    images, labels = _batch(params, runs_on)
    plain, again, other = (
        _after_step(model, images, labels, one, params.seed) for one in (PLAIN, PLAIN, mode)
    )
    used = copy.deepcopy(model)  # what follows moves its statistics
    peaks = [_peak(used, images, labels, one) for one in (PLAIN, mode)]
    operations = [operations_of(partial(step, used, images, labels, one)) for one in (PLAIN, mode)]
    lap = seconds_of(partial(step, used, images, labels, mode), images.device, _LAPS)
    values = {
        "allocated": Quantity.exact(peaks[1] / GIB, "GiB"),
        "peak_ratio": Quantity.exact(peaks[1] / peaks[0], "ratio"),
        "operations_ratio": Quantity.exact(operations[1] / operations[0], "ratio"),
        "images_per_second": Quantity.exact(params.batch / lap, "images/s"),
        **_gradients(plain, other),
        "gradient_noise": _gradients(plain, again)["gradient_distance"],
        **_statistics(model, plain, other),
    }
    if other.updates > plain.updates:
        mended = _after_step(_mended(model, other), images, labels, mode, params.seed)
        values["batchnorm_drift_mended"] = Quantity.exact(_drift(model, plain, mended), "ratio")
    tried: dict[str, JsonValue] = {}
    if params.budget_gib is not None:
        largest, tried = _largest_batch(used, params, mode, runs_on)
        values["largest_batch"] = Quantity.exact(largest, "images")
    return Measurement(
        values=values,
        facts={
            "device": class_name(runs_on),
            "gradients": _compared(plain, again, other),
        },
        evidence={
            "peak_bytes": {"plain": peaks[0], "mode": peaks[1]},
            "operations": {"plain": operations[0], "mode": operations[1]},
            "seconds": lap,
            "parameters": sum(p.numel() for p in model.parameters()),
            "norms": {
                "gradient": float(_flat(plain.gradients).norm()),
                "gradient_difference": float(
                    (_flat(plain.gradients) - _flat(other.gradients)).norm()
                ),
                "running_means_moved": float(_moved(model, plain)),
            },
            "peak_bytes_by_batch": tried,
        },
    )


def _mode(params: TrainingMemoryParams) -> Mode:
    if params.batch % params.micro_batches:
        raise NotMeasurableError(
            f"training_memory: want micro_batches that divide the batch of {params.batch}, got "
            f"{params.micro_batches}; change either"
        )
    return Mode(params.checkpoints, params.segments, params.micro_batches)


def _model(params: TrainingMemoryParams) -> Classifier:
    model = build_model(
        params.model,
        num_classes=params.num_classes,
        image_size=params.image_size,
        implementation=params.implementation,
    )
    if not isinstance(model, Classifier):
        raise NotMeasurableError(
            f"training_memory: want a variant of vig_models, got {params.model!r}; the layers of "
            "other models are not known here"
        )
    return model


def _batch(params: TrainingMemoryParams, device: torch.device) -> tuple[Tensor, Tensor]:
    side = params.image_size
    images = torch.randn(params.batch, 3, side, side, device=device)
    return images, torch.arange(params.batch, device=device) % params.num_classes


@dataclass(frozen=True)
class _After:
    """What a step left behind."""

    gradients: Mapping[str, Tensor]
    means: Mapping[str, Tensor]
    """Running means of the BatchNorms."""
    counts: Mapping[str, int]
    """How often each of them moved its statistics."""

    @property
    def updates(self) -> int:
        return max(self.counts.values(), default=0)


def _after_step(model: Classifier, images: Tensor, labels: Tensor, mode: Mode, seed: int) -> _After:
    """Run a step on a copy of the model."""
    trained = copy.deepcopy(model)
    torch.manual_seed(seed)
    try:
        step(trained, images, labels, mode)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise NotMeasurableError(
            "training_memory: want micro-batches of two images or more, got one: a BatchNorm on "
            "1 x 1 maps has no variance over a single image; ask for fewer micro-batches"
        ) from error
    norms = dict(_norms(trained))
    return _After(
        {name: _gradient(p) for name, p in trained.named_parameters() if p.requires_grad},
        {name: norm.running_mean for name, norm in norms.items() if norm.running_mean is not None},
        {name: int(n.num_batches_tracked or 0) for name, n in norms.items()},
    )


def _compared(plain: _After, again: _After, other: _After) -> str:
    """Say whether gradients are the plain ones, where two plain steps have the same."""
    pairs = {"again": again, "other": other}
    equal = {
        name: all(torch.equal(one, after.gradients[key]) for key, one in plain.gradients.items())
        for name, after in pairs.items()
    }
    if not equal["again"]:
        return "not deterministic"
    return "bitwise equal" if equal["other"] else "different"


def _gradient(parameter: nn.Parameter) -> Tensor:
    """Give the gradient; zero where none arrived, as an optimizer would take it."""
    return parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)


def _norms(model: nn.Module) -> list[tuple[str, _BatchNorm]]:
    return [(name, part) for name, part in model.named_modules() if isinstance(part, _BatchNorm)]


def _peak(model: Classifier, images: Tensor, labels: Tensor, mode: Mode) -> int:
    model.zero_grad(set_to_none=True)
    return peak_of(lambda: step(model, images, labels, mode), model, images).allocated


def _gradients(plain: _After, other: _After) -> dict[str, Quantity]:
    one, two = (_flat(after.gradients) for after in (plain, other))
    cosine = torch.dot(one, two) / (one.norm() * two.norm())
    return {
        "gradient_distance": Quantity.exact(float((one - two).norm() / one.norm()), "ratio"),
        "gradient_cosine": Quantity.exact(min(1.0, float(cosine)), "cosine"),
    }


def _statistics(model: nn.Module, plain: _After, other: _After) -> dict[str, Quantity]:
    return {
        "batchnorm_updates": Quantity.exact(other.updates, "iterations"),
        "batchnorm_drift": Quantity.exact(_drift(model, plain, other), "ratio"),
    }


def _drift(model: nn.Module, plain: _After, other: _After) -> float:
    """Compare running means with the plain ones, by how far a plain step moves them."""
    if not plain.means:
        return 0.0
    return float((_flat(other.means) - _flat(plain.means)).norm() / _moved(model, plain))


def _moved(model: nn.Module, plain: _After) -> float:
    """Say how far a plain step moves the running means."""
    if not plain.means:
        return 0.0
    before = _flat({name: norm.running_mean for name, norm in _norms(model) if name in plain.means})
    return float((_flat(plain.means) - before).norm())


def _flat(tensors: Mapping[str, Tensor | None]) -> Tensor:
    found = [one.flatten().double() for _, one in sorted(tensors.items()) if one is not None]
    return torch.cat(found)


def _mended(model: Classifier, other: _After) -> Classifier:
    """Lower the momentum of every BatchNorm that moves twice, so that it moves as far as once."""
    mended = copy.deepcopy(model)
    for name, norm in _norms(mended):
        if norm.momentum is not None and other.counts[name] > 1:
            norm.momentum = 1 - (1 - norm.momentum) ** (1 / other.counts[name])
    return mended


def _largest_batch(
    model: Classifier, params: TrainingMemoryParams, mode: Mode, device: torch.device
) -> tuple[int, dict[str, JsonValue]]:
    """Find the most images, in steps of the micro-batches, whose peak stays within the budget.

    Returns:
        The number, 0 where not even two a micro-batch fit, and the peaks in bytes by batch; None
        is one that ran out of memory.
    """
    budget = (params.budget_gib or 0) * GIB
    tried: dict[str, JsonValue] = {}

    def fits(micro: int) -> bool:
        batch = micro * params.micro_batches
        images, labels = _batch(params.model_copy(update={"batch": batch}), device)
        try:
            peak = _peak(model, images, labels, mode)
        except RuntimeError as error:
            if not says_out_of_memory(error):
                raise
            peak = None
        tried[str(batch)] = peak
        return peak is not None and peak <= budget

    low, high = 1, 2  # a head with BatchNorm takes no single image
    while fits(high):
        low, high = high, 2 * high
    while low > 1 and high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return (low * params.micro_batches if low > 1 else 0), tried
