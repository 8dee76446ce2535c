"""Training memory: what checkpoints and micro-batches save, and what they cost and change.

Protocol: build the classifier with random weights (``seed``) in training mode, draw a batch of
random images and labels, and run one step (forward, cross-entropy, backward) plainly and one in
the mode asked for, from the same weights, statistics and state of the random numbers.
Checkpoints are torch's, not reentrant, with the state of random numbers kept.
Values, of the mode, ``_ratio`` against the plain step:

* ``allocated`` (GiB): the most that tensors take, weights and gradients included; on a CPU by
  the live bytes of all storages. ``allocated_plain`` is that of the plain step, ``peak_ratio``
  their ratio.
* ``operations`` (GMAC): what convolutions and products of matrices execute, forward and backward;
  ``operations_plain``, ``operations_ratio`` likewise. Checkpoints cost one more forward pass at
  most, which is a third.
* ``gradient_distance``: relative L2 distance of all gradients; ``gradient_cosine``.
* ``batchnorm_updates``: how often a BatchNorm moves its running statistics in the step, at most.
* ``batchnorm_drift``: relative distance of all running means from the plain ones, by how far
  these moved. What is run again moves them twice, as a momentum of 1 - (1 - m)^2 would once;
  ``batchnorm_drift_mended``: the same with m' = 1 - sqrt(1 - m) where they moved twice.
* ``images_per_second``, ``images_per_second_plain``: of the median of six steps, from the slowest
  to the fastest of them, the plain ones and those of the mode in turn. All are of one process; a
  second one may lie beside them.
* ``largest_batch``: the most images whose peak stays within ``budget_gib``, where one is given.

* ``gradient_noise``: the distance of two plain steps, 0 on deterministic kernels.

Memory is measured first, so that on a GPU nothing kept for comparison counts. Where the plain step
needs more memory than there is, what is compared with it is left out.

``grid`` and ``partitions`` change the variant where its family has such a setting: so many nodes,
with neighbors looked for in so many parts of them.

Facts: ``gradients`` (``bitwise equal``, ``different``, or ``not deterministic`` where two plain
steps differ), ``device``, ``outcome_plain`` (``runs`` or ``out_of_memory``).
Cost: seconds on a CPU. Source: the question of the report on gradient checkpointing in Vision
GNNs, which prints no figure for it; T. Chen et al., "Training Deep Nets with Sublinear Memory
Cost", arXiv:1604.06174.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TypeVar

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from reproductions.batchnorm import norms_of, updates_of, with_lower_momentum
from reproductions.catalog import TrainingMemoryParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.placement import class_name, place_of, says_out_of_memory
from reproductions.training_setup import model_for, obstacles
from reproductions.training_step import GIB, Mode, operations_of, peak_of, seconds_of, step
from vig_models.classifier import Classifier

T = TypeVar("T")

_LAPS = 6
"""Timed steps of either kind."""
PLAIN = Mode()


@reproduction
def training_memory(params: TrainingMemoryParams, device: Device) -> Measurement:
    """Compare a training step of ``params.model`` with the plain one."""
    runs_on = place_of("training_memory", device, wants_cuda=params.wants_cuda())
    with obstacles("training_memory", params):
        return _measure(params, runs_on)


def _measure(params: TrainingMemoryParams, runs_on: torch.device) -> Measurement:
    mode = Mode(params.checkpoints, params.segments, params.micro_batches)
    torch.manual_seed(params.seed)
    model = model_for("training_memory", params)
    images, labels = _batch(params, runs_on)
    used = copy.deepcopy(model).to(runs_on)  # steps move its statistics
    peaks = _peaks(mode, lambda one: _peak(used, images, labels, one, params.seed))
    largest, tried = _largest_batch(used, params, mode, runs_on)
    modes = {"plain": PLAIN, "mode": mode} if "plain" in peaks else {"mode": mode}
    steps = {name: partial(step, used, images, labels, one) for name, one in modes.items()}
    operations = {name: _operations(run, params.seed) for name, run in steps.items()}
    laps = dict(zip(steps, seconds_of(list(steps.values()), runs_on, _LAPS), strict=True))
    compared = None
    if "plain" in peaks:
        model.to(runs_on)
        compared = _or_none(lambda: _compared(model, images, labels, mode, params.seed))
    return Measurement(
        values={
            **_costs(peaks, operations),
            **{_of("images_per_second", name): _speed(params.batch, laps[name]) for name in laps},
            **largest,
            **(compared.values if compared is not None else {}),
        },
        facts={
            "device": class_name(runs_on),
            "outcome_plain": "runs" if "plain" in peaks else "out_of_memory",
            **({"gradients": compared.gradients} if compared is not None else {}),
        },
        samples={_of("seconds", name): laps[name] for name in laps},
        evidence={
            "peak_bytes": dict(peaks),
            "operations": dict(operations),
            "parameters": sum(p.numel() for p in model.parameters()),
            "norms": dict(compared.norms) if compared is not None else None,
            "peak_bytes_by_batch": tried,
        },
    )


def _or_none(measured: Callable[[], T]) -> T | None:
    """Measure; None where memory runs out."""
    try:
        return measured()
    except RuntimeError as error:
        if not says_out_of_memory(error):
            raise
        return None


def _peaks(mode: Mode, peak: Callable[[Mode], int]) -> dict[str, int]:
    """Measure the mode, and the plain step where memory does not run out on it."""
    its = peak(mode)
    plain = its if mode == PLAIN else _or_none(lambda: peak(PLAIN))
    return {"mode": its} if plain is None else {"plain": plain, "mode": its}


def _of(key: str, name: str) -> str:
    """Name a value of the mode, or of the plain step."""
    return key if name == "mode" else f"{key}_plain"


def _costs(peaks: Mapping[str, int], operations: Mapping[str, int]) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for name in peaks:
        gmacs = operations[name] / 2 / 1e9  # the counter takes a product for two
        found[_of("allocated", name)] = Quantity.exact(peaks[name] / GIB, "GiB")
        found[_of("operations", name)] = Quantity.exact(gmacs, "GMAC")
    if "plain" in peaks:
        for key, counts in {"peak_ratio": peaks, "operations_ratio": operations}.items():
            found[key] = Quantity.exact(counts["mode"] / counts["plain"], "ratio")
    return found


def _speed(batch: int, laps: Sequence[float]) -> Quantity:
    """Take the median; all lie on one side of the true one with probability 2^(1 - n)."""
    speeds = [batch / lap for lap in laps]
    return Quantity(
        value=median(speeds),
        low=min(speeds),
        high=max(speeds),
        level=2.0 ** (1 - len(speeds)),
        unit="images/s",
    )


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


def _after_step(
    model: Classifier, images: Tensor, labels: Tensor, *, mode: Mode, seed: int
) -> _After:
    """Run a step on a copy of the model."""
    trained = copy.deepcopy(model)
    torch.manual_seed(seed)
    step(trained, images, labels, mode)
    norms = norms_of(trained)
    return _After(
        {name: _gradient(p) for name, p in trained.named_parameters() if p.requires_grad},
        {name: norm.running_mean for name, norm in norms if norm.running_mean is not None},
        updates_of(trained),
    )


@dataclass(frozen=True)
class _Compared:
    """How a step of the mode differs from a plain one."""

    values: Mapping[str, Quantity]
    gradients: str
    """Whether they are the plain ones."""
    norms: Mapping[str, float]
    """From which the distances follow."""


def _compared(
    model: Classifier, images: Tensor, labels: Tensor, mode: Mode, seed: int
) -> _Compared:
    """Run the plain step twice and the mode once, from the same weights and random numbers."""
    after = partial(_after_step, model, images, labels, seed=seed)
    again, plain = after(mode=PLAIN), after(mode=PLAIN)
    other = plain if mode == PLAIN else after(mode=mode)
    values = {
        **_gradients(plain, other),
        "gradient_noise": _gradients(plain, again)["gradient_distance"],
        **_statistics(model, plain, other),
    }
    if other.updates > plain.updates:
        lowered = with_lower_momentum(model, other.counts)
        mended = _after_step(lowered, images, labels, mode=mode, seed=seed)
        values["batchnorm_drift_mended"] = Quantity.exact(_drift(model, plain, mended), "ratio")
    return _Compared(
        values,
        _told(plain, again, other),
        {
            "gradient": float(_flat(plain.gradients).norm()),
            "gradient_difference": float((_flat(plain.gradients) - _flat(other.gradients)).norm()),
            "running_means_moved": float(_moved(model, plain)),
        },
    )


def _told(plain: _After, again: _After, other: _After) -> str:
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


def _operations(run: Callable[[], object], seed: int) -> int:
    torch.manual_seed(seed)  # what a model draws decides how often it iterates
    return operations_of(run)


def _peak(model: Classifier, images: Tensor, labels: Tensor, mode: Mode, seed: int) -> int:
    model.zero_grad(set_to_none=True)
    torch.manual_seed(seed)
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
    before = _flat(
        {name: norm.running_mean for name, norm in norms_of(model) if name in plain.means}
    )
    return float((_flat(plain.means) - before).norm())


def _flat(tensors: Mapping[str, Tensor | None]) -> Tensor:
    found = [one.flatten().double() for _, one in sorted(tensors.items()) if one is not None]
    return torch.cat(found)


def _largest_batch(
    model: Classifier, params: TrainingMemoryParams, mode: Mode, device: torch.device
) -> tuple[dict[str, Quantity], dict[str, JsonValue]]:
    """Find the most images, in steps of the micro-batches, whose peak stays within the budget.

    Returns:
        The number, 0 where not even two a micro-batch fit, and the peaks in bytes by batch; None
        is one that ran out of memory. Nothing where no budget is given.
    """
    if params.budget_gib is None:
        return {}, {}
    budget = params.budget_gib * GIB
    tried: dict[str, JsonValue] = {}

    def peak(batch: int) -> int:
        images, labels = _batch(params.model_copy(update={"batch": batch}), device)
        return _peak(model, images, labels, mode, params.seed)

    def fits(micro: int) -> bool:
        batch = micro * params.micro_batches
        found = _or_none(lambda: peak(batch))
        tried[str(batch)] = found
        return found is not None and found <= budget

    low, high = 1, 2  # a head with BatchNorm takes no single image
    while fits(high):
        low, high = high, 2 * high
    while low > 1 and high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    largest = low * params.micro_batches if low > 1 else 0
    return {"largest_batch": Quantity.exact(largest, "images")}, tried
