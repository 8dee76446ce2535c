"""What all pages share: foreign text made safe, rows, reasons, the line at the end."""

import html
from collections.abc import Iterable

from verify.report import Entry
from verify.wording import explanation_words


def safe(text: str) -> str:
    """Make foreign text safe inside Markdown: no HTML, no links, no table breaks."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return plain.replace("\\", "\\\\").replace("|", "\\|").replace("[", "\\[")


def table_row(cells: Iterable[str]) -> str:
    """Write one row of a table; the cells are safe already."""
    return f"| {' | '.join(cells)} |"


def reasons(entry: Entry) -> str:
    """Say why a verdict is as it is, and what would account for the print."""
    explained = [explanation_words(entry, found) for found in entry.verdict.explained_by]
    return safe("; ".join([entry.verdict.detail, *explained]))


def footer(head: str | None) -> str:
    """End a page by the ledger it was made from."""
    return f"Made by `verify publish tables` from the ledger with head `{head or 'none'}`.\n"
