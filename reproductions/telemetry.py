"""Watches a GPU while others use it: clocks, power, temperature, throttling, who else is there.

NVIDIA's management library is asked five times a second from a thread of its own. Imports no
torch and runs in the process that measures nothing, so that it disturbs what is measured no more
than any other program that reads the card.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import groupby
from statistics import median
from typing import Any, Protocol, Self

from reproductions.devices import first_visible

HZ = 5

SLOWDOWNS = {
    0x0000000000000004: "power_cap",
    0x0000000000000008: "hardware_slowdown",
    0x0000000000000020: "thermal_software",
    0x0000000000000040: "thermal_hardware",
    0x0000000000000080: "power_brake",
}
"""Reasons for lower clocks, by the bit that NVML sets for each; idling and set clocks aside."""


@dataclass(frozen=True)
class Reading:
    """What the card said at one moment; None where it does not report a figure."""

    sm_mhz: float | None
    memory_mhz: float | None
    watts: float | None
    celsius: float | None
    busy_percent: float | None
    slowdowns: frozenset[str]
    processes: frozenset[int]
    """Numbers of the processes that compute on it, as the driver counts them."""


class Card(Protocol):
    """One GPU that can be asked."""

    @property
    def error(self) -> type[Exception]:
        """What ``read`` raises when the card is gone."""

    def describe(self) -> dict[str, Any]:
        """Name the card and its driver; never a serial number."""

    def read(self) -> Reading:
        """Ask for everything once; raises if the card is gone."""


@dataclass
class Telemetry:
    """Reads a card from the moment it is entered until it is left."""

    card: Card | None
    because: str = ""
    """Why there is no card to ask."""
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait
    readings: list[Reading] = field(default_factory=list)
    others: frozenset[int] = frozenset()
    """Processes that computed on the card before ours began."""
    lost: str | None = None
    """What the card said when it could no longer be read."""

    def __enter__(self) -> Self:
        """Begin to read."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read_on, daemon=True)
        if self.card is not None:
            try:
                self.others = self.card.read().processes
            except self.card.error as error:
                self.lost = str(error)
            else:
                self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop reading."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _read_on(self) -> None:
        while self.card is not None:
            try:
                self.readings.append(self.card.read())
            except self.card.error as error:
                self.lost = str(error)
                return
            if self.wait(self._stop, 1 / HZ):
                return

    def summary(self) -> dict[str, Any]:
        """Say what was seen, ready for the ledger."""
        if self.card is None:
            return {"available": False, "because": self.because}
        ranges = {
            name: _range([getattr(reading, name) for reading in self.readings])
            for name in ("sm_mhz", "memory_mhz", "watts", "celsius", "busy_percent")
        }
        slow = {
            name: sum(name in reading.slowdowns for reading in self.readings)
            for name in SLOWDOWNS.values()
        }
        return {
            "available": True,
            "card": self.card.describe(),
            "readings": len(self.readings),
            "hz": HZ,
            **ranges,
            "readings_slowed_by": {name: count for name, count in slow.items() if count},
            "other_processes": len(self.others),
            "most_processes": max((len(r.processes) for r in self.readings), default=0),
            "readings_crowded": _longest(len(r.processes) > 1 for r in self.readings),
            "lost": self.lost,
        }


def _longest(answers: Iterable[bool]) -> int:
    """Count the longest row of yes."""
    return max((len(list(row)) for is_yes, row in groupby(answers) if is_yes), default=0)


def _range(values: Sequence[float | None]) -> dict[str, float] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {"least": min(known), "median": median(known), "most": max(known)}


def telemetry_of(nvml: Any = None) -> Telemetry:
    """Give what watches the first card that CUDA shows, or says why it cannot be watched.

    Args:
        nvml: the management library; None loads it.
    """
    try:
        library = nvml or import_module("pynvml")
    except ImportError:
        return Telemetry(None, "nvidia-ml-py cannot be imported")
    try:
        library.nvmlInit()
        handle = first_visible(library)
    except library.NVMLError as error:
        return Telemetry(None, f"NVML says: {error}")
    if handle is None:
        return Telemetry(None, "CUDA_VISIBLE_DEVICES hides every card")
    return Telemetry(NvmlCard(library, handle))


@dataclass(frozen=True)
class NvmlCard:
    """A GPU behind NVIDIA's management library."""

    nvml: Any
    handle: Any

    @property
    def error(self) -> type[Exception]:
        """What ``read`` raises when the card is gone."""
        error: type[Exception] = self.nvml.NVMLError
        return error

    def describe(self) -> dict[str, Any]:
        """Name the card and its driver."""
        return {
            "name": self.nvml.nvmlDeviceGetName(self.handle),
            "driver": self.nvml.nvmlSystemGetDriverVersion(),
        }

    def read(self) -> Reading:
        """Ask for everything once."""
        nvml, handle = self.nvml, self.handle
        reasons = self._ask(nvml.nvmlDeviceGetCurrentClocksEventReasons) or 0
        running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        milliwatts = self._ask(nvml.nvmlDeviceGetPowerUsage)
        busy = self._ask(nvml.nvmlDeviceGetUtilizationRates)
        return Reading(
            sm_mhz=self._ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
            memory_mhz=self._ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_MEM),
            watts=None if milliwatts is None else milliwatts / 1e3,
            celsius=self._ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
            busy_percent=None if busy is None else busy.gpu,
            slowdowns=frozenset(name for bit, name in SLOWDOWNS.items() if reasons & bit),
            processes=frozenset(process.pid for process in running),
        )

    def _ask(self, figure: Callable[..., Any], *about: Any) -> Any:
        """Ask for one figure; None from a card that does not report it."""
        try:
            return figure(self.handle, *about)
        except self.nvml.NVMLError_NotSupported:
            return None


def nothing_watched() -> Telemetry:
    """Give the telemetry of a device that has none: a CPU."""
    return Telemetry(None, "a CPU is not watched")


Summary = Mapping[str, Any]
"""What ``Telemetry.summary`` gives."""
