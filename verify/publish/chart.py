"""A line chart as SVG: figures as printed, and as measured with intervals."""

import html
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

WIDTH, HEIGHT = 800, 484
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 210, 78, 56
_NOTE_LETTERS = 112
"""Letters of a note that fit into a line; a note has room for two."""
_COLORS = (
    "#4477aa", "#ee6677", "#228833", "#aa7700", "#0099bb", "#bb4488", "#777777", "#7755cc",
    "#669922", "#cc5511",
)  # fmt: skip
"""After P. Tol's palettes for readers who see colors differently, each at 3 : 1 on light and on
dark paper; lines have a name beside them too."""
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 }
.title { font-size: 16px; font-weight: 600 }
.note { font-size: 12px; fill: #555 }
.paper { fill: #fff }
.grid { stroke: #ddd }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd }
  .note { fill: #aaa }
  .paper { fill: #1b1b1b }
  .grid { stroke: #444 }
}
"""
_LABEL_GAP = 15
_MOST_TICKS = 10
Mark = Literal["square", "triangle", "diamond"]
_MARKS: Mapping[Mark, str] = {
    "square": "M{x} {y}m-4 -4h8v8h-8z",
    "triangle": "M{x} {y}m0 -5l5 9h-10z",
    "diamond": "M{x} {y}m0 -6l6 6l-6 6l-6 -6z",
}
"""Paths of what a measured point may be drawn as."""


@dataclass(frozen=True)
class Point:
    """One figure: as printed, as measured, or both."""

    x: float
    printed: float | None = None
    measured: tuple[float, float, float] | None = None
    """Value, low end and high end."""
    mark: Mark = "square"
    """What the measured figure is drawn as."""
    stale: bool = False
    """Whether what it was measured with has changed since; then it is drawn hollow."""

    @property
    def figures(self) -> list[float]:
        """Everything that has to be on the chart."""
        printed = [] if self.printed is None else [self.printed]
        return [*printed, *(self.measured or ())]


@dataclass(frozen=True)
class Line:
    """The points of one model."""

    name: str
    points: Sequence[Point]
    color: int | None = None
    """Which of the colors, where lines share one; None takes the next."""


@dataclass(frozen=True)
class Chart:
    """What is drawn, and the words around it."""

    title: str
    note: str
    """Whose machine, and what the marks are."""
    x_label: str
    y_label: str
    lines: Sequence[Line] = field(default_factory=tuple)
    linear: bool = False
    """Whether equal steps are equally long; else equal ratios are, and no figure may be 0."""
    x_is_measured: bool = False
    """Whether x are measurements, too: then the axis has round numbers, not each x."""
    joined: bool = False
    """Whether the measured points of a line are joined."""

    @property
    def legend(self) -> str:
        """The note, and what is stale if anything is."""
        is_stale = any(point.stale for line in self.lines for point in line.points)
        return f"{self.note}; hollow: stale" if is_stale else self.note

    def svg(self) -> str:
        """Draw it; every text is escaped."""
        scale = _LinearScale(self) if self.linear else _Scale(self)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>{html.escape(self.title)}</title>",
            f"<desc>{html.escape(self._told())}</desc>",
            f"<style>{_STYLE}</style>",
            f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
            _text(_LEFT, 26, self.title, "title"),
            *(
                _text(_LEFT, 46 + 15 * number, words, "note")
                for number, words in enumerate(textwrap.wrap(self.legend, _NOTE_LETTERS))
            ),
            *scale.axes(self.x_label, self.y_label),
        ]
        for number, line in enumerate(self.lines):
            color = _color(number, line)
            if self.joined:
                parts += _joined(scale, line, color)
            parts += _line(scale, line, color)
        parts += _names(scale, self.lines)
        return "\n".join([*parts, "</svg>", ""])

    def csv(self) -> str:
        """Give the figures as rows, so that nobody has to read them off."""
        rows = ["name,x,printed,measured,low,high,stale"]
        for line in self.lines:
            name = '"' + line.name.replace('"', '""') + '"'
            for point in line.points:
                numbers = [point.x, point.printed, *(point.measured or (None, None, None))]
                stale = "stale" if point.stale else ""
                rows.append(",".join([name, *map(_digits, numbers), stale]))
        return "\n".join([*rows, ""])

    def _told(self) -> str:
        told = []
        for line in self.lines:
            figures = ", ".join(_figure(point) for point in line.points if point.figures)
            told.append(f"{line.name}: {figures}")
        return f"{self.y_label} by {self.x_label}. {'; '.join(told)}."


def _figure(point: Point) -> str:
    return f"{point.x:g}: {point.figures[0]:g}" + (" (stale)" if point.stale else "")


def _color(number: int, line: Line) -> str:
    return _COLORS[(number if line.color is None else line.color) % len(_COLORS)]


def _digits(number: float | None) -> str:
    """Write all digits, as the ledger has them."""
    return "" if number is None else repr(number).removesuffix(".0")


class _Scale:
    """Places on the paper."""

    def __init__(self, chart: Chart) -> None:
        points = [point for line in chart.lines for point in line.points]
        self.xs = sorted({point.x for point in points})
        self.x_ticks = _round_between(self.xs[0], self.xs[-1]) if chart.x_is_measured else self.xs
        figures = [figure for point in points for figure in point.figures]
        self.low, self.high = min(figures) / 1.1, max(figures) * 1.1

    def x(self, value: float) -> float:
        """Give the place from the left."""
        first, last = self.xs[0], self.xs[-1]
        share = math.log(value / first) / math.log(last / first) if last > first else 0.5
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        """Give the place from the top."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    def axes(self, x_label: str, y_label: str) -> list[str]:
        """Draw the grid and its numbers."""
        right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
        parts = []
        for value in self.ticks():
            y = self.y(value)
            parts.append(f'<path class="grid" d="M{_LEFT} {y}H{right}"/>')
            parts.append(_text(_LEFT - 8, y + 4, f"{value:g}", anchor="end"))
        for value in self.x_ticks:
            x = self.x(value)
            parts.append(f'<path class="grid" d="M{x} {_TOP}V{bottom}"/>')
            parts.append(_text(x, bottom + 18, f"{value:g}", anchor="middle"))
        middle = (_LEFT + right) / 2
        parts.append(_text(middle, HEIGHT - 14, x_label, anchor="middle"))
        turned = f'transform="rotate(-90 16 {(_TOP + bottom) / 2})"'
        parts.append(_text(16, (_TOP + bottom) / 2, y_label, anchor="middle", more=turned))
        return parts

    def ticks(self) -> list[float]:
        """List round numbers on the paper."""
        return _round_between(self.low, self.high)


def _round_between(low: float, high: float) -> list[float]:
    """List 1, 2 and 5 of every decade from one end to the other."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    return [value for value in values if low <= value <= high]


def _joined(scale: _Scale, line: Line, color: str) -> list[str]:
    """Join the measured points of a line, thinly."""
    places = [f"{scale.x(p.x)} {scale.y(p.measured[0])}" for p in line.points if p.measured]
    if len(places) < 2:  # noqa: PLR2004  # a single point has nothing to be joined to
        return []
    return [f'<path d="M{"L".join(places)}" fill="none" stroke="{color}" stroke-width="1"/>']


class _LinearScale(_Scale):
    """The same with equal steps equally long."""

    def __init__(self, chart: Chart) -> None:
        super().__init__(chart)
        figures = [f for line in chart.lines for point in line.points for f in point.figures]
        span = max(figures) - min(figures) or 1.0
        self.low, self.high = min(figures) - 0.05 * span, max(figures) + 0.05 * span

    def x(self, value: float) -> float:
        """Give the place from the left."""
        first, last = self.xs[0], self.xs[-1]
        share = (value - first) / (last - first) if last > first else 0.5
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        """Give the place from the top."""
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    def ticks(self) -> list[float]:
        """List multiples of 1, 2 or 5 of a power of ten, four to ten of them."""
        span = self.high - self.low
        decade = 10.0 ** math.floor(math.log10(span))
        step = next(s * decade for s in (0.1, 0.2, 0.5, 1) if span / (s * decade) <= _MOST_TICKS)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [round(number * step, 12) for number in range(first, last + 1)]


def _line(scale: _Scale, line: Line, color: str) -> list[str]:
    printed = [(scale.x(p.x), scale.y(p.printed)) for p in line.points if p.printed is not None]
    parts = []
    if len(printed) > 1:
        path = "L".join(f"{x} {y}" for x, y in printed)
        parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
    parts += [
        f'<circle cx="{x}" cy="{y}" r="3.5" class="paper" stroke="{color}" stroke-width="1.5"/>'
        for x, y in printed
    ]
    for point in line.points:
        if point.measured is not None:
            value, low, high = (scale.y(figure) for figure in point.measured)
            x = scale.x(point.x)
            parts.append(f'<path d="M{x} {low}V{high}" stroke="{color}" stroke-width="2"/>')
            shape = _MARKS[point.mark].format(x=x, y=value)
            inside = f'fill="none" stroke="{color}"' if point.stale else f'fill="{color}"'
            parts.append(f'<path class="{point.mark}" d="{shape}" {inside}/>')
    return parts


def _names(scale: _Scale, lines: Sequence[Line]) -> list[str]:
    """Write the names beside the last points, moved apart where they would meet."""
    ends = []
    for number, line in enumerate(lines):
        known = [point for point in line.points if point.figures]
        if known:
            ends.append((scale.y(known[-1].figures[0]), _color(number, line), line.name))
    parts, lowest = [], -math.inf
    overlap = max(0.0, _TOP + _LABEL_GAP * len(ends) - (HEIGHT - _BOTTOM))
    for y, color, name in sorted(ends):
        lowest = max(y - overlap, lowest + _LABEL_GAP)
        x = WIDTH - _RIGHT + 12
        parts.append(f'<rect x="{x}" y="{lowest - 5:.1f}" width="10" height="10" fill="{color}"/>')
        parts.append(_text(x + 16, lowest + 4, name))
    return parts


def _text(
    x: float, y: float, words: str, style: str = "", *, anchor: str = "start", more: str = ""
) -> str:
    named = f' class="{style}"' if style else ""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{named}{" " * bool(more)}{more}>'
        f"{html.escape(words)}</text>"
    )
