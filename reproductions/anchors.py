"""Anchors: what a device does with three known loads, before and after a timing session.

Protocol: a float32 product of two square matrices (TF32 off), a copy from one buffer to another
on the device, and a forward pass of timm's ResNet-18; each is timed lap by lap for a fraction of
a second after a short warm-up, and the fastest lap counts: what else a machine does only ever
adds time, so the least is what the device itself takes, and the most stable.
Cost: about a second. Source: section "Speed" of docs/method.md.
"""

from collections.abc import Callable
from math import ceil
from statistics import median

import torch
from pydantic import JsonValue

from reproductions.catalog import AnchorsParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.models import build_model
from reproductions.placement import class_name, place_of
from reproductions.precision import precision
from reproductions.stopwatch import Clock, clock_for

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
    place = place_of("anchors", device, wants_cuda=params.wants_cuda())
    kind, clock = place.type, clock_for(place)
    torch.manual_seed(0)
    with torch.inference_mode(), precision("tf32_off", place):
        laps = {
            "matmul": timed(clock, _product(_SIDE[kind], place)),
            "copy": timed(clock, _copy(_BYTES[kind], place)),
            "model": timed(clock, _forward(_BATCH[kind], place)),
        }
    best = {name: min(taken) for name, taken in laps.items()}
    return Measurement(
        values={
            "matmul": Quantity.exact(2 * _SIDE[kind] ** 3 / best["matmul"] / 1e12, "TFLOP/s"),
            "copy": Quantity.exact(2 * _BYTES[kind] / best["copy"] / 1e9, "GB/s"),
            "model": Quantity.exact(_BATCH[kind] / best["model"], "images/s"),
        },
        facts={"device": class_name(place)},
        evidence={name: _told(taken) for name, taken in laps.items()},
    )


def timed(clock: Clock, run: Callable[[], object]) -> list[float]:
    """Run a few times to warm up, then for a fraction of a second; give seconds of each lap."""
    lap = min(clock.seconds(run, _FEWEST))
    return clock.seconds(run, max(_FEWEST, ceil(_SECONDS / lap)))


def _told(laps: list[float]) -> JsonValue:
    return {"laps": len(laps), "least_ms": 1e3 * min(laps), "median_ms": 1e3 * median(laps)}


def _product(side: int, device: torch.device) -> Callable[[], object]:
    left, right = torch.randn(2, side, side, device=device)
    return lambda: left @ right


def _copy(size: int, device: torch.device) -> Callable[[], object]:
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def _forward(batch: int, device: torch.device) -> Callable[[], object]:
    model = build_model(_PINNED, num_classes=1000).to(device)
    images = torch.randn(batch, 3, 224, 224, device=device)
    return lambda: model(images)
