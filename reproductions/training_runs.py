"""Training runs of one classifier in several modes, from the same starts over the same batches."""

import copy
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from reproductions.batchnorm import norms_of, updates_of, with_lower_momentum
from reproductions.catalog import TrainingModesParams
from reproductions.catalog_runs import TrainingMode
from reproductions.digits import Digits, as_images, moved
from reproductions.training_setup import model_for
from reproductions.training_step import Mode, step
from vig_models.classifier import Classifier, Logits

_MENDED = "_mended"
_AT_ONCE = 128
"""Test images of a forward pass."""

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Run:
    """One training run, and how its end compares with that of the plain run from the same seed."""

    correct: Mapping[str, int]
    """Right answers by domain."""
    losses: tuple[float, ...]
    speeds: tuple[float, ...]
    """Images a second of every step."""
    updates: int
    """How often a BatchNorm moved its statistics in a step, at most."""
    weights_equal: bool
    """Whether all of them are bitwise those of the plain run."""
    statistics_equal: bool
    """Likewise, running means and variances."""
    weights_apart: float
    """Their distance from the plain ones, by how far the plain run moved them."""
    statistics_apart: float
    loss_apart: float
    """The largest relative difference from the plain losses."""

    @property
    def same(self) -> bool:
        """Tell whether the model is the plain one in every number."""
        return self.weights_equal and self.statistics_equal


@dataclass(frozen=True)
class Runs:
    """All runs of one measurement."""

    by_mode: dict[TrainingMode, list[Run]]
    """In the order of the seeds."""
    deterministic: bool
    """Whether the plain run of the first seed has bitwise the same weights once more."""


@dataclass(frozen=True)
class _State:
    """What training changes in a model."""

    weights: Tensors
    statistics: Tensors

    @classmethod
    def of(cls, model: Classifier) -> "_State":
        """Copy it out of the model."""
        statistics = {
            f"{name}.{kind}": value.clone()
            for name, norm in norms_of(model)
            for kind, value in (("mean", norm.running_mean), ("variance", norm.running_var))
            if value is not None
        }
        weights = {name: one.detach().clone() for name, one in model.named_parameters()}
        return cls(weights, statistics)


@dataclass(frozen=True)
class _Ended:
    """A run that is over."""

    model: Classifier
    losses: tuple[float, ...]
    speeds: tuple[float, ...]
    state: _State


