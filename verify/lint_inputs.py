"""What claims name: documents and prints that exist, units that can be compared, no cycles."""

from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from verify.claim import Claim
from verify.expect import (
    AllOf,
    Arithmetic,
    BestOf,
    Growth,
    Outcome,
    PrintedFigure,
    Range,
    Ratio,
    UpTo,
    Vague,
    claims_in,
)
from verify.index import Index
from verify.operand import Input, name_of
from verify.refusals import suggestion
from verify.yaml_lines import Path_

_APART = (BestOf, Range, UpTo, Vague, AllOf)
"""Kinds that count an out-of-memory side apart, and so may name a cell that prints one."""


def printed_problems(
    claims: Mapping[str, Claim], index: Index, claim: Claim, id_: str
) -> Iterator[str]:
    """Yield what is wrong with an id that stands for a print and is no figure of a work."""
    given = claims.get(id_)
    if given is None:
        hint = suggestion(id_, [*claims, *index.figures])
        yield f"want the id of a claim or a quoted constant, got {id_!r}{hint}"
    elif isinstance(given.expect, Outcome) and isinstance(claim.expect, _APART):
        if given.expect.means != "out_of_memory":
            yield f"want a printed number or an out-of-memory cell, got {id_!r}; leave it out"
    elif not isinstance(given.expect, PrintedFigure):
        yield f"want a claim with a printed number, got {id_!r}, which has none"
    elif given.damaged is not None:
        yield f"want a whole print, got that of {id_!r}, which is damaged; leave it out"
    elif given.twin_of is not None:
        yield f"want a printed claim, got the measured twin {id_!r}; name {given.twin_of!r}"


def unit_problems(
    claim: Claim, unit_of: Callable[[Input], str | None]
) -> Iterator[tuple[Path_, str]]:
    """Yield inputs that are compared although their units differ."""
    for unit, group in _groups(claim.expect, claim.inputs):
        known = [(given, found) for given in group if (found := unit_of(given)) is not None]
        wanted = unit or (known[0][1] if known else None)
        for given, found in known:
            if found != wanted:
                told = f"got {name_of(given)!r} in {found}; compare like with like"
                yield ("expect",), f"want every input in {wanted}, {told}"
                break
    yield from _result_unit(claim.expect)


def _result_unit(expect: Any) -> Iterator[tuple[Path_, str]]:
    if isinstance(expect, AllOf):
        for part in expect.parts:
            yield from _result_unit(part.expect)
    elif isinstance(expect, Range | UpTo) and expect.operands() and expect.unit != "ratio":
        yield ("expect", "unit"), f"want ratio, the unit of pairs, got {expect.unit!r}"
    elif isinstance(expect, Growth) and expect.unit != "exponent":
        yield ("expect", "unit"), f"want exponent, the unit of a growth, got {expect.unit!r}"


def _groups(expect: Any, inputs: list[Input]) -> Iterator[tuple[str | None, list[Input]]]:
    """Yield the inputs that are held against each other, with their unit where one is printed."""
    if isinstance(expect, AllOf):
        for part in expect.parts:
            yield from _groups(part.expect, part.inputs)
    elif isinstance(expect, Range | UpTo):
        named = expect.operands()
        yield from ((None, named[at : at + 2]) for at in range(0, len(named), 2))
        yield expect.unit, inputs
    elif isinstance(expect, BestOf):
        yield from ((None, pair) for pair in expect.all_pairs())
    elif isinstance(expect, Vague) and expect.sets():
        yield from ((None, group) for groups in expect.sets().values() for group in groups)
    elif isinstance(expect, Growth):
        yield None, expect.operands()
    elif not isinstance(expect, Ratio):
        single = getattr(expect, "kind", "") in {"value", "bound"}
        yield expect.unit if single else None, inputs


def cycles(claims: Mapping[str, Claim]) -> Iterator[list[str]]:
    """Yield each cycle of arithmetic once, as ids that begin and end with the same one."""
    graph = {
        id_: claims_in(claim.expect)
        for id_, claim in claims.items()
        if isinstance(claim.expect, Arithmetic) and claim.twin_of is None
    }
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle = error.args[1][::-1]
            yield cycle
            del graph[cycle[0]]
        else:
            return


def unknown_source(index: Index, path: Path_, source: str) -> Iterator[tuple[Path_, str]]:
    """Yield that a document is not in ``claims.yaml``, if so."""
    if source not in index.sources:
        hint = suggestion(source, index.sources) or "; add it to claims.yaml"
        yield path, f"want a known document, got {source!r}{hint}"
