"""Throughput: how many images a second a classifier handles, in one process.

Protocol: build the classifier in eval mode with weights from seed 0, put it and one batch of
normal random images on the device, and run it there in inference mode, with the precision,
layout and implementation of the params. After a first pass, warm up in windows of 0.25 s until
the medians of three agree within 1 %, or for 10 s; then time at least 10 passes and at least
0.5 s of them one by one, on a CUDA device between two events on its stream (stopwatch.py). The
latency is that of the median pass, the throughput is the batch over it. A measurement is pooled
from at least 5 fresh processes (pooling.py): this module is what one of them does. Models of one
batch size run in the same processes, in turn, so that they can be compared round by round, and
the first of them runs once more at the end of each: by how much it differs from itself is the
``noise_floor``, in percent. Memory that runs out is an outcome without a speed, never a smaller
batch; on a GPU ``allocated`` is the most that tensors took, in GiB. ``kernel`` says whether the
neighbor search of ClusterViG ran on torch_cluster's kernel, as its authors' does, or on a
``substitute``. Facts: ``outcome``, ``device`` (its class), ``kernel``, ``session``.
Cost: 2 to 30 s a process on a GPU, more for a large batch on a CPU. Source: the images per
second and the latencies of the papers' tables.
"""

import gc
import os
import sys
from typing import cast

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from reproductions.catalog import ThroughputParams
from reproductions.contract import Device, Measurement, NotMeasurableError, reproduction
from reproductions.models import build_model
from reproductions.placement import class_name, kernel_of, place_of, says_out_of_memory
from reproductions.pooling import of_process, out_of_memory
from reproductions.precision import flags, precision
from reproductions.stopwatch import Reading, Stopwatch, clock_for, quartiles
from reproductions.untaken import refused_if_untaken

_AMPERE = (8, 0)
"""First CUDA compute capability whose tensor cores know TF32 and bfloat16."""

_TF32_OVERRIDE = "NVIDIA_TF32_OVERRIDE"


@reproduction
def throughput(params: ThroughputParams, device: Device) -> Measurement:
    """Time ``params.model``: ``throughput`` in images/s and ``latency`` in ms per batch."""
    place = place_of("throughput", device, wants_cuda=params.wants_cuda())
    _refuse_precision(params, place)
    _release_memory()
    with precision(params.precision, place), torch.inference_mode():
        setting = _setting(params, place)
        try:
            with refused_if_untaken("throughput", params):
                reading = _read(params, place)
        except RuntimeError as error:
            _refuse_compiler(error)
            if not says_out_of_memory(error):
                raise
            return out_of_memory(setting, _told_by(error, place))
    in_ms = [second * 1e3 for second in reading.seconds]
    evidence = _evidence(in_ms, reading)
    if place.type == "cuda":
        evidence["allocated_bytes"] = torch.cuda.max_memory_allocated(place)
    return of_process(params.batch, quartiles(in_ms)[1], setting, evidence)


def stopwatch_for(device: torch.device) -> Stopwatch:
    """Make the stopwatch of a device, with the limits that the protocol states."""
    return Stopwatch(clock=clock_for(device))


def _refuse_precision(params: ThroughputParams, place: torch.device) -> None:
    """Refuse a precision that the device would quietly replace by another."""
    name = params.precision
    if place.type == "cpu":
        if name == "tf32_on":
            raise NotMeasurableError(
                "throughput: precision 'tf32_on' wants a CUDA device, found the CPU, which "
                "computes float32; ask for 'default'"
            )
        return
    if _TF32_OVERRIDE in os.environ:
        raise NotMeasurableError(
            f"throughput: wants the precision of the params, found {_TF32_OVERRIDE} in the "
            "environment, which overrules it; unset it"
        )
    if name in {"tf32_on", "autocast_bf16"} and torch.cuda.get_device_capability(place) < _AMPERE:
        raise NotMeasurableError(
            f"throughput: precision {name!r} wants a GPU of compute capability 8.0 or more, "
            f"found {torch.cuda.get_device_name(place)}; run on a newer GPU"
        )


