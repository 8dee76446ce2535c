"""What a reproduction is: typed params in, one measurement out. Imports no torch.

A reproduction is declared once as a ``Spec`` (names, units, conventions; torch-free,
so that claims can be checked without loading torch) and implemented once as a
function under ``@reproduction`` in the module the spec names.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from reproductions.errors import NotMeasurableError, ReproductionError

__all__ = [
    "REGISTRY",
    "SPECS",
    "Convention",
    "Device",
    "Measurement",
    "NotMeasurableError",
    "Params",
    "Quantity",
    "Spec",
    "Unit",
    "declare",
    "reproduction",
]

# fmt: off
Unit = Literal[
    "Mparam", "param", "Gparam", "GMAC", "ratio", "percent", "point", "exponent",
    "AP", "mIoU", "cosine", "probability", "modularity", "patches", "score",
    "images/s", "samples/s", "frames/s", "ms", "s", "min", "GPU-hours", "GPU-days", "TFLOP/s",
    "MB", "GB", "GiB", "GB/s", "meV", "meV/A", "eV/A",
    "nodes", "edges", "distances", "neighbors", "channels", "blocks", "layer",
    "partitions", "groups", "images", "samples", "epochs", "iterations", "runs", "models",
    "variants", "datasets", "claims", "papers", "references", "versions", "cells", "aspects",
    "pixels", "GPUs",
    "count", "cm", "correlation",
]
# fmt: on
"""Units a measurement or a printed number may have; ``point`` is a difference of percentages."""

Device = str
"""Where the measurement runs, as torch names it: ``cpu``, ``cuda:0``."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Params(_Frozen):
    """Everything that changes the number. Subclasses add fields; none is ever implied."""

    model_config = ConfigDict(strict=True)

    def subject(self) -> str | None:
        """Name the model measured, if there is one."""
        return None

    def family(self) -> str | None:
        """Name the model's family as its registry has it; convention evidence stays inside it."""
        return None

    def absent(self) -> str | None:
        """Say in one clause what these params name that does not exist; None if all does."""
        return None

    def suggestion(self) -> str:
        """Say, as a clause, which existing thing was perhaps meant; asked only when absent."""
        return ""

    def modules(self) -> tuple[str, ...]:
        """Name the modules of this project that supply the model; they count for staleness."""
        return ()

    def packages(self) -> tuple[str, ...]:
        """Name the installed packages that supply the model; their versions count likewise."""
        return ()

    def artifacts(self) -> tuple[str, ...]:
        """Name the weights and data sets that are read; what is fetched counts likewise."""
        return ()

    def printed_on(self) -> str | None:
        """Name the class of GPU that printed figures were taken on; None where none matters."""
        return None

    def wants_cuda(self) -> bool:
        """Tell whether only a CUDA device will do."""
        return False

    def drawn(self) -> float:
        """Tell how many weights, in millions, are drawn for it, to plan by; 0 if shapes do."""
        return 0.0

    def stand_in(self) -> str | None:
        """Name, as a clause, what was never shown equal to the authors' own; None if nothing."""
        return None

    def mistaken(self) -> str | None:
        """Say as a clause which mistake in measuring they stand for; None if for none."""
        return None

    def mistaken_beside(self, meant: Mapping[str, JsonValue]) -> str | None:
        """Say so again, given the facts of what was measured with ``corrected()``."""
        return self.mistaken()

    def corrected(self) -> Self:
        """Give the same without that mistake."""
        return self


class Quantity(_Frozen):
    """One measured number with its interval; a deterministic one has low = value = high."""

    value: float
    low: float
    high: float
    level: float | None = None
    """Error rate the interval was computed for; None where the quantity is exact."""
    unit: Unit

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.value <= self.high:
            msg = f"want low <= value <= high, got {self.low}, {self.value}, {self.high}"
            raise ValueError(msg)
        return self

    @classmethod
    def exact(cls, value: float, unit: Unit) -> Self:
        """Make a quantity without spread."""
        if not math.isfinite(value):
            raise ReproductionError(f"want a finite number of {unit}, got {value}")
        return cls(value=value, low=value, high=value, unit=unit)


class Measurement(_Frozen):
    """What one run of a reproduction found."""

    values: dict[str, Quantity]
    """By key: the conventions, layers, modes or batch sizes that the reproduction documents."""
    facts: dict[str, JsonValue] = {}
    """Exact structures, which have no interval: a word, an integer, a schedule."""
    samples: dict[str, list[float]] = {}
    """The single readings behind a value, where there were several."""
    evidence: dict[str, JsonValue] = {}
    """Numbers from which a reader re-derives the values."""


