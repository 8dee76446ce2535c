"""Multiply-accumulates: how much arithmetic one image costs, in every counting convention.

Protocol: build the classifier for square images of ``image_size`` and run it once, batch 1,
eval, no gradients, on the meta device, where no arithmetic takes place; add up what each
operation costs by its shapes (operations.py). Attention runs as matrix products, never as
one fused operation. ``executed`` adds convolutions, linear layers, products of two
activations (attention, the distances of a k-nearest-neighbor graph as N M C) and all-pairs
distances; elementwise arithmetic, biases and interpolation count nothing. What runs inside
a clustering stands apart in ``executed_clustering``, whose interval goes from the fewest to
the most iterations; for a model that clusters nothing it equals ``executed``. Pooling means
pooling operations and means over all positions of a map. ``module_hooks_missed``, beside
the conventions, is what of ``executed`` ran in no module that a profiler hooks. A model that
reads its own activations to decide where to go runs on the CPU, on one thread, with
seeded weights (late_weights.py) and image.
Cost: under 1 s on a CPU. Source: the "FLOPs (G)" or "GMACs" column of the papers' tables, at
224 x 224 unless they say otherwise.
"""

from collections import Counter

import torch
from pydantic import JsonValue
from torch import nn

from reproductions.catalog import MultiplyAccumulatesParams
from reproductions.contract import Device, Measurement, NotMeasurableError, Quantity, reproduction
from reproductions.counting import MULTIPLYING, Tally, count
from reproductions.known_shapes import meta_device
from reproductions.late_weights import late_weights
from reproductions.models import build_model
from reproductions.placement import wants_values
from vig_models import ModelError
from vig_models.clustering import Clustering

SEED = 0
"""Of the weights and the image, where values decide."""


@reproduction
def multiply_accumulates(params: MultiplyAccumulatesParams, device: Device) -> Measurement:
    """Count what ``params.model`` executes for one image, in billions; no device is needed."""
    try:
        tally, ran_on = _tally(params)
    except (AssertionError, ModelError, RuntimeError, ValueError) as error:
        side, why = params.image_size, str(error) or type(error).__name__
        raise NotMeasurableError(
            f"multiply_accumulates: {params.model!r} does not run on a {side} x {side} image "
            f"({why}); ask for a size that it takes"
        ) from error
    counts = _counts(tally)
    fewest, most = _clustering_range(tally)
    values = {name: Quantity.exact(macs / 1e9, "GMAC") for name, macs in counts.items()}
    values["executed_clustering"] = Quantity(
        value=counts["executed_clustering"] / 1e9,
        low=(counts["executed"] + fewest) / 1e9,
        high=(counts["executed"] + most) / 1e9,
        unit="GMAC",
    )
    return Measurement(values=values, evidence=_evidence(tally, counts, ran_on, params.image_size))


def _tally(params: MultiplyAccumulatesParams) -> tuple[Tally, str]:
    """Run the model and name the device it ran on."""
    try:
        tally = _tally_on_meta(params)
    except RuntimeError as error:
        if not wants_values(error):
            raise  # it would do no better on the CPU
        return _tally_on_cpu(params), "cpu"
    if tally.clusterings:  # which without values stood still at once
        return _tally_on_cpu(params), "cpu"
    return tally, "meta"


def _tally_on_meta(params: MultiplyAccumulatesParams) -> Tally:
    with meta_device():
        return count(_build(params), torch.empty(_shape(params)))


def _tally_on_cpu(params: MultiplyAccumulatesParams) -> Tally:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        images = torch.rand(_shape(params))
        with late_weights(lambda: _build(params)) as model:
            return count(model, images)


def _build(params: MultiplyAccumulatesParams) -> nn.Module:
    return build_model(
        params.model,
        num_classes=params.num_classes,
        image_size=params.image_size,
        implementation=params.implementation,
    )


def _shape(params: MultiplyAccumulatesParams) -> tuple[int, int, int, int]:
    return 1, 3, params.image_size, params.image_size


def _counts(tally: Tally) -> dict[str, int]:
    """Add up every key of the measurement."""
    macs, elements = tally.macs, tally.elements
    executed = macs.total()
    return {
        "executed": executed,
        "executed_clustering": executed + sum(run.total() for run in tally.clusterings.values()),
        "executed_norm1": executed + elements.total(),
        "executed_norm2": executed
        + 2 * elements["batch_norm"]
        + 5 * elements["other_norm"]
        + elements["pooling"],
        "conv_linear": macs["convolution"] + macs["linear"],
        "module_hooks": tally.hooked.total(),
        "module_hooks_missed": tally.missed,
    }


def _clustering_range(tally: Tally) -> tuple[int, int]:
    """Add up what clustering costs if every one takes its fewest, and its most, iterations."""
    fewest = most = 0
    for run, macs in tally.clusterings.items():
        iterations = [macs[number] for number in range(1, run.taken + 1)] or [0]
        fewest += macs[0] + run.fewest * min(iterations)
        most += macs[0] + run.most * max(iterations)
    return fewest, most


def _evidence(
    tally: Tally, counts: dict[str, int], ran_on: str, image_size: int
) -> dict[str, JsonValue]:
    """Lay out integers: multiply-accumulates, except for the elements under that name."""
    return {
        "counts": dict(counts),
        "breakdown": {
            **{kind: tally.macs[kind] for kind in MULTIPLYING},
            "clustering": counts["executed_clustering"] - counts["executed"],
        },
        "elements": {
            kind: tally.elements[kind] for kind in ("batch_norm", "other_norm", "pooling")
        },
        "hooked": {kind: tally.hooked[kind] for kind in ("convolution", "linear", "batch_norm")},
        "clusterings": [_run_evidence(run, macs) for run, macs in tally.clusterings.items()],
        "ran": {"device": ran_on, "image": [1, 3, image_size, image_size]},
    }


def _run_evidence(run: Clustering, macs: Counter[int]) -> JsonValue:
    return {
        "iterations": {"fewest": run.fewest, "taken": run.taken, "most": run.most},
        "once": macs[0],
        "by_iteration": [macs[number] for number in range(1, run.taken + 1)],
    }
