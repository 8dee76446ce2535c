"""What a person sees of ``verify fetch``: the list, progress, what came."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reproductions.artifact_cache import Record
from verify.fetch import FETCHED, Row
from verify.say import say

if TYPE_CHECKING:  # rich, which is not loaded where nobody looks
    from verify.terminal import ByteBar

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_STEP = 1000
_SHOWN_DIGITS = 16


def show_artifacts(rows: Sequence[Row]) -> None:
    """List weights and data sets; tab-separated where nobody looks."""
    cells = [_cells(row) for row in rows]
    if not sys.stdout.isatty():
        for line in cells:
            say("\t".join(line))
        return
    # Here, so that a command whose output nobody looks at does not load rich.
    from verify.terminal import print_table  # noqa: PLC0415

    styles = ("green" if row.state == FETCHED else "dim" for row in rows)
    titles = ("artifact", "from", "size", "license", "claims", "state")
    print_table(titles, zip(cells, styles, strict=True))


def _cells(row: Row) -> tuple[str, ...]:
    state = f"{row.state} ({trust_words(row.trust)})" if row.state == FETCHED else row.state
    return (row.name, row.source, size_words(row.size), row.license, str(row.claims), state)


def planned_words(row: Row, given: Path | None) -> str:
    """Say what fetching would do, without doing it."""
    if row.state == FETCHED and given is None:
        return f"{row.name}: fetched already"
    if given is not None:
        return f"{row.name}: would take {given}"
    if row.sign_in is not None:
        return f"{row.name}: would not fetch it; {row.sign_in}"
    about = f"{size_words(row.size)}, license: {row.license}"
    return f"{row.name}: would fetch it from {row.source} ({about})"


def fetched_words(record: Record, path: Path, *, new: bool, pinned: bool) -> str:
    """Say what came, how it is known to be the right thing, and where it is."""
    if not new:
        return f"{record.name}: fetched already, {path}"
    if record.sha256 is None:
        return f"{record.name}: {path}, {record.listing}, taken {trust_words(record.trust)}"
    size = record.stamp.size if record.stamp is not None else None
    digest = f"SHA-256 {record.sha256[:_SHOWN_DIGITS]}... {trust_words(record.trust)}"
    pin = "; the whole of it is pinned now" if pinned else ""
    return f"{record.name}: {size_words(size)}, {digest}{pin}, {path}"


def trust_words(trust: str | None) -> str:
    """Say how a file is known."""
    return {"published": "as published", "first use": "trusted on first use"}.get(
        str(trust), str(trust)
    )


def size_words(size: int | None) -> str:
    """Write a number of bytes with three digits or four.

    Example:
        >>> size_words(6744924160), size_words(512), size_words(None)
        ('6.74 GB', '512 bytes', 'size unknown')
    """
    if size is None:
        return "size unknown"
    amount, unit = float(size), 0
    while amount >= _STEP and unit + 1 < len(_UNITS):
        amount, unit = amount / _STEP, unit + 1
    return f"{amount:.3g} {_UNITS[unit]}" if unit else f"{size} bytes"


class Arrivals:
    """Progress of what is fetched, on standard error: a bar on a terminal, else lines."""

    def __init__(self) -> None:
        self.bar: ByteBar | None = None

    def __enter__(self) -> "Arrivals":
        return self

    def __exit__(self, *_: object) -> None:
        self.ended()

    def began(self, name: str, done: int, total: int | None) -> None:
        """Open a bar for a file, or say that it begins."""
        self.ended()
        if sys.stderr.isatty():
            from verify.terminal import ByteBar  # noqa: PLC0415 - as above

            self.bar = ByteBar(name, done, total)
        else:
            self.note(
                f"{name}: {size_words(total)}" + (f", {done} bytes of it there" if done else "")
            )

    def advanced(self, done: int) -> None:
        """Show how many bytes are there."""
        if self.bar is not None:
            self.bar.reached(done)

    def note(self, text: str) -> None:
        """Say something that a person may want to know."""
        self.ended()
        sys.stderr.write(f"{text}\n")

    def ended(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
        self.bar = None
