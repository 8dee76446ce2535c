"""Training modes: what checkpoints and micro-batches do to the accuracy that training ends at.

Protocol: the digits that scikit-learn ships (digits.py), enlarged to ``image_size``; the last
``test_images`` are kept out. For every seed a classifier is made once, and each mode trains a copy
of it: the same weights, the same batches in the same order, the same state of random numbers.
AdamW with ``learning_rate`` and torch's other settings, cross-entropy, float32, ``steps`` steps;
neither augmentation nor schedule. Modes:

* ``plain``; ``layers``, ``graphers``, ``segments``: checkpoints as checkpointing.py sets them;
* ``accumulation``: ``micro_batches`` parts of the batch, gradients added up; ``both``: that and a
  checkpoint for every layer;
* ``..._mended``: BatchNorms that move n times in a step do so with a momentum of
  1 - (1 - m)^(1/n), which moves them as far as once.

Values, for each mode, with a 95 % t interval over seeds where one is said:

* ``accuracy`` (percent, interval): of the test images, told by the running statistics.
* ``difference`` (point, interval): to plain, paired by seed; ``distance``: its size.
* ``drop_moved`` (point, interval): accuracy lost where the digits are moved by one of their eight
  pixels; ``drop_moved_difference``: the drop less that of plain, paired.
* ``weights_distance``: of all weights after training, relative to how far plain training moved
  them; ``statistics_distance``: the same of running means and variances; ``loss_distance``: the
  largest relative difference of the losses of a step. Each the largest over seeds.
* ``images_per_second``: of the median step.

``difference_layers_accumulation`` and its ``distance``: checkpoints against micro-batches, paired.
A checkpoint moves running statistics once more, and in a training of few steps they lag behind the
weights: ``layers`` may tell more test images right for that alone. ``layers_mended`` shows what is
left.

Facts: ``weights_<mode>`` (``bitwise equal`` to plain ones for every seed, ``different``, or
``not deterministic`` where training plainly again gives others), ``device``.
Evidence: counts of right answers, from which every accuracy and interval follows.
Cost: a minute or two on two cores. Source: the question of the report on gradient checkpointing in
Vision GNNs, which prints no figure for it.
"""

from collections.abc import Mapping, Sequence

import torch
from pydantic import JsonValue

from reproductions.catalog import TrainingModesParams
from reproductions.catalog_runs import DOMAINS, TrainingMode
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.digits import Digits, load_digits
from reproductions.placement import class_name, place_of
from reproductions.seed_statistics import distance, mean_difference, mean_share
from reproductions.training_runs import Run, Runs, run_all
from reproductions.training_setup import obstacles

ByMode = dict[TrainingMode, list[Run]]
"""Runs in the order of the seeds."""


@reproduction
def training_modes(params: TrainingModesParams, device: Device) -> Measurement:
    """Train ``params.model`` in every mode from the same starts and compare where they end."""
    runs_on = place_of("training_modes", device, wants_cuda=params.wants_cuda())
    digits = load_digits("training_modes")
    with obstacles("training_modes", params):
        runs = run_all(params, digits, runs_on)
    return Measurement(
        values={
            key: value
            for mode in runs.by_mode
            for key, value in {
                **_accuracies(mode, runs.by_mode, params.test_images),
                **_drops(mode, runs.by_mode, params.test_images),
                **_distances(mode, runs.by_mode),
            }.items()
        }
        | _against_accumulation(runs.by_mode, params.test_images),
        facts={
            "device": class_name(runs_on),
            **{f"weights_{mode}": _weights(mode, runs) for mode in runs.by_mode},
        },
        samples={
            f"accuracy_{mode}": [100 * run.correct["test"] / params.test_images for run in found]
            for mode, found in runs.by_mode.items()
        },
        evidence=_evidence(params, runs, digits),
    )


def _accuracies(mode: TrainingMode, runs: ByMode, images: int) -> dict[str, Quantity]:
    difference = _difference(runs[mode], runs["plain"], images)
    return {
        f"accuracy_{mode}": mean_share(_counts(runs[mode]), images),
        f"difference_{mode}": difference,
        f"distance_{mode}": distance(difference),
    }


def _difference(these: Sequence[Run], those: Sequence[Run], images: int) -> Quantity:
    pairs = zip(_counts(these), _counts(those), strict=True)
    exact = all(run.same for run in (*these, *those))
    return mean_difference([one - other for one, other in pairs], images, exact=exact)


def _against_accumulation(runs: ByMode, images: int) -> dict[str, Quantity]:
    if not {"layers", "accumulation"} <= runs.keys():
        return {}
    difference = _difference(runs["layers"], runs["accumulation"], images)
    return {
        "difference_layers_accumulation": difference,
        "distance_layers_accumulation": distance(difference),
    }


def _drops(mode: TrainingMode, runs: ByMode, images: int) -> dict[str, Quantity]:
    found = {}
    for domain in DOMAINS:
        lost = [one.correct["test"] - one.correct[domain] for one in runs[mode]]
        plain = [one.correct["test"] - one.correct[domain] for one in runs["plain"]]
        found[f"drop_{domain}_{mode}"] = mean_difference(lost, images)
        found[f"drop_{domain}_difference_{mode}"] = mean_difference(
            [one - other for one, other in zip(lost, plain, strict=True)],
            images,
            counts=4,
            exact=all(run.same for run in runs[mode]),
        )
    return found


def _distances(mode: TrainingMode, runs: ByMode) -> dict[str, Quantity]:
    speeds = sorted(speed for run in runs[mode] for speed in run.speeds)
    largest = {
        "weights_distance": max(run.weights_apart for run in runs[mode]),
        "statistics_distance": max(run.statistics_apart for run in runs[mode]),
        "loss_distance": max(run.loss_apart for run in runs[mode]),
    }
    return {
        **{f"{key}_{mode}": Quantity.exact(value, "ratio") for key, value in largest.items()},
        f"images_per_second_{mode}": Quantity.exact(speeds[len(speeds) // 2], "images/s"),
    }


def _weights(mode: TrainingMode, runs: Runs) -> str:
    """Say whether weights are the plain ones, where training again gives the same."""
    if not runs.deterministic:
        return "not deterministic"
    return "bitwise equal" if all(run.weights_equal for run in runs.by_mode[mode]) else "different"


def _counts(runs: Sequence[Run]) -> list[int]:
    return [run.correct["test"] for run in runs]


def _evidence(params: TrainingModesParams, runs: Runs, digits: Digits) -> dict[str, JsonValue]:
    correct: Mapping[str, JsonValue] = {
        domain: {
            mode: [run.correct[domain] for run in found] for mode, found in runs.by_mode.items()
        }
        for domain in ("test", *DOMAINS)
    }
    return {
        "correct": dict(correct),
        "test_images": params.test_images,
        "training_images": len(digits.labels) - params.test_images,
        "data_sha256": digits.sha256,
        "losses": {
            mode: [[run.losses[0], run.losses[-1]] for run in found]
            for mode, found in runs.by_mode.items()
        },
        "batchnorm_updates_of_a_step": {
            mode: max(run.updates for run in found) for mode, found in runs.by_mode.items()
        },
        "threads": torch.get_num_threads(),
    }
