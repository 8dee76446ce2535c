"""Anchors: what a device does with three known loads, before and after a timing session.

Protocol: a float32 product of two square matrices (TF32 off), a copy from one buffer to another
on the device, and a forward pass of timm's ResNet-18; each is timed lap by lap for a fraction of
a second after a short warm-up, and the fastest lap counts: what else a machine does only ever
adds time, so the least is what the device itself takes, and the most stable.
Cost: about a second. Source: section "Speed" of docs/method.md.
"""

from collections.abc import Callable
from statistics import median

import torch
from pydantic import JsonValue

from reproductions.catalog import AnchorsParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.models import build_model
from reproductions.precision import running_in
from reproductions.stopwatch import Stopwatch, laps_for, watch_of
from reproductions.throughput import device_for, name_of

_PINNED = "resnet18"
_SIDE = {"cuda": 4096, "cpu": 512}
"""Of the matrices."""
_BYTES = {"cuda": 256 * 2**20, "cpu": 32 * 2**20}
"""Of the buffer; twice that is moved."""
_BATCH = {"cuda": 32, "cpu": 1}
_SECONDS = 0.3
_FEWEST = 3


@reproduction
def anchors(params: AnchorsParams, device: Device) -> Measurement:
    """Time the three loads."""
    runs_on = device_for(params.wants_cuda(), device)
    kind = torch.device(runs_on).type
    watch = watch_of(runs_on)
    torch.manual_seed(0)
    with torch.inference_mode(), running_in("tf32_off", runs_on):
        laps = {
            "matmul": timed(watch, _product(_SIDE[kind], runs_on)),
            "copy": timed(watch, _copy(_BYTES[kind], runs_on)),
            "model": timed(watch, _forward(_BATCH[kind], runs_on)),
        }
    best = {name: min(taken) for name, taken in laps.items()}
    return Measurement(
        values={
            "matmul": Quantity.exact(2 * _SIDE[kind] ** 3 / best["matmul"] / 1e12, "TFLOP/s"),
            "copy": Quantity.exact(2 * _BYTES[kind] / best["copy"] / 1e9, "GB/s"),
            "model": Quantity.exact(_BATCH[kind] / best["model"], "images/s"),
        },
        facts={"device": name_of(runs_on)},
        evidence={name: _told(taken) for name, taken in laps.items()},
    )


def timed(watch: Stopwatch, run: Callable[[], object]) -> list[float]:
    """Run a few times to warm up, then for a fraction of a second; give seconds of each lap."""
    lap = min(watch.laps(run, _FEWEST))
    return watch.laps(run, max(_FEWEST, laps_for(lap, _SECONDS)))


def _told(laps: list[float]) -> JsonValue:
    return {"laps": len(laps), "least_ms": 1e3 * min(laps), "median_ms": 1e3 * median(laps)}


def _product(side: int, device: str) -> Callable[[], object]:
    left, right = torch.randn(2, side, side, device=device)
    return lambda: left @ right


def _copy(size: int, device: str) -> Callable[[], object]:
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def _forward(batch: int, device: str) -> Callable[[], object]:
    model = build_model(_PINNED, num_classes=1000).to(device)
    images = torch.randn(batch, 3, 224, 224, device=device)
    return lambda: model(images)
