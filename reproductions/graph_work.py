"""Watches a model build its graphs: distances evaluated and time taken, block by block."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from typing import Any

import torch
from torch import nn

from reproductions.errors import ReproductionError
from reproductions.graph_functions import BOUNDARIES, Boundary, Kind
from vig_models.clustering import Clustering, running


@dataclass(frozen=True, kw_only=True)
class Search:
    """Distances evaluated by one call of a counted function."""

    block: str
    kind: Kind
    evaluations: int
    """Per image."""
    run: Clustering | None = None
    """The clustering it was part of."""
    iterated: bool = False
    """Whether an iteration of ``run`` called for it."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """One call of a timed function that was not made by another timed one."""

    block: str
    function: str
    seconds: float


@dataclass(kw_only=True)
class Record:
    """What was seen."""

    searches: list[Search] = field(default_factory=list)
    builds: list[Build] = field(default_factory=list)
    block: str = ""
    """The one that runs now."""
    counting: bool = True
    """Whether distances are counted, which takes time of its own."""
    depth: int = 0
    """Timed functions that run now."""

    def enter(self, device: str) -> float:
        """Note that a timed function starts, and when."""
        self.depth += 1
        return seconds(device) if self.depth == 1 else 0.0

    def leave(self, function: str, start: float, device: str) -> None:
        """Note that it ended; what another timed function called is part of that one."""
        self.depth -= 1
        if self.depth == 0:
            taken = seconds(device) - start
            self.builds.append(Build(block=self.block, function=function, seconds=taken))

    def add(self, kind: Kind, evaluations: int) -> None:
        """Note that distances were evaluated, inside a clustering or not."""
        run = running()
        self.searches.append(
            Search(
                block=self.block,
                kind=kind,
                evaluations=evaluations,
                run=run,
                iterated=run is not None and run.iterating,
            )
        )

    @property
    def seconds(self) -> float:
        """Time spent in timed functions."""
        return sum(build.seconds for build in self.builds)

    @property
    def calls(self) -> int:
        """Count the blocks that built a graph."""
        return len({build.block for build in self.builds})

    def evaluations(self) -> tuple[int, int, int]:
        """Add up the distances: at the fewest iterations, at those taken, at the most.

        Partitions are taken to be those that were found, however many iterations there are.
        """
        taken = sum(search.evaluations for search in self.searches)
        fewest = most = sum(s.evaluations for s in self.searches if not s.iterated)
        for run, amounts in _iterations(self.searches).items():
            fewest += run.fewest * min(amounts)
            most += run.most * max(amounts)
        return fewest, taken, most


def _iterations(searches: list[Search]) -> dict[Clustering, list[int]]:
    by_run: dict[Clustering, list[int]] = {}
    for search in searches:
        if search.run is not None and search.iterated:
            by_run.setdefault(search.run, []).append(search.evaluations)
    return by_run


@contextmanager
def watch(
    family: str, *, device: str = "cpu", model: nn.Module | None = None, counting: bool = True
) -> Iterator[Record]:
    """Record what the functions of ``family`` do while the context is open, in every instance.

    Args:
        family: a key of ``BOUNDARIES``.
        device: where they run; a GPU is waited for before each look at the clock.
        model: its blocks are told apart; without it all is one block, named "".
        counting: count distances too, which takes time of its own.

    Raises:
        ReproductionError: it is not known how that family builds its graphs.
    """
    if family not in BOUNDARIES:
        raise ReproductionError(
            f"watch: want a family out of {', '.join(BOUNDARIES)}, got {family!r}"
        )
    record = Record(counting=counting)
    with ExitStack() as undo:
        for boundary in BOUNDARIES[family]:
            _replace(boundary, record, device, undo)
        for name, module in [] if model is None else model.named_modules():
            grapher = module._modules.get("grapher")
            if grapher is not None:
                hook = grapher.register_forward_pre_hook(_entering(record, name))
                undo.callback(hook.remove)
        yield record


def _entering(record: Record, name: str) -> Callable[..., None]:
    def enter(*_: object) -> None:
        record.block = name

    return enter


def _replace(boundary: Boundary, record: Record, device: str, undo: ExitStack) -> None:
    """Put a watched function in the place of the one at the boundary, for the time being."""
    module, *names = boundary.path.split(".")
    owner: Any = import_module(f"vig_models.{module}")
    for name in names[:-1]:
        owner = getattr(owner, name)
    before = vars(owner)[names[-1]]
    function = before.__func__ if isinstance(before, staticmethod) else before
    watched: Any = _watched(function, boundary, record, device)
    setattr(owner, names[-1], staticmethod(watched) if function is not before else watched)
    undo.callback(setattr, owner, names[-1], before)


def _watched(
    function: Callable[..., Any], boundary: Boundary, record: Record, device: str
) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        start = record.enter(device) if boundary.timed else 0.0
        try:
            return function(*args, **kwargs)
        finally:
            if boundary.timed:
                record.leave(boundary.path, start, device)
            if boundary.count is not None and record.counting:
                record.add(*boundary.count(*args, **kwargs))

    return call


def seconds(device: str) -> float:
    """Read the clock once ``device`` has done what it was asked to."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