def _refuse_compiler(error: RuntimeError) -> None:
    """Refuse to measure a compiled model where there is nothing that compiles it."""
    known = sys.modules.get("torch._dynamo.exc")  # loaded once something is compiled, and slowly
    if known is None or not isinstance(error, known.BackendCompilerFailed):
        return
    inner = error.inner_exception
    said = str(inner).partition("\n")[0]
    raise NotMeasurableError(
        "throughput: wants torch.compile to work, found that it does not "
        f"({type(inner).__name__}: {said}); install the compiler that it asks for, or leave "
        "compiled out"
    ) from error


def _release_memory() -> None:
    """Give back what earlier measurements of this process left, so that this one has it all."""
    if "torch._dynamo" in sys.modules:  # a compiled model is kept by its compiler
        torch.compiler.reset()
    gc.collect()
    torch.cuda.empty_cache()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _setting(params: ThroughputParams, place: torch.device) -> dict[str, JsonValue]:
    """Lay out what all processes of one measurement must have in common."""
    is_cuda = place.type == "cuda"
    return {
        "batch": params.batch,
        "device": class_name(place),
        "name": torch.cuda.get_device_name(place) if is_cuda else None,
        "kernel": kernel_of(params, place),
        "precision": flags(place),
        "threads": torch.get_num_threads(),
    }


def _read(params: ThroughputParams, place: torch.device) -> Reading:
    devices = [place] if place.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(0)  # also for models that draw numbers as they run
        model, images = _model(params, place), _images(params, place)
        if place.type == "cpu":
            return stopwatch_for(place).read(lambda: model(images))
        with torch.cuda.device(place):  # whose stream takes the events
            return stopwatch_for(place).read(lambda: model(images))


def _model(params: ThroughputParams, place: torch.device) -> nn.Module:
    """Build the model on the CPU, where seed 0 draws the same weights for every device."""
    model = build_model(
        params.model,
        num_classes=params.num_classes,
        image_size=params.image_size,
        implementation=params.implementation,
    )
    model = model.to(place).to(memory_format=_memory_format(params))
    return cast(nn.Module, torch.compile(model)) if params.compiled else model


def _images(params: ThroughputParams, place: torch.device) -> Tensor:
    """Draw the batch, (B, 3, H, W)."""
    images = torch.randn(params.batch, 3, params.image_size, params.image_size)
    return images.to(place, memory_format=_memory_format(params))


def _memory_format(params: ThroughputParams) -> torch.memory_format:
    is_last = params.layout == "channels_last"
    return torch.channels_last if is_last else torch.contiguous_format


def _told_by(error: RuntimeError, place: torch.device) -> dict[str, JsonValue]:
    """Lay out what the allocator said, and how much tensors had taken by then."""
    said: dict[str, JsonValue] = {"error": str(error).partition("\n")[0]}
    if place.type == "cuda":
        said["allocated_bytes"] = torch.cuda.max_memory_allocated(place)
    return said


def _evidence(in_ms: list[float], reading: Reading) -> dict[str, JsonValue]:
    """Lay out the passes that counted and those before them; milliseconds per batch."""
    warm_up = reading.warm_up
    return {
        "iterations": len(in_ms),
        "quartiles_ms": list(quartiles(in_ms)),
        "range_ms": [min(in_ms), max(in_ms)],
        "mean_ms": sum(in_ms) / len(in_ms),
        "drift": reading.drift,
        "warm_up": {
            "first_s": warm_up.first_s,
            "seconds": warm_up.seconds,
            "windows": len(warm_up.windows),
            "last_windows_ms": [window * 1e3 for window in warm_up.windows[-3:]],
            "converged": warm_up.converged,
        },
    }