class _Data:
    """Images to train on and to test on, where the model is."""

    def __init__(self, params: TrainingModesParams, digits: Digits, device: torch.device) -> None:
        side, last = params.image_size, len(digits.labels) - params.test_images
        shown = digits.pixels[last:]
        self.images = as_images(digits.pixels[:last], side).to(device)
        self.labels = digits.labels[:last].to(device)
        self.test_labels = digits.labels[last:].to(device)
        self.tests = {
            "test": as_images(shown, side).to(device),
            "moved": as_images(moved(shown), side).to(device),
        }

    def batches(self, params: TrainingModesParams, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of a run: epochs in orders of their own, one after the other."""
        generator = torch.Generator().manual_seed(seed)
        order = torch.empty(0, dtype=torch.int64)
        for _ in range(params.steps):
            while len(order) < params.batch:
                epoch = torch.randperm(len(self.labels), generator=generator)
                order = torch.cat([order, epoch])
            chosen, order = order[: params.batch], order[params.batch :]
            yield self.images[chosen], self.labels[chosen]


def run_all(params: TrainingModesParams, digits: Digits, device: torch.device) -> Runs:
    """Train in every mode from every seed.

    Raises:
        ModelError: the model does not take images of this size.
    """
    data = _Data(params, digits, device)
    others = [mode for mode in dict.fromkeys(params.modes) if mode != "plain"]
    by_mode: dict[TrainingMode, list[Run]] = {"plain": []}
    by_mode |= {mode: [] for mode in others}
    deterministic = True
    for seed in range(params.seeds):
        start = _start(params, seed, device)
        before = _State.of(start)
        plain = _ended(start, "plain", params, data, seed)
        if seed == 0:
            again = _ended(start, "plain", params, data, seed)
            deterministic = _equal(again.state.weights, plain.state.weights)
        by_mode["plain"].append(_compared(plain, plain, before, data))
        for mode in others:
            ended = _ended(start, mode, params, data, seed)
            by_mode[mode].append(_compared(ended, plain, before, data))
    return Runs(by_mode, deterministic)


def _start(params: TrainingModesParams, seed: int, device: torch.device) -> Classifier:
    torch.manual_seed(seed)
    return model_for("training_modes", params).to(device)


def _ended(
    start: Classifier, name: TrainingMode, params: TrainingModesParams, data: _Data, seed: int
) -> _Ended:
    """Train a copy of the start."""
    mode = _mode(name, params)
    model = copy.deepcopy(start)
    if name.endswith(_MENDED):
        probe = copy.deepcopy(model)
        step(probe, *next(data.batches(params, seed)), mode)
        model = with_lower_momentum(model, updates_of(probe))
    losses, speeds = _train(model, mode, params, data, seed)
    return _Ended(model.eval(), losses, speeds, _State.of(model))


def _compared(ended: _Ended, plain: _Ended, before: _State, data: _Data) -> Run:
    these, those = ended.state, plain.state
    losses = zip(ended.losses, plain.losses, strict=True)
    return Run(
        correct=_correct(ended.model, data),
        losses=ended.losses,
        speeds=ended.speeds,
        updates=max(updates_of(ended.model).values(), default=0) // len(ended.losses),
        weights_equal=_equal(these.weights, those.weights),
        statistics_equal=_equal(these.statistics, those.statistics),
        weights_apart=_apart(these.weights, those.weights, before.weights),
        statistics_apart=_apart(these.statistics, those.statistics, before.statistics),
        loss_apart=max(abs(a - b) / abs(b) if a != b else 0.0 for a, b in losses),
    )


def _mode(name: TrainingMode, params: TrainingModesParams) -> Mode:
    plain = name.removesuffix(_MENDED)
    checkpoints = {"plain": "none", "accumulation": "none", "both": "layers"}.get(plain, plain)
    parts = params.micro_batches if plain in {"accumulation", "both"} else 1
    return Mode(checkpoints, params.segments, parts)


def _train(
    model: Classifier, mode: Mode, params: TrainingModesParams, data: _Data, seed: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Train in place and give the loss and the speed of every step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=params.learning_rate)
    torch.manual_seed(seed)  # what a model draws as it runs
    losses, speeds = [], []
    for images, labels in data.batches(params, seed):
        began = time.perf_counter()
        loss = step(model, images, labels, mode)
        optimizer.step()
        losses.append(float(loss))  # waits for a GPU
        speeds.append(params.batch / (time.perf_counter() - began))
    return tuple(losses), tuple(speeds)


@torch.inference_mode()
def _correct(model: Classifier, data: _Data) -> dict[str, int]:
    """Count right answers by domain."""
    return {
        domain: _count(model, images, data.test_labels) for domain, images in data.tests.items()
    }


def _count(model: Classifier, images: Tensor, labels: Tensor) -> int:
    torch.manual_seed(0)  # the same draws for every mode
    pairs = zip(torch.split(images, _AT_ONCE), torch.split(labels, _AT_ONCE), strict=True)
    return sum(int((_logits(model, some).argmax(1) == their).sum()) for some, their in pairs)


def _logits(model: Classifier, images: Tensor) -> Tensor:
    logits: Logits = model(images)
    if isinstance(logits, tuple):
        raise TypeError("want one map of logits in evaluation, got two")
    return logits


def _equal(one: Tensors, other: Tensors) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def _apart(these: Tensors, those: Tensors, start: Tensors) -> float:
    """Give the distance of two ends, by that of the second from the start."""
    apart, way = (_distance(side, those) for side in (these, start))
    return apart / way if apart else 0.0


def _distance(one: Tensors, other: Tensors) -> float:
    squares = (float((one[name] - other[name]).double().square().sum()) for name in one)
    return math.sqrt(math.fsum(squares))
