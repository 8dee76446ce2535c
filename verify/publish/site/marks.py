"""Numbers on pages, each marked with what it is, so that a page can be held to the ledger.

``<data data-q="toyvig.toy_count.toyvig_s measured" value="22.31">22.310</data>`` says which
number of which claim stands there; ``mistakes`` reads a page as a browser would and looks every
such number up again.
"""

from collections.abc import Iterator
from html.parser import HTMLParser

from markupsafe import Markup, escape

from verify.publish.site.facts import Facts
from verify.publish.site.text import visible


def mark(facts: Facts, subject: str, field: str, *, row: bool = False) -> Markup:
    """Write a number with its mark; nothing where there is none.

    Args:
        facts: The numbers.
        subject: Of what it is a number.
        field: Which one.
        row: Whether the row that it stands in names the subject, in ``data-c``.
    """
    fact = facts.find(subject, field)
    if fact is None:
        return Markup()
    asked = field if row else f"{escape(subject)} {escape(field)}"
    value = f' value="{escape(fact.value)}"' if fact.value else ""
    return Markup(f'<data data-q="{asked}"{value}>{escape(visible(fact.text))}</data>')


def mark_in_drawing(
    facts: Facts, subject: str, field: str, x: float, y: float, style: str
) -> Markup:
    """Write a number with its mark into a drawing."""
    fact = facts.find(subject, field)
    if fact is None:
        return Markup()
    return Markup(
        f'<text data-q="{escape(subject)} {escape(field)}" x="{x:g}" y="{y:g}" class="{style}">'
        f"{escape(visible(fact.text))}</text>"
    )


def mistakes(facts: Facts, page: str) -> Iterator[str]:
    """Name every number on a page that is not the ledger's, and every one without a mark.

    Args:
        facts: The numbers as the ledgers have them.
        page: Text of an HTML page.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    for subject, field, value, text in reader.marks:
        fact = facts.find(subject, field)
        if fact is None:
            yield f"{subject}: {field} stands there, the ledger has none"
        elif visible(fact.text) != text:
            yield f"{subject}: {field} reads {text!r}, the ledger has {fact.text!r}"
        elif value is not None and value != fact.value:
            yield f"{subject}: {field} is marked {value!r}, the ledger has {fact.value!r}"
    for text in reader.unmarked:
        yield f"the number {text!r} stands in a column of numbers without a mark"


class _Reader(HTMLParser):
    """Collects marked numbers, and numbers in cells of class ``n`` that have no mark."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.marks: list[tuple[str, str, str | None, str]] = []
        self.unmarked: list[str] = []
        self._open: tuple[str, str, str, str | None] | None = None
        self._text: list[str] = []
        self._in_numbers = False
        self._row = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "td":
            self._in_numbers = "n" in (given.get("class") or "").split()
        if tag == "tr":
            self._row = given.get("data-c") or ""
        asked = given.get("data-q")
        if asked is not None:
            subject, space, field = asked.partition(" ")
            if not space:
                subject, field = self._row, asked
            self._open = (tag, subject, field, given.get("value"))
            self._text = []

    def handle_endtag(self, tag: str) -> None:
        if self._open is not None and tag == self._open[0]:
            _, subject, field, value = self._open
            self.marks.append((subject, field, value, "".join(self._text)))
            self._open = None
        if tag == "td":
            self._in_numbers = False

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._text.append(data)
        elif self._in_numbers and any(character.isdigit() for character in data):
            self.unmarked.append(data.strip())
