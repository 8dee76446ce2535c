"""Block latency: what the blocks with a graph of some stages add to the time of a pass.

Protocol: build the model with the blocks with a graph of ``graph_stages`` alone (those of other
stages are left away, nothing takes their place), published form, eval, weights and images from
seed 0, float32 with torch's defaults; two passes to warm up, then ``rounds`` passes, each by
itself. ``latency``: their median, in milliseconds, from the fastest to the slowest, which hold the
median of all with the stated error rate. Facts: ``device``; ``graph_blocks``, how many are left.

Readings of one process are no speed to compare with a print; what differs by a third stands out.
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
    """Time a pass of ``params.model`` with the graphs of some stages."""
    runs_on = place_of("block_latency", device, wants_cuda=params.wants_cuda())
    on_gpu = [runs_on] if runs_on.type == "cuda" else []
    with torch.random.fork_rng(devices=on_gpu), torch.inference_mode():
        torch.manual_seed(0)
        model = _model(params).eval().to(runs_on)
        side = params.image_size
        images = torch.rand(params.batch, 3, side, side).to(runs_on)
        readings = [_pass(model, images) for _ in range(_WARM_UP + params.rounds)][_WARM_UP:]
    return Measurement(
        values={
            "latency": Quantity(
                value=median(readings),
                low=min(readings),
                high=max(readings),
                level=2.0 ** (1 - len(readings)),
                unit="ms",
            )
        },
        facts={
            "device": class_name(runs_on),
            "graph_blocks": sum("grapher" in block._modules for block in model.modules()),
        },
        samples={"latency": readings},
        evidence={"ran": {"images": list(images.shape), "threads": torch.get_num_threads()}},
    )


def _model(params: BlockLatencyParams) -> Classifier:
    family = family_of(params.model)
    config = None if family is None else family_module(family).VARIANTS[params.model]
    if config is None or "graph_depths" not in {field.name for field in fields(config)}:
        raise NotMeasurableError(
            f"block_latency: want a model with blocks with and without a graph in each stage, got "
            f"{params.model!r}; ask for a variant of mobilevigv2 or greedyvig"
        )
    stages = range(1, len(config.graph_depths) + 1)
    if not set(params.graph_stages) <= set(stages):
        raise NotMeasurableError(
            f"block_latency: {params.model!r} has stages 1 to {len(stages)}, got "
            f"{', '.join(map(str, params.graph_stages))}; ask for some of these"
        )
    depths = tuple(
        depth if stage in params.graph_stages else 0
        for stage, depth in zip(stages, config.graph_depths, strict=True)
    )
    return create_model(params.model, implementation="published", graph_depths=depths)


def _pass(model: Classifier, images: torch.Tensor) -> float:
    """Run the model once; give the time in milliseconds."""
    start = seconds(str(images.device))
    model(images)
    return 1000 * (seconds(str(images.device)) - start)
