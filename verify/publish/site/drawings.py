"""Drawings inside pages: a verdict bar, and a measurement against what its print accepts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup, escape

from reproductions.contract import Convention
from verify.expect import PrintedFigure
from verify.publish.site.facts import Facts
from verify.publish.site.marks import mark_in_drawing
from verify.publish.site.text import visible
from verify.report import Entry
from verify.verdict import MARKS, WORDS, Verdict, Word
from verify.wording import WORDS as SPOKEN
from verify.wording import found_word

WIDTH = 460
_LABEL, _VALUE, _TOP, _ROW = 126, 84, 34, 26
_LEFT, _RIGHT = _LABEL + 8, WIDTH - _VALUE - 8
_MOST_ROWS = 12
_BAR = 400
_NARROW = 26
"""Narrowest segment of a bar that its number fits into."""


@dataclass(frozen=True)
class _Row:
    """One measured number of a drawing."""

    label: str
    field: str
    value: float
    low: float
    high: float
    style: str


class _Scale:
    """Numbers to places; linear, a little air on both sides."""

    def __init__(self, numbers: Sequence[float]) -> None:
        low, high = min(numbers), max(numbers)
        air = 0.06 * (high - low) or 0.01 * abs(high) or 1.0
        self._low, self._high = low - air, high + air

    def __call__(self, number: float) -> float:
        share = (number - self._low) / (self._high - self._low)
        return round(_LEFT + share * (_RIGHT - _LEFT), 1)


def against_print(facts: Facts, entry: Entry) -> Markup:
    """Draw the accepted region, and the measurement and the conventions tried against it.

    Returns:
        An SVG element, or nothing where a claim has no region or no measured number.
    """
    region = entry.verdict.region
    rows = list(_rows(entry))[:_MOST_ROWS]
    if region is None or not rows:
        return Markup()
    printed = _printed(entry)
    known = [end for end in (*region, printed) if end is not None]
    scale = _Scale([*known, *(n for row in rows for n in (row.low, row.high))])
    height = _TOP + _ROW * len(rows) + 30
    parts = [
        Markup('<svg class="drawing" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            WIDTH, height, _told(facts, entry)
        ),
        *_band(facts, entry, scale, height - 26),
        *_ticks(printed, entry, scale, height - 26),
    ]
    for number, row in enumerate(rows):
        parts += _drawn(facts, entry, row, scale, _TOP + _ROW * number + _ROW / 2)
    return Markup("\n").join([*parts, Markup("</svg>")])


def _rows(entry: Entry) -> Iterator[_Row]:
    verdict = entry.verdict
    found = verdict.measured
    if found is None:
        return
    yield _Row(found_word(entry), "point", found.value, found.low, found.high, verdict.verdict)
    names = entry.needs[0].spec.conventions if entry.needs else ()
    chosen = (verdict.convention or "").partition(",")[0]
    for convention in names:
        other = verdict.by_key.get(convention.name)
        if other is not None and convention.name != chosen:
            style = "other" if is_sound(convention, verdict) else "unsound"
            field = f"key:{convention.name}"
            yield _Row(convention.name, field, other.value, other.low, other.high, style)


def is_sound(convention: Convention, verdict: Verdict) -> bool:
    """Tell whether a convention missed nothing in what was measured, as the judge asks it."""
    missed = verdict.by_key.get(convention.sound_if_zero or "")
    return convention.sound or (missed is not None and missed.low == missed.high == 0)


def _printed(entry: Entry) -> float | None:
    expect = entry.claim.expect
    return float(expect.figure.value) if isinstance(expect, PrintedFigure) else None


def _told(facts: Facts, entry: Entry) -> str:
    """Say what is drawn to those who do not see it."""
    ends = [facts.find(entry.claim.id, f"region:{end}") for end in ("low", "high")]
    low, high = ("any number" if end is None else end.text for end in ends)
    measured = facts.find(entry.claim.id, "measured")
    text = measured.text if measured is not None else "nothing"
    return f"Accepted is {low} to {high}; {found_word(entry)} is {text}."


def _band(facts: Facts, entry: Entry, scale: _Scale, bottom: float) -> Iterator[Markup]:
    low, high = entry.verdict.region or (None, None)
    start = _LEFT - 6.0 if low is None else scale(low)
    stop = _RIGHT + 6.0 if high is None else scale(high)
    width = max(stop - start, 3.0)
    left = (start + stop - width) / 2
    place = f'x="{left:g}" y="{_TOP - 8}" width="{width:g}" height="{bottom - _TOP + 8:g}"'
    yield Markup(f'<rect class="region" {place}/>')
    yield Markup(f'<path class="axis" d="M{_LEFT - 6} {bottom:g}H{_RIGHT + 6}"/>')
    id_ = entry.claim.id
    yield mark_in_drawing(facts, id_, "region:low", left - 3, bottom + 16, "end")
    yield mark_in_drawing(facts, id_, "region:high", left + width + 3, bottom + 16, "")


def _ticks(printed: float | None, entry: Entry, scale: _Scale, bottom: float) -> Iterator[Markup]:
    if printed is None:
        return
    x = scale(printed)
    yield Markup(f'<path class="print" d="M{x} {_TOP - 14}V{bottom:g}"/>')
    at = min(max(x, _LEFT + 40), _RIGHT - 40)
    yield Markup('<text x="{:g}" y="{}" class="middle">printed {}</text>').format(
        at, _TOP - 19, visible(entry.printed or "")
    )


def _drawn(facts: Facts, entry: Entry, row: _Row, scale: _Scale, y: float) -> Iterator[Markup]:
    x, low, high = scale(row.value), scale(row.low), scale(row.high)
    label = escape(_short(row.label))
    yield Markup(f'<text x="{_LABEL - 6}" y="{y + 4:g}" class="end label">{label}</text>')
    if high > low:
        yield Markup(f'<path class="spread" d="M{low} {y:g}H{high}"/>')
    radius = 5 if row.field == "point" else 3.5
    yield Markup(f'<circle class="dot {row.style}" cx="{x}" cy="{y:g}" r="{radius}"/>')
    yield mark_in_drawing(facts, entry.claim.id, row.field, WIDTH - _VALUE, y + 4, "label")


def _short(label: str) -> str:
    most = 17
    words = label.replace("_", " ")
    return words if len(words) <= most else f"{words[: most - 1]}…"


def verdict_bar(counts: Mapping[str, int], *, of: str, small: bool = False) -> Markup:
    """Draw how many claims have which verdict, in the verdicts' order.

    Args:
        counts: Claims by verdict.
        of: What the claims are of, for the text alternative.
        small: Whether it stands in a table, beside its numbers.
    """
    shown = [(word, counts.get(word, 0)) for word in WORDS if counts.get(word, 0)]
    total = sum(number for _, number in shown)
    told = ", ".join(f"{number} {SPOKEN[word]}" for word, number in shown) or "no claims"
    parts = [
        Markup('<svg class="bar" viewBox="0 0 {} 18" {}role="img" aria-label="{}: {}">').format(
            _BAR, Markup('preserveAspectRatio="none" ') if small else "", visible(of), told
        )
    ]
    for (word, number), (start, width) in zip(shown, _segments(shown, total), strict=True):
        parts.append(
            Markup(
                '<rect class="{}" x="{:g}" width="{:g}" height="18"><title>{}</title></rect>'
            ).format(word, start, width, f"{number} {SPOKEN[word]}")
        )
        if width >= _NARROW and not small:
            parts.append(
                Markup('<text class="on {}" x="{:g}" y="13">{} {}</text>').format(
                    word, start + width / 2, MARKS[word], number
                )
            )
    return Markup().join([*parts, Markup("</svg>")])


def _segments(shown: Sequence[tuple[Word, int]], total: int) -> Iterator[tuple[float, float]]:
    gaps = max(len(shown) - 1, 0)
    widths = [max(number / total * (_BAR - 2 * gaps), 2.0) for _, number in shown]
    scale = (_BAR - 2 * gaps) / sum(widths) if widths else 1.0
    starts = [0.0, *accumulate(width * scale + 2 for width in widths)]
    for start, width in zip(starts, widths, strict=False):
        yield round(start, 1), round(width * scale, 1)
