"""How long something takes: warmed up, then lap by lap, on the clock of the device.

On a GPU a pair of CUDA events brackets each lap and the host waits once a window, so that it
disturbs nothing in between; on a CPU it is the processor's clock.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Protocol

import torch

Run = Callable[[], object]

WINDOWS_AGREE = 0.01
"""Warm once the medians of three windows in a row lie within this share of each other."""
WARM_WINDOWS = 3
WARM_UP_LIMIT_S = 10.0
WINDOW_S = 0.1
LEAST_LAPS = 10
LEAST_S = 0.5


class Stopwatch(Protocol):
    """A clock that times laps."""

    def laps(self, run: Run, count: int) -> list[float]:
        """Run ``count`` times and give the seconds of each."""


class ProcessorWatch:
    """The clock of the host."""

    def laps(self, run: Run, count: int) -> list[float]:
        """Run ``count`` times and give the seconds of each."""
        taken = []
        for _ in range(count):
            start = time.perf_counter()
            run()
            taken.append(time.perf_counter() - start)
        return taken


class CudaWatch:
    """The clock of the current GPU."""

    def laps(self, run: Run, count: int) -> list[float]:
        """Run ``count`` times and give the seconds of each."""
        pair = partial(torch.cuda.Event, enable_timing=True)
        events = [(pair(), pair()) for _ in range(count)]
        torch.cuda.synchronize()
        for start, end in events:
            start.record()
            run()
            end.record()
        torch.cuda.synchronize()
        return [start.elapsed_time(end) / 1e3 for start, end in events]


@dataclass(frozen=True)
class WarmUp:
    """How warming up went."""

    windows: tuple[float, ...]
    """Median seconds of a lap in each window."""
    seconds: float
    converged: bool
    """Whether the last windows agreed; False where time ran out."""


def watch_of(device: str) -> Stopwatch:
    """Give the clock of a device."""
    return CudaWatch() if device.startswith("cuda") else ProcessorWatch()


def warm_up(watch: Stopwatch, run: Run, limit_s: float = WARM_UP_LIMIT_S) -> WarmUp:
    """Run until the times stand still, or until time is up.

    Args:
        watch: the clock.
        run: what is timed.
        limit_s: seconds after which no further window begins.
    """
    spent, windows, laps = 0.0, [], 1
    while True:
        taken = watch.laps(run, laps)
        spent += sum(taken)
        windows.append(median(taken))
        converged = _agree(windows[1:][-WARM_WINDOWS:])  # the first lap compiles and allocates
        if converged or spent >= limit_s:
            return WarmUp(tuple(windows), spent, converged)
        laps = laps_for(windows[-1], WINDOW_S)


def time_laps(watch: Stopwatch, run: Run, expected_s: float) -> list[float]:
    """Time enough laps for a median: ten or more, half a second or more.

    Args:
        watch: the clock.
        run: what is timed, warm.
        expected_s: seconds of a lap, as far as known.
    """
    taken = watch.laps(run, max(LEAST_LAPS, laps_for(expected_s, LEAST_S)))
    while sum(taken) < LEAST_S:
        taken += watch.laps(run, max(1, laps_for(median(taken), LEAST_S - sum(taken))))
    return taken


def laps_for(lap_s: float, wanted_s: float) -> int:
    """Count the laps that make up a time; one at least, and no more than a window can hold."""
    return max(1, min(_MOST_LAPS, int(wanted_s / lap_s) + 1)) if lap_s > 0 else _MOST_LAPS


_MOST_LAPS = 1000


def _agree(windows: Sequence[float]) -> bool:
    return len(windows) == WARM_WINDOWS and max(windows) <= (1 + WINDOWS_AGREE) * min(windows)
