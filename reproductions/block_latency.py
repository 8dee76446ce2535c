"""Block latency: what blocks with a graph add to the time of a pass where maps are large.

Protocol: build the model, and once more with the blocks with a graph of its last stage alone
(those of other stages are left away, nothing takes their place); published form, eval, weights and
images from seed 0, float32 with torch's defaults. Both run in turn, two passes to warm up, then
``rounds`` passes. ``all_stages`` and ``last_stage``: the median time of a pass of either, in
milliseconds, from the fastest to the slowest, which hold the median of all with the stated error
rate. Facts: ``device``; ``graph_blocks``, how many either has.

Readings of one process are no speed to compare with a print; they show what stands out of noise.
Cost: seconds on a CPU. Source: the papers' words on graphs at high resolution.
"""

from dataclasses import fields
from statistics import median

import torch

from reproductions.catalog import BlockLatencyParams
from reproductions.contract import (
    Device,
    Measurement,
    NotMeasurableError,
    Quantity,
    reproduction,
)
from reproductions.graph_work import seconds
from reproductions.placement import class_name, place_of
from vig_models import create_model, family_of
from vig_models.classifier import Classifier
from vig_models.registry import family_module

_WARM_UP = 2


@reproduction
def block_latency(params: BlockLatencyParams, device: Device) -> Measurement:
    """Time passes of ``params.model`` with all its graphs, and with those of the last stage."""
    runs_on = place_of("block_latency", device, wants_cuda=params.wants_cuda())
    on_gpu = [runs_on] if runs_on.type == "cuda" else []
    with torch.random.fork_rng(devices=on_gpu), torch.inference_mode():
        models = {name: model.eval().to(runs_on) for name, model in _models(params).items()}
        side = params.image_size
        images = torch.rand(params.batch, 3, side, side).to(runs_on)
        readings: dict[str, list[float]] = {name: [] for name in models}
        for _ in range(_WARM_UP + params.rounds):  # in turn, so that a drift meets both
            for name, model in models.items():
                readings[name].append(_pass(model, images))
    timed = {name: times[_WARM_UP:] for name, times in readings.items()}
    return Measurement(
        values={name: _middle(times) for name, times in timed.items()},
        facts={
            "device": class_name(runs_on),
            "graph_blocks": {name: _graph_blocks(model) for name, model in models.items()},
        },
        samples=timed,
        evidence={"ran": {"images": list(images.shape), "threads": torch.get_num_threads()}},
    )


def _models(params: BlockLatencyParams) -> dict[str, Classifier]:
    family = family_of(params.model)
    config = None if family is None else family_module(family).VARIANTS[params.model]
    if config is None or "graph_depths" not in {field.name for field in fields(config)}:
        raise NotMeasurableError(
            f"block_latency: want a model with blocks with and without a graph in each stage, got "
            f"{params.model!r}; ask for a variant of mobilevigv2 or greedyvig"
        )
    last = (*(0 for _ in config.graph_depths[1:]), config.graph_depths[-1])
    models = {}
    for name, depths in (("all_stages", config.graph_depths), ("last_stage", last)):
        torch.manual_seed(0)
        models[name] = create_model(params.model, implementation="published", graph_depths=depths)
    return models


def _graph_blocks(model: Classifier) -> int:
    return sum("grapher" in block._modules for block in model.modules())


def _middle(readings: list[float]) -> Quantity:
    """Take the median; all lie on one side of the true one with probability 2^(1 - n)."""
    return Quantity(
        value=median(readings),
        low=min(readings),
        high=max(readings),
        level=2.0 ** (1 - len(readings)),
        unit="ms",
    )


def _pass(model: Classifier, images: torch.Tensor) -> float:
    """Run the model once; give the time in milliseconds."""
    start = seconds(str(images.device))
    model(images)
    return 1000 * (seconds(str(images.device)) - start)
