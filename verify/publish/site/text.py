"""Foreign text on a page: what it may do there, in HTML, in JSON within HTML and in CSV."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup, escape

_TURNING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = re.compile(f"[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f{_TURNING}\ud800-\udfff\ufffe\uffff]")
"""Controls, marks that turn the direction of writing, halves of characters."""
_IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+\-\u2212]?[\d.,]+([eE][+\-]?\d+)?%?|-")


def visible(text: str) -> str:
    """Name what cannot be seen, so that a page shows what a claim file holds.

    A mark that turns the direction of writing would print 37 as 73.

    Example:
        >>> visible("a\u202eb")
        'a[U+202E]b'
    """
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def foreign(text: object) -> Markup:
    """Put foreign text on a page: visible, escaped, its direction kept to itself."""
    shown = visible(str(text))
    if shown.isascii():
        return escape(shown)
    if any(unicodedata.bidirectional(character) in {"R", "AL"} for character in shown):
        return Markup("<bdi>{}</bdi>").format(shown)
    return escape(shown)


def in_script(value: object) -> Markup:
    """Write JSON that may stand inside a script element."""
    written = json.dumps(value, ensure_ascii=False, indent=1)
    # Nothing is left in it that could end the element.
    return Markup(written.translate(_IN_SCRIPT))


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Write rows for programs and spreadsheets; no cell becomes a formula in one."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        shown = visible(value)
        if shown.startswith(_FORMULA) and not _NUMBER.fullmatch(shown):
            return f"'{shown}"
        return shown
    return value
