"""Throughput: images a second of a forward pass, and how long a batch takes.

Protocol: a fresh process builds the classifier with random weights (seed 0), eval, inference
mode, and draws one batch of random images on the device. It runs until the times of three
windows agree within 1 %, or for 10 s (then the evidence says so); then ten laps or more, half a
second or more, are timed: by CUDA events on a GPU, by the host's clock on a CPU. The median lap
is what the process says. A measurement pools five or more processes; models of one batch size
run in the same processes, in turn, so that they can be compared pair by pair, and the first of
them runs once more at the end: what it differs from itself is the noise floor.
``precision`` is ``default`` unless a document says otherwise: torch's, float32 with TF32 in
convolutions alone. The batch is that of the claim: if it does not fit, that is the outcome.
``kernel`` says whether the neighbor search of ClusterViG ran on torch_cluster's kernel, as its
authors' does, or on a ``substitute``.
Values: ``throughput``, ``latency`` (ms a batch), ``noise_floor`` (percent), on a GPU
``allocated`` (GiB that tensors took at most). Facts: ``outcome``
(``runs`` or ``out_of_memory``), ``device`` (its class), ``kernel``, ``session``.
Cost: about a second a process, and the start of the process. Source: the throughput tables of
the papers; section "Statistics" of docs/method.md.
"""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from statistics import median, quantiles

import torch
from pydantic import JsonValue
from torch import nn

from reproductions.catalog import ThroughputParams
from reproductions.contract import Device, Measurement, NotMeasurableError, Quantity, reproduction
from reproductions.devices import class_of
from reproductions.models import build_model
from reproductions.precision import running_in
from reproductions.stopwatch import Stopwatch, WarmUp, time_laps, warm_up, watch_of
from vig_models.partitions import kernel_on

_NO_MEMORY = ("out of memory", "can't allocate memory")


@reproduction
def throughput(params: ThroughputParams, device: Device) -> Measurement:
    """Time ``params.model`` on one batch, in this process alone."""
    runs_on = device_for(params.wants_cuda(), device)
    try:
        with running_in(params.precision, runs_on) as settings:
            warmth, laps = _timed(params, runs_on, watch_of(runs_on))
            peak = torch.cuda.max_memory_allocated() if runs_on != "cpu" else None
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if not is_out_of_memory(error):
            raise
        return _measurement(params, runs_on, {"outcome": "out_of_memory"}, [], {})
    evidence = _evidence(settings, warmth, laps)
    measured = _measurement(params, runs_on, {"outcome": "runs"}, laps, evidence)
    if peak is None:
        return measured
    allocated = Quantity.exact(peak / 2**30, "GiB")
    return measured.model_copy(update={"values": {**measured.values, "allocated": allocated}})


def is_out_of_memory(error: RuntimeError) -> bool:
    """Tell whether an error says that memory ran out, on a GPU or on the host."""
    return any(words in str(error) for words in _NO_MEMORY)


def device_for(wants_cuda: bool, device: Device) -> str:
    """Choose where to run.

    Raises:
        NotMeasurableError: a CUDA device is wanted and there is none.
    """
    if not wants_cuda:
        return "cpu"
    if not torch.cuda.is_available():
        raise NotMeasurableError("wants a CUDA device, found none; run it on a machine with a GPU")
    return device if device.startswith("cuda") else "cuda"


def name_of(device: str) -> str:
    """Name the class of a device: ``h200``, ``cpu-x86-64``."""
    if device.startswith("cuda"):
        return class_of(torch.cuda.get_device_name(device))
    return f"cpu-{class_of(platform.machine())}"


def _timed(params: ThroughputParams, device: str, watch: Stopwatch) -> tuple[WarmUp, list[float]]:
    with torch.inference_mode():
        run = _forward(params, device)
        warmth = warm_up(watch, run)
        return warmth, time_laps(watch, run, warmth.windows[-1])


def _forward(params: ThroughputParams, device: str) -> Callable[[], object]:
    """Build the model and its batch; give one forward pass."""
    torch.manual_seed(0)
    model: nn.Module = build_model(
        params.model,
        num_classes=params.num_classes,
        image_size=params.image_size,
        implementation=params.implementation,
    ).to(device)
    side = params.image_size
    images = torch.randn(params.batch, 3, side, side, device=device)
    if params.layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    run: Callable[[torch.Tensor], object] = torch.compile(model) if params.compiled else model
    return lambda: run(images)


def _evidence(
    settings: Mapping[str, bool | str], warmth: WarmUp, laps: Sequence[float]
) -> dict[str, JsonValue]:
    low, _, high = quantiles(laps, n=4)
    return {
        "settings": {**settings},
        "laps": len(laps),
        "quartiles_ms": [1e3 * low, 1e3 * high],
        "warm_up": {
            "converged": warmth.converged,
            "seconds": warmth.seconds,
            "windows": len(warmth.windows),
        },
        "threads": torch.get_num_threads(),
        "processors": os.cpu_count(),
    }


def _measurement(
    params: ThroughputParams,
    device: str,
    outcome: Mapping[str, JsonValue],
    laps: Sequence[float],
    evidence: Mapping[str, JsonValue],
) -> Measurement:
    values, samples = {}, {}
    if laps:
        lap = median(laps)
        values = {
            "throughput": Quantity.exact(params.batch / lap, "images/s"),
            "latency": Quantity.exact(1e3 * lap, "ms"),
        }
        samples = {"latency_ms": [1e3 * lap]}
    kernel = kernel_on(device) if params.family() == "clustervig" else "none"
    return Measurement(
        values=values,
        facts={**outcome, "device": name_of(device), "kernel": kernel},
        samples=samples,
        evidence=dict(evidence),
    )
