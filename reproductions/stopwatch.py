"""Times an action over and over, on the CPU or on a CUDA device.

The device takes commands faster than it carries them out, so that there the time of an
iteration lies between two events on its stream, and the process waits for them once per window
of iterations rather than after each.
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch

from reproductions.errors import ReproductionError

__all__ = [
    "Clock",
    "EventClock",
    "Reading",
    "Stopwatch",
    "WallClock",
    "WarmUp",
    "clock_for",
    "quartiles",
]

Action = Callable[[], object]

_MOST_ITERATIONS = 10_000
"""Of a window: its events are made beforehand."""


class Clock(Protocol):
    """Runs an action several times in a row."""

    def seconds(self, action: Action, iterations: int) -> list[float]:
        """Return how long each iteration took, in seconds."""


@dataclass(frozen=True)
class WallClock:
    """For a device that is done when the call returns: the CPU."""

    now: Callable[[], float] = time.perf_counter
    """Seconds since any fixed moment."""

    def seconds(self, action: Action, iterations: int) -> list[float]:
        """Read the time before and after each iteration."""
        readings, now = [], self.now
        for _ in range(iterations):
            start = now()
            action()
            readings.append(now() - start)
        return readings


@dataclass(frozen=True)
class EventClock:
    """For a CUDA device, on its current stream."""

    make_event: Callable[[], Any]
    """Makes what ``torch.cuda.Event`` is, with timing enabled."""
    wait: Callable[[], None]
    """Returns once the device has reached every event."""

    def seconds(self, action: Action, iterations: int) -> list[float]:
        """Put a pair of events around each iteration and wait once, behind the last."""
        pairs = [(self.make_event(), self.make_event()) for _ in range(iterations)]
        self.wait()  # what was given before must not delay the first event
        for start, end in pairs:
            start.record()
            action()
            end.record()
        self.wait()
        return [start.elapsed_time(end) / 1e3 for start, end in pairs]


def clock_for(device: torch.device) -> Clock:
    """Choose the clock of a device.

    Args:
        device: a CPU or CUDA device; events go on the current stream, so that a CUDA device must be
            the current one while it is timed.
    """
    if device.type == "cuda":
        return EventClock(
            make_event=partial(torch.cuda.Event, enable_timing=True),
            wait=partial(torch.cuda.synchronize, device),
        )
    return WallClock()


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """What ran before anything counted."""

    first_s: float
    """Seconds of the very first iteration, which loads, chooses and compiles."""
    seconds: float
    """Spent in iterations of windows, without the first one."""
    windows: tuple[float, ...]
    """Median of each window, in seconds per iteration."""
    converged: bool
    """Whether the last windows agreed; else time was up."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The iterations that count."""

    seconds: tuple[float, ...]
    """Of each iteration, in order."""
    warm_up: WarmUp

    @property
    def drift(self) -> float:
        """How much longer the median of the second half is than that of the first, relative."""
        half = max(1, len(self.seconds) // 2)
        return statistics.median(self.seconds[-half:]) / statistics.median(self.seconds[:half]) - 1


@dataclass(frozen=True, kw_only=True)
class Stopwatch:
    """Warms an action up in windows of iterations, then times it."""

    clock: Clock
    window_s: float = 0.25
    """Length of a window; an iteration that takes longer is a window of its own."""
    agreeing_windows: int = 3
    agreement: float = 0.01
    """How much the largest median of the last windows may exceed the smallest, relative."""
    warm_up_limit_s: float = 10.0
    """The warm-up ends with the window in which this much has passed."""
    least_iterations: int = 10
    least_s: float = 0.5

    def read(self, action: Action) -> Reading:
        """Warm up and time.

        Args:
            action: one iteration; what it returns is thrown away.

        Returns:
            At least 10 iterations and at least 0.5 s of them, after a warm-up that ended when
            the medians of three windows agreed within 1 %, or after 10 s.

        Raises:
            ReproductionError: an iteration took no time at all.
        """
        warm_up = self._warm_up(action)
        seconds: list[float] = []
        while len(seconds) < self.least_iterations or sum(seconds) < self.least_s:
            iteration_s = statistics.median(seconds or warm_up.windows[-1:])
            fitting = _fitting(self.least_s - sum(seconds), iteration_s)
            seconds += self._window(action, max(fitting, self.least_iterations - len(seconds)))
        return Reading(seconds=tuple(seconds), warm_up=warm_up)

    def _warm_up(self, action: Action) -> WarmUp:
        first_s = self._window(action, 1)[0]
        medians: list[float] = []
        spent_s, iterations = 0.0, 1
        while not self._agree(medians) and spent_s < self.warm_up_limit_s:
            window = self._window(action, iterations)
            medians.append(statistics.median(window))
            spent_s += sum(window)
            iterations = _fitting(self.window_s, medians[-1])
        return WarmUp(
            first_s=first_s,
            seconds=spent_s,
            windows=tuple(medians),
            converged=self._agree(medians),
        )

    def _agree(self, medians: Sequence[float]) -> bool:
        last = medians[-self.agreeing_windows :]
        return len(last) == self.agreeing_windows and max(last) <= min(last) * (1 + self.agreement)

    def _window(self, action: Action, iterations: int) -> list[float]:
        seconds = self.clock.seconds(action, iterations)
        for number, reading in enumerate(seconds, 1):
            if not 0 < reading < math.inf:
                raise ReproductionError(
                    f"stopwatch: want iterations that take time, read {reading} s in iteration "
                    f"{number}; the clock is too coarse for this action"
                )
        return seconds


def quartiles(readings: Sequence[float]) -> tuple[float, float, float]:
    """Return the first quartile, the median and the third, interpolated between readings.

    Args:
        readings: at least one number.

    Example:
        >>> quartiles([1.0, 2.0, 3.0, 4.0, 100.0])
        (2.0, 3.0, 4.0)
    """
    if len(readings) == 1:
        return readings[0], readings[0], readings[0]
    first, _, third = statistics.quantiles(readings, n=4, method="inclusive")
    return first, statistics.median(readings), third


def _fitting(seconds: float, iteration_s: float) -> int:
    """Count the iterations that fill so many seconds, 1 at least."""
    return min(max(1, math.ceil(seconds / iteration_s)), _MOST_ITERATIONS)
