"""A skeleton as a YAML file of claims: comments say what is a guess and what is to be done."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from verify.extract.skeleton import FoundColumn, FoundNumber, FoundRow, Skeleton
from verify.ground.normal import normal
from verify.index import Source

_HEAD = """\
# A skeleton: every number is printed where it says, and nothing is claimed of it yet.
# Say each statement in your own words. Where a program settles it, write reproduction, params and
# expect instead of check and because; guesses are marked. Ids are for ever once published.
"""
_BECAUSE = "not looked into yet"


def text_of(name: str, source: Source, found: Skeleton) -> str:
    """Write a file for ``claims/``.

    Args:
        name: The document's name.
        source: What ``claims.yaml`` has to say of it.
        found: What it prints.
    """
    return "\n".join([*_lines(name, source, found), ""])


def _lines(name: str, source: Source, found: Skeleton) -> Iterator[str]:
    yield from _HEAD.splitlines()
    yield "# claims.yaml wants under sources:"
    yield f"#   {name}: {_flow(source.model_dump())}"
    yield f"source: {name}"
    if found.columns:
        yield from ("", "tables:")
    for column in found.columns:
        yield from _column(column)
    if found.numbers:
        yield from ("", "claims:")
    for number in found.numbers:
        yield from _number(name, number)
    if found.left_out:
        yield from ("", "# Left out:")
        yield from (f"# - {_comment(reason)}" for reason in dict.fromkeys(found.left_out))


def _column(column: FoundColumn) -> Iterator[str]:
    yield f"  # line {column.line}"
    yield f"  - table: {_flow({'table': column.table, 'column': column.column})}"
    yield f"    title: {_quoted(column.title)}"
    yield f"    statement: {_quoted(f'{column.heading} of {{row}} is {{printed}}.')}"
    yield "    check: none"
    yield f"    because: {_quoted(_BECAUSE)}"
    if column.unit is None:
        yield "    # no guess at the unit; expect: {kind: value, unit: ...}"
    else:
        yield f"    # guess at the unit; expect: {{kind: value, unit: {column.unit}}}"
    yield f"    qualifier: {_quoted(column.qualifier)}"
    yield "    rows:"
    yield from map(_row, column.rows)


def _row(row: FoundRow) -> str:
    cell = _flow({"printed": row.printed, "subject": row.subject})
    remark = "" if normal(row.printed) == row.cell else f"  # line {row.line}: {_comment(row.cell)}"
    return f"      {_quoted(row.label)}: {cell}{remark}"


def _number(name: str, number: FoundNumber) -> Iterator[str]:
    yield f"  # line {number.line}: {_comment(number.context)}"
    yield f"  - id: {name}.statement.{number.subject}"
    yield '    statement: "To be said in your own words."'
    yield f"    found_at: [{_flow(number.locator)}]"
    yield "    check: none"
    yield f"    because: {_quoted(_BECAUSE)}"


def _flow(pairs: dict[str, Any]) -> str:
    """Write a mapping on one line; every text is quoted, so that no number becomes another."""
    written = (f"{key}: {json.dumps(given, ensure_ascii=False)}" for key, given in pairs.items())
    return f"{{{', '.join(written)}}}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    """Keep a comment on its line."""
    return " ".join(text.split())


def as_json(name: str, source: Source, found: Skeleton) -> dict[str, Any]:
    """Give plain data for programs."""
    return {"source": name, **source.model_dump(), **asdict(found)}