@dataclass(frozen=True, kw_only=True)
class Convention:
    """One way of counting: a key of the measurement."""

    name: str
    counts: str
    """What is counted, as a clause that completes "counts ..."."""
    sound: bool = True
    """Whether it counts everything it names; an unsound one never passes a claim."""
    sound_if_zero: str | None = None
    """A key of the measurement that says how much the convention missed in this model.

    An unsound convention with such a key counts everything it names, after all, in a model
    where the key is 0; ask ``is_sound_in``, which knows.
    """

    def is_sound_in(self, measurement: Measurement) -> bool:
        """Tell whether it counted everything it names in the model that was measured."""
        missed = measurement.values.get(self.sound_if_zero) if self.sound_if_zero else None
        return self.sound or (missed is not None and missed.low == missed.high == 0)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What is known of a reproduction without running it."""

    name: str
    module: str
    """Where the function stands; importing it may load torch."""
    params: type[Params]
    unit: Unit
    units: Mapping[str, Unit] = field(default_factory=dict)
    """Keys in another unit than ``unit``."""
    conventions: tuple[Convention, ...]
    """In declared order; the first one is the default. None where every key is a fact."""
    facts: tuple[str, ...] = ()
    """Keys that are not ways of counting one number; a claim is about one only if it says so."""
    readings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """A fact to others that read the same word differently; documents do not say which they mean.

    A miss that another reading fits is left open.
    """
    better: Literal["higher", "lower", "none"]
    tried: tuple[Mapping[str, JsonValue], ...] = ()
    """Params that differ, each with a larger figure: of a print above what was measured, they are
    measured to explain it, and never for a verdict."""
    protocol: int
    """Goes up when the way of measuring changes on purpose; older measurements are then stale."""
    cost_s: float
    """Seconds one measurement takes on two CPU cores, for the plan's estimate."""
    time_limit_s: float
    memory_limit_gib: float
    tolerance: tuple[str, Unit] | None = None
    """Amount and unit that a claim is allowed where it states none; counts are allowed none."""
    processes: int = 1
    """Fresh processes it is pooled from, at least; 1: it runs in the long-lived process.

    What differs in the model alone runs in the same processes, in turn.
    """
    beside: bool = False
    """It reads no clock and no meter, so that another of its kind may run at the same time.

    It runs on one thread, so that sums are rounded the same on any number of processors.
    """
    pool: Callable[[Sequence[Measurement]], Measurement] | None = None
    """Makes one measurement out of those of the processes, in the order in which they ran."""

    def unit_of(self, key: str) -> Unit:
        """Give the unit of a key of the measurement."""
        return self.units.get(key, self.unit)

    def keys_told(self) -> str:
        """List the keys for people, a numbered series by its first and its last."""
        told: dict[str, list[str]] = {}
        for key in (*(convention.name for convention in self.conventions), *self.facts):
            told.setdefault(key.rstrip("0123456789"), []).append(key)
        ends = ((names[0], names[-1]) for names in told.values())
        return ", ".join(first if first == last else f"{first} to {last}" for first, last in ends)

    def __post_init__(self) -> None:
        """Hold ``processes`` and ``pool`` to each other.

        Raises:
            ReproductionError: no process at all, several without a way to pool them, or a way to
                pool a single one.
        """
        if self.processes < 1:
            raise ReproductionError(
                f"spec {self.name!r}: want at least 1 process, got {self.processes}; correct it"
            )
        if (self.processes > 1) != (self.pool is not None):
            wanted = "a pool" if self.processes > 1 else "no pool"
            raise ReproductionError(
                f"spec {self.name!r}: want {wanted} for processes={self.processes}; "
                "a measurement is pooled if it comes from more than one process"
            )


ReproductionFunction = Callable[[Any, Device], Measurement]
F = TypeVar("F", bound=ReproductionFunction)

SPECS: dict[str, Spec] = {}
REGISTRY: dict[str, ReproductionFunction] = {}


def declare(spec: Spec) -> Spec:
    """Make a reproduction known by name.

    Raises:
        ReproductionError: the name is taken by another declaration.
    """
    if SPECS.setdefault(spec.name, spec) != spec:
        raise ReproductionError(f"reproduction {spec.name!r} is declared twice; rename one")
    return spec


def reproduction(function: F) -> F:
    """Register ``function`` as the implementation of the spec of the same name.

    Raises:
        ReproductionError: no spec of that name was declared.
    """
    name = function.__name__
    if name not in SPECS:
        raise ReproductionError(f"reproduction {name!r}: want a declared Spec first, found none")
    REGISTRY[name] = function
    return function
