"""Watching a GPU: a card that is made up, and a management library that is."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from reproductions.telemetry import HZ, NvmlCard, Reading, Telemetry, telemetry_of


class LostError(Exception):
    """What the made-up library raises."""


class NotSupportedError(LostError):
    """What it raises for a figure that a card does not report."""


class Card:
    error = LostError

    def __init__(self, *, lost_after=None, processes=lambda number: ()):
        self.number, self.lost_after, self.processes = 0, lost_after, processes

    def describe(self):
        return {"name": "Toy GPU", "driver": "1.2"}

    def read(self):
        self.number += 1
        if self.lost_after is not None and self.number > self.lost_after:
            raise LostError("GPU is lost")
        slow = frozenset({"power_cap"}) if self.number % 2 else frozenset()
        running = frozenset(self.processes(self.number))
        return Reading(1000 + self.number, 2000, 300, 60, 99, slow, running)


def clock(seconds):
    """Make a wait that lets so many seconds pass without waiting, and tells when it is over."""
    over, passed = threading.Event(), [0.0]

    def wait(_stop, interval):
        passed[0] += interval
        if passed[0] < seconds - 1e-9:
            return False
        over.set()
        return True

    return wait, over


def watched(card, seconds=10):
    wait, over = clock(seconds)
    with Telemetry(card, wait=wait) as telemetry:
        if card.lost_after is None:
            assert over.wait(10)
        else:
            telemetry._thread.join(10) if telemetry._thread.is_alive() else None
    return telemetry.summary()


def test_it_reads_five_times_a_second():
    assert watched(Card())["readings"] == 10 * HZ == 50


def test_it_tells_the_range_of_what_it_read_and_how_often_the_card_was_slowed():
    found = watched(Card())
    assert found["sm_mhz"] == {"least": 1002, "median": 1026.5, "most": 1051}
    assert found["readings_slowed_by"] == {"power_cap": 25}
    assert found["card"] == {"name": "Toy GPU", "driver": "1.2"}


def test_a_figure_that_a_card_does_not_report_is_none_and_never_zero():
    class Silent(Card):
        def read(self):
            return replace(super().read(), watts=None)

    assert watched(Silent())["watts"] is None


def test_processes_that_were_there_before_are_counted_apart():
    found = watched(Card(processes=lambda number: (7, 8) if number == 1 else (7, 8, 9)))
    assert (found["other_processes"], found["most_processes"]) == (2, 3)


def test_the_longest_row_of_readings_with_two_processes_is_counted():
    theirs = {5, 6, 7, 20, 21}  # readings, of which the first comes before the session
    found = watched(Card(processes=lambda number: (1, 2) if number in theirs else (1,)))
    assert (found["readings_crowded"], found["most_processes"]) == (3, 2)


@pytest.mark.parametrize("lost_after", [0, 5])
def test_a_card_that_is_lost_is_told_and_what_was_read_is_kept(lost_after):
    found = watched(Card(lost_after=lost_after))
    assert found["lost"] == "GPU is lost"
    assert found["readings"] == max(0, lost_after - 1)


def test_a_library_that_finds_no_card_is_an_absence_with_a_reason():
    def fail():
        raise LostError("no driver")

    library = SimpleNamespace(NVMLError=LostError, nvmlInit=fail)
    with telemetry_of(nvml=library) as telemetry:
        pass
    assert telemetry.summary() == {"available": False, "because": "NVML says: no driver"}


def test_cards_that_are_all_hidden_are_an_absence_with_a_reason(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    library = SimpleNamespace(NVMLError=LostError, nvmlInit=lambda: None)
    with telemetry_of(nvml=library) as telemetry:
        pass
    assert telemetry.summary()["because"] == "CUDA_VISIBLE_DEVICES hides every card"


def refuse(*_):
    raise NotSupportedError("not supported")


@pytest.mark.parametrize("reports_power", [True, False])
def test_a_card_behind_the_library_is_read_as_far_as_it_reports(reports_power):
    library = SimpleNamespace(
        NVMLError=LostError,
        NVMLError_NotSupported=NotSupportedError,
        NVML_CLOCK_SM=1,
        NVML_CLOCK_MEM=2,
        NVML_TEMPERATURE_GPU=0,
        nvmlDeviceGetName=lambda handle: "Toy GPU",
        nvmlSystemGetDriverVersion=lambda: "1",
        nvmlDeviceGetCurrentClocksEventReasons=lambda handle: 0x40 | 0x4 | 0x1,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: [SimpleNamespace(pid=42)],
        nvmlDeviceGetClockInfo=lambda handle, kind: 1000 * kind,
        nvmlDeviceGetPowerUsage=(lambda handle: 250_500) if reports_power else refuse,
        nvmlDeviceGetTemperature=lambda handle, kind: 61,
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=97),
    )
    card = NvmlCard(library, "handle")
    slow = frozenset({"thermal_hardware", "power_cap"})
    watts = 250.5 if reports_power else None
    assert card.read() == Reading(1000, 2000, watts, 61, 97, slow, frozenset({42}))
    assert card.error is LostError
    assert card.describe() == {"name": "Toy GPU", "driver": "1"}


def test_the_library_that_is_installed_has_what_is_asked_of_it():
    nvml = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    wanted = [
        "nvmlDeviceGetCurrentClocksEventReasons",
        "nvmlDeviceGetComputeRunningProcesses",
        "nvmlDeviceGetClockInfo",
        "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetTemperature",
        "nvmlDeviceGetUtilizationRates",
        "NVML_CLOCK_SM",
        "NVML_CLOCK_MEM",
        "NVML_TEMPERATURE_GPU",
        "NVMLError",
        "NVMLError_NotSupported",
    ]
    assert [name for name in wanted if not hasattr(nvml, name)] == []
