"""Claimed against measured, a point for each claim, both on logarithmic axes."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from verify.expect import PrintedFigure
from verify.publish.site.facts import Facts
from verify.publish.site.origin import Origin, with_origin
from verify.publish.site.text import csv_text, visible
from verify.report import Entry
from verify.verdict import MARKS, Verdict
from verify.wording import WORDS

SIZE = 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 14, 50
_FEW = 4
"""Fewer marks than this on an axis ask for more between the powers of ten."""
_LEAST = 3
"""Fewer different prints are no picture."""
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1d2430 }
.paper { fill: #fff } .grid { stroke: #dde2e8 } .diagonal { stroke: #55606e; fill: none }
.pass { fill: #1b7a4b; stroke: #1b7a4b } .fail { stroke: #b3261e; fill: none }
.open { stroke: #7a5200; fill: none } .stale { fill: none; stroke-dasharray: 2.5 2 }
.middle, .axis-name { text-anchor: middle } .end { text-anchor: end }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e8ee } .paper { fill: #14181e } .grid { stroke: #333b46 }
  .diagonal { stroke: #9aa5b3 } .pass { fill: #5cc48d; stroke: #5cc48d } .fail { stroke: #ff8a80 }
  .open { stroke: #e0b050 } .stale { fill: none }
}
"""
"""For the file that stands alone; a page has its own."""


@dataclass(frozen=True)
class Scatter:
    """The claims of one kind."""

    kind: str
    unit: str
    entries: tuple[Entry, ...]

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"claimed-{self.kind}".replace("_", "-")

    @property
    def title(self) -> str:
        """Say what is drawn."""
        return f"{self.kind.replace('_', ' ')} ({self.unit})"

    def told(self) -> str:
        """Say what is drawn to those who do not see it."""
        words = [entry.verdict.verdict for entry in self.entries]
        return (
            f"{self.title}: measured against printed, {len(words)} claims on logarithmic axes; "
            f"{words.count('pass')} hold and {words.count('fail')} do not{self._stale()}. The CSV "
            "file has every point."
        )

    def _stale(self) -> str:
        stale = sum(entry.verdict.stale for entry in self.entries)
        return f"; {stale} stale, drawn dashed" if stale else ""

    def inside(self, facts: Facts, up: str) -> Markup:
        """Draw it for a page, every point a link to its claim.

        Args:
            facts: The numbers.
            up: The way from the page to the site's folder.
        """
        return self._svg(facts, Markup(), f"{up}claims/")

    def alone(self, facts: Facts, origin: Origin) -> str:
        """Draw it as a file of its own."""
        head = Markup("<title>{}</title><desc>{}</desc><metadata>{}</metadata><style>{}</style>")
        filled = head.format(self.title, self.told(), str(origin), Markup(STYLE))
        paper = Markup('<rect class="paper" width="{0}" height="{0}"/>').format(SIZE)
        return f"{self._svg(facts, filled + paper, '../claims/')}\n"

    def csv(self, origin: Origin) -> str:
        """Give every point."""
        header = ("claim", "unit", "printed", "measured", "low", "high", "verdict", "stale")
        rows = []
        for entry in self.entries:
            found = entry.verdict.measured
            numbers = (None, None, None) if found is None else (found.value, found.low, found.high)
            words = (entry.verdict.verdict, "stale" if entry.verdict.stale else "")
            rows.append([entry.claim.id, self.unit, entry.printed, *numbers, *words])
        return csv_text(with_origin(origin, header, rows))

    def _svg(self, facts: Facts, head: Markup, claims: str) -> Markup:
        points = list(_points(self.entries))
        scale = _Scale([number for _, x, y in points for number in (x, y)])
        parts = [
            Markup(
                '<svg xmlns="http://www.w3.org/2000/svg" class="scatter" viewBox="0 0 {0} {0}" '
                'role="group" aria-label="{1}">{2}'
            ).format(SIZE, self.told(), head),
            *scale.axes(),
        ]
        for entry, x, y in points:
            measured = facts.find(entry.claim.id, "point")
            told = f"{entry.claim.statement} Measured: {measured.text if measured else ''}, "
            verdict, word = entry.verdict, WORDS[entry.verdict.verdict]
            word += ", stale" if verdict.stale else ""
            parts.append(
                Markup('<a href="{}{}.html" aria-label="{}"><title>{}</title>{}</a>').format(
                    claims,
                    entry.claim.id,
                    visible(f"{entry.claim.id}, {word}"),
                    visible(f"{told}{MARKS[verdict.verdict]} {word}"),
                    _point(verdict, scale.x(x), scale.y(y)),
                )
            )
        return Markup("\n").join([*parts, Markup("</svg>")])


