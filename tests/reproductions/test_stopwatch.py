"""The stopwatch against time that a test makes up: nothing here depends on a real clock."""

import itertools
import math
import statistics

import pytest
import torch

from reproductions.errors import ReproductionError
from reproductions.stopwatch import (
    EventClock,
    Reading,
    Stopwatch,
    WallClock,
    WarmUp,
    clock_for,
    quartiles,
)

STEP = 2.0**-6
"""Seconds that add up without rounding."""


class Machine:
    """A made-up clock and an action that takes, each time, what a test plants."""

    def __init__(self, durations):
        self.time = 0.0
        self.durations = iter(durations)
        self.runs = 0

    def now(self):
        return self.time

    def act(self):
        self.runs += 1
        self.time += next(self.durations)

    def read(self, **limits):
        return Stopwatch(clock=WallClock(now=self.now), **limits).read(self.act)


class Windows:
    """A clock whose first reading and whose windows, each constant, a test plants."""

    def __init__(self, *medians, then=1.0):
        self.medians = itertools.chain(medians, itertools.repeat(then))
        self.asked = []

    def seconds(self, action, iterations):
        self.asked.append(iterations)
        return [next(self.medians)] * iterations

    def read(self):
        return Stopwatch(clock=self).read(lambda: None)


def steady(duration=STEP):
    return itertools.repeat(duration)


def test_a_steady_action_is_read_as_it_is():
    machine = Machine(steady())
    reading = machine.read()
    assert reading.seconds == (STEP,) * 32  # 0.5 s
    assert reading.drift == 0
    assert reading.warm_up == WarmUp(
        first_s=STEP, seconds=33 * STEP, windows=(STEP,) * 3, converged=True
    )
    assert machine.runs == 1 + (1 + 16 + 16) + 32  # the first, windows of 1 and of 0.25 s


@pytest.mark.parametrize(
    ("duration", "iterations"),
    [(2.0**-4, 10), (2.0**-5, 16), (2.0**-13, 4096), (4.0, 10)],
    ids=["ten are more than half a second", "half a second is more", "fast", "slow"],
)
def test_at_least_ten_iterations_and_half_a_second_are_read(duration, iterations):
    assert len(Machine(steady(duration)).read().seconds) == iterations


def test_a_window_is_read_again_while_half_a_second_is_missing():
    clock = Windows(1.0, 0.05, 0.05, 0.05, then=0.025)  # twice as fast once it counts
    reading = clock.read()
    assert clock.asked == [1, 1, 5, 5, 10, 10]
    assert len(reading.seconds) == 20


def test_a_very_fast_action_is_read_in_windows_of_bounded_length():
    clock = Windows(then=2.0**-15)
    assert len(clock.read().seconds) == 2**14
    assert clock.asked == [1, 1, 2**13, 2**13, 10_000, 2**14 - 10_000]


def test_a_slow_warm_up_does_not_count():
    falling = [STEP * (1 + 4 * 0.97**number) for number in range(300)]
    reading = Machine([*falling, *itertools.repeat(STEP, 5000)]).read()
    assert reading.warm_up.converged
    assert len(reading.warm_up.windows) > 3
    assert reading.warm_up.first_s == falling[0]
    last = reading.warm_up.windows[-3:]
    assert max(last) <= 1.01 * min(last)
    assert statistics.median(reading.seconds) <= 1.01 * last[-1]


def test_a_first_pass_that_compiles_for_minutes_leaves_the_warm_up_its_time():
    reading = Windows(300.0, then=1.0).read()
    assert reading.warm_up == WarmUp(first_s=300.0, seconds=3.0, windows=(1.0,) * 3, converged=True)


@pytest.mark.parametrize(
    ("third", "windows"),
    [(1.0099, 3), (1.01, 3), (1.0101, 5)],
    ids=["inside", "exactly on", "outside"],
)
def test_three_windows_agree_within_one_percent(third, windows):
    clock = Windows(1.0, 1.0, 1.0, third, third, third)
    reading = clock.read()
    assert len(reading.warm_up.windows) == windows
    assert reading.warm_up.converged


def test_windows_that_agree_but_for_an_earlier_one_are_not_enough():
    assert len(Windows(1.0, 2.0, 1.0, 1.0, 1.0).read().warm_up.windows) == 4


@pytest.mark.parametrize(
    ("planted", "windows"),
    [((2.0, 7.875), 3), ((2.0, 8.0), 2), ((2.0, 8.125), 2), ((11.0,), 1)],
    ids=["short of it", "exactly on", "past it", "at once"],
)
def test_the_warm_up_ends_with_the_window_in_which_ten_seconds_pass(planted, windows):
    warm_up = Windows(1.0, *planted, then=4.0).read().warm_up
    assert len(warm_up.windows) == windows
    assert warm_up.seconds == sum(warm_up.windows) >= 10
    assert not warm_up.converged


