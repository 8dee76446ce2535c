"""Peak memory: the most that tensors take during a forward pass or a training step.

Protocol: build the classifier (seed 0) and a batch of random images; run once to warm up, then
once watched. On a GPU the allocator's own peaks count: ``allocated`` (tensors), ``reserved``
(blocks that torch holds), ``driver`` (all of the card in use afterwards). On a CPU the live
bytes of all storages count (live_bytes.py), which is ``allocated``. ``activations`` is
``allocated`` less weights, buffers and images. Of a card of ``card_gib`` a run under a cap on
this process says whether it fits; what does not fit under the cap runs once more without it, so
that the peak is known. A run that fits nowhere is ``out_of_memory`` and has no peak, but on a
GPU ``allocated_at_least``: what tensors had taken by then.
Facts: ``outcome`` (``runs`` or ``out_of_memory``), ``device``, ``cap_gib`` where it ran under that
cap, and ``kernel`` as for throughput: the ``substitute`` takes other memory than what ClusterViG's
authors search with.
Cost: a few seconds. Source: memory figures and out-of-memory cells of the papers.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from reproductions.catalog import PeakMemoryParams
from reproductions.contract import Device, Measurement, Quantity, Unit, reproduction
from reproductions.models import build_model
from reproductions.placement import class_name, kernel_of, place_of, says_out_of_memory
from reproductions.precision import precision
from reproductions.training_step import GIB, Mode, Peak, peak_of, step
from reproductions.untaken import refused_if_untaken


@reproduction
def peak_memory(params: PeakMemoryParams, device: Device) -> Measurement:
    """Measure the most memory that ``params.model`` takes."""
    runs_on = place_of("peak_memory", device, wants_cuda=params.wants_cuda())
    facts: dict[str, JsonValue] = {
        "device": class_name(runs_on),
        "kernel": kernel_of(params, runs_on),
    }
    peak = None
    if params.card_gib is not None and runs_on.type == "cuda":
        with _capped(params.card_gib):
            peak = _peak_or_none(params, runs_on)
        facts["cap_gib"] = params.card_gib
    if peak is None:
        facts.pop("cap_gib", None)
        peak = _peak_or_none(params, runs_on)
    facts["outcome"] = "runs" if peak is not None else "out_of_memory"
    return Measurement(
        values=_values(peak) if peak is not None else _at_least(runs_on),
        facts=facts,
        evidence={"bytes": vars(peak) if peak is not None else None},
    )


def _values(peak: Peak) -> dict[str, Quantity]:
    unit: Unit = "GiB"
    found = {
        "allocated": peak.allocated,
        "activations": peak.allocated - peak.held,
        "reserved": peak.reserved,
        "driver": peak.driver,
    }
    return {
        name: Quantity.exact(size / GIB, unit) for name, size in found.items() if size is not None
    }


def _at_least(device: torch.device) -> dict[str, Quantity]:
    """Give what tensors had taken when no more was to be had; of a GPU."""
    if device.type != "cuda":
        return {}
    taken = torch.cuda.max_memory_allocated(device) / GIB
    return {"allocated_at_least": Quantity.exact(taken, "GiB")}


def _peak_or_none(params: PeakMemoryParams, device: torch.device) -> Peak | None:
    """Measure the peak; None where it does not fit."""
    if device.type == "cuda":
        gc.collect()  # what earlier measurements of this process left is none of this one's
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    try:
        with refused_if_untaken("peak_memory", params), precision(params.precision, device):
            return _peak(params, device)
    except RuntimeError as error:
        if not says_out_of_memory(error):
            raise
        return None


def _peak(params: PeakMemoryParams, device: torch.device) -> Peak:
    torch.manual_seed(0)
    model = build_model(
        params.model,
        num_classes=params.num_classes,
        image_size=params.image_size,
        implementation=params.implementation,
    ).to(device)
    side = params.image_size
    images = torch.randn(params.batch, 3, side, side, device=device)
    run = (
        _training(model, images, params) if params.mode == "training" else _inference(model, images)
    )
    if images.is_cuda:
        run()  # kernels choose their workspace on the first run
        model.zero_grad(set_to_none=True)
    return peak_of(run, model, images)


def _training(model: nn.Module, images: Tensor, params: PeakMemoryParams) -> Callable[[], object]:
    model.train()
    labels = torch.arange(len(images), device=images.device) % params.num_classes
    return lambda: step(model, images, labels, Mode())


def _inference(model: nn.Module, images: Tensor) -> Callable[[], object]:
    def run() -> None:
        with torch.inference_mode():
            model(images)

    return run


@contextmanager
def _capped(gib: float) -> Iterator[None]:
    """Let this process take no more of the card than a smaller one has."""
    _, total = torch.cuda.mem_get_info()
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(1.0, gib * GIB / total))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