def scatters(facts: Facts) -> list[Scatter]:
    """Group the claims that print a number and have a measured one by what is measured."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry, _, _ in _points(facts.report.entries):
        expect = entry.claim.expect
        kind = entry.claim.reproduction or (expect.kind if expect is not None else "")
        groups.setdefault((kind, entry.unit or ""), []).append(entry)
    large = {key: entries for key, entries in groups.items() if _prints(entries) >= _LEAST}
    kinds = [kind for kind, _ in large]
    return [
        Scatter(kind if kinds.count(kind) == 1 else f"{kind}_{unit}", unit, tuple(entries))
        for (kind, unit), entries in large.items()
    ]


def _prints(entries: Iterable[Entry]) -> int:
    return len({entry.printed for entry in entries})


def _points(entries: Iterable[Entry]) -> Iterator[tuple[Entry, float, float]]:
    for entry in entries:
        expect, found = entry.claim.expect, entry.verdict.measured
        if not isinstance(expect, PrintedFigure) or found is None:
            continue
        printed = float(expect.figure.value)
        if entry.claim.scope != "consistency" and printed > 0 and found.value > 0:
            yield entry, printed, found.value


def _point(verdict: Verdict, x: float, y: float) -> Markup:
    """Mark a point by its shape as well as its color."""
    stale = " stale" if verdict.stale else ""
    if verdict.verdict == "pass":
        return Markup('<circle class="pass{}" cx="{}" cy="{}" r="4"/>').format(stale, x, y)
    if verdict.verdict == "fail":
        path = f"M{x - 5} {y - 5}l10 10m0 -10l-10 10"
        return Markup('<path class="fail{}" stroke-width="2.5" d="{}"/>').format(stale, path)
    path = f"M{x} {y - 5}l5 5l-5 5l-5 -5z"
    return Markup('<path class="open{}" stroke-width="1.8" d="{}"/>').format(stale, path)


class _Scale:
    """One logarithmic scale for both axes, so that what agrees lies on the diagonal."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self.low, self.high = min(numbers) / 1.25, max(numbers) * 1.25

    def _share(self, number: float) -> float:
        return math.log(number / self.low) / math.log(self.high / self.low)

    def x(self, number: float) -> float:
        return round(_LEFT + self._share(number) * (SIZE - _LEFT - _RIGHT), 1)

    def y(self, number: float) -> float:
        return round(SIZE - _BOTTOM - self._share(number) * (SIZE - _TOP - _BOTTOM), 1)

    def axes(self) -> Iterator[Markup]:
        right, bottom = SIZE - _RIGHT, SIZE - _BOTTOM
        for number in self._ticks():
            x, y = self.x(number), self.y(number)
            yield Markup('<path class="grid" d="M{} {}H{}M{} {}V{}"/>').format(
                _LEFT, y, right, x, _TOP, bottom
            )
            yield Markup('<text x="{}" y="{}" class="end">{:g}</text>').format(
                _LEFT - 6, y + 4, number
            )
            yield Markup('<text x="{}" y="{}" class="middle">{:g}</text>').format(
                x, bottom + 18, number
            )
        diagonal = f"M{_LEFT} {bottom}L{right} {_TOP}"
        yield Markup('<path class="diagonal" stroke-dasharray="4 4" d="{}"/>').format(diagonal)
        middle = (_LEFT + right) / 2
        yield Markup('<text x="{:g}" y="{}" class="axis-name">printed</text>').format(
            middle, SIZE - 10
        )
        yield Markup(
            '<text x="14" y="{0:g}" class="axis-name" transform="rotate(-90 14 {0:g})">'
            "measured</text>"
        ).format((_TOP + bottom) / 2)

    def _ticks(self) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        tens = [10.0**decade for decade in decades if self.low <= 10.0**decade <= self.high]
        if len(tens) >= _FEW:
            return tens
        for steps in ((1, 2, 5), range(1, 10)):
            finer = [step * 10.0**decade for decade in decades for step in steps]
            shown = [number for number in finer if self.low <= number <= self.high]
            if len(shown) >= _FEW:
                break
        return shown