def test_drift_that_does_not_end_is_told():
    drifting = (STEP * 1.001**number for number in itertools.count())
    reading = Machine(drifting).read()
    assert not reading.warm_up.converged
    assert reading.warm_up.seconds >= 10
    assert reading.drift > 0.005


def test_outliers_do_not_move_the_median():
    disturbed = (50 * STEP if number % 10 == 3 else STEP for number in itertools.count())
    reading = Machine(disturbed).read()
    assert reading.warm_up.converged
    assert quartiles(reading.seconds) == (STEP, STEP, STEP)
    assert max(reading.seconds) == 50 * STEP


def test_throttling_while_it_counts_is_told():
    warm = 1 + 1 + 16 + 16
    durations = [*itertools.repeat(STEP, warm + 16), *itertools.repeat(1.5 * STEP, 16)]
    reading = Machine(durations).read()
    assert reading.warm_up.converged
    assert reading.drift == 0.5


def test_a_difference_of_three_percent_is_found_exactly():
    slow, fast = (
        statistics.median(Machine(steady(duration)).read().seconds)
        for duration in (1.03 * STEP, STEP)
    )
    assert slow / fast == pytest.approx(1.03, rel=1e-12, abs=0)


@pytest.mark.parametrize("reading", [0.0, -STEP, math.nan, math.inf], ids=str)
def test_an_iteration_that_takes_no_time_is_refused(reading):
    with pytest.raises(ReproductionError, match=r"iterations that take time, read .+ iteration 1;"):
        Windows(reading).read()


def test_the_wall_clock_reads_each_iteration_alone():
    machine = Machine([1.0, 2.0, 4.0])
    assert WallClock(now=machine.now).seconds(machine.act, 3) == [1.0, 2.0, 4.0]


class Stream:
    """A device that works behind the process: what it is given waits until it is waited for."""

    def __init__(self, gap=0.0):
        self.log, self.queue, self.time, self.gap = [], [], 0.0, gap

    def make_event(self):
        return Event(self)

    def act(self):
        self.queue.append(lambda: self.advance(0.25))

    def advance(self, seconds):
        self.time += seconds

    def wait(self):
        self.log.append(f"wait for {len(self.queue)}")
        for work in self.queue:
            work()
        self.queue.clear()


class Event:
    def __init__(self, stream):
        self.stream, self.reached = stream, None

    def record(self):
        self.stream.queue.append(self.reach)

    def reach(self):
        self.stream.advance(self.stream.gap)
        self.reached = self.stream.time

    def elapsed_time(self, end):
        return 1e3 * (end.reached - self.reached)


def test_the_event_clock_waits_once_and_reads_between_the_events_of_an_iteration():
    stream = Stream()
    stream.act()
    clock = EventClock(make_event=stream.make_event, wait=stream.wait)
    assert clock.seconds(stream.act, 3) == [0.25] * 3
    assert stream.log == ["wait for 1", "wait for 9"]


def test_a_gap_between_iterations_is_in_none_of_them():
    stream = Stream(gap=0.125)  # before each event: inside an iteration once, between them once
    clock = EventClock(make_event=stream.make_event, wait=stream.wait)
    assert clock.seconds(stream.act, 4) == [0.375] * 4
    assert stream.time == 4 * (0.25 + 2 * 0.125)


def test_a_device_has_its_clock():
    assert isinstance(clock_for(torch.device("cpu")), WallClock)
    assert isinstance(clock_for(torch.device("cuda:0")), EventClock)


def _reference_quartile(readings, share):
    """Interpolate between the two readings around a share of the way from least to most."""
    ordered, place = sorted(readings), share * (len(readings) - 1)
    below, above = math.floor(place), math.ceil(place)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@pytest.mark.parametrize("readings", [[3.0], [4.0, 1.0], [5.0, 1.0, 9.0, 2.0, 7.0, 3.0]], ids=len)
def test_quartiles_are_interpolated(readings):
    expected = [_reference_quartile(readings, share) for share in (0.25, 0.5, 0.75)]
    assert quartiles(readings) == pytest.approx(expected, rel=1e-12, abs=0)


def test_drift_compares_the_halves():
    warm_up = WarmUp(first_s=1, seconds=1, windows=(1,), converged=True)
    assert Reading(seconds=(1, 1, 1, 9, 2, 2, 2), warm_up=warm_up).drift == 1
    assert Reading(seconds=(1,), warm_up=warm_up).drift == 0
