"""What a judgement says: seven words, a closed list of reasons, the numbers behind them."""

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any, Literal, get_args

Word = Literal[
    "pass", "fail", "inconclusive", "not_comparable", "blocked", "not_checkable", "error"
]
WORDS: tuple[Word, ...] = get_args(Word)

Reason = Literal[
    # pass
    "inside_region",
    "recomputes",
    "holds",
    "equal",
    "all_parts",
    "as_outcome",
    # fail
    "outside_region",
    "over_precise",
    "better_than_printed",
    "does_not_hold",
    "not_equal",
    "do_not_fit_together",
    "some_part_fails",
    "not_as_outcome",
    # inconclusive
    "straddles",
    "compatible",
    "convention_ambiguous",
    "protocol_ambiguous",
    "family_incomplete",
    "model_ambiguous",
    "fitted",
    "substituted",
    "vague",
    "members_missing",
    "out_of_memory",
    "level",
    "noise_floor",
    # not comparable
    "other_card",
    "host_bound",
    # blocked
    "no_reproduction",
    "no_model",
    "not_measured",
    "no_device",
    "not_measurable",
    "input_missing",
    # not checkable
    "no_program",
    "text_damaged",
    # error
    "measurement_error",
]

MARKS: dict[Word, str] = {
    "pass": "✓",
    "fail": "✗",
    "inconclusive": "◐",
    "not_comparable": "≠",
    "blocked": "○",
    "not_checkable": "–",
    "error": "!",
}


PRIMARY = "printed by the primary"
"""The reason of an explanation that is the primary paper's own figure."""


@dataclass(frozen=True)
class OffBy:
    """How far a measurement lies from the printed number."""

    last_digits: int
    """Measured, rounded half up to the printed digits, minus printed, in last digits."""
    relative: float | None
    """measured / printed - 1; None where the printed number is 0."""


@dataclass(frozen=True)
class Measured:
    """A number and its interval as a verdict shows them."""

    value: float
    low: float
    high: float
    level: float | None = None
    """Error rate of the interval; None where the number is exact."""


@dataclass(frozen=True)
class Explanation:
    """A figure that would account for the print, but cannot decide the claim."""

    what: str
    value: float
    off_by: OffBy
    fit: Literal["reproduces", "near"]
    reason: str


@dataclass(frozen=True)
class PartVerdict:
    """One part of a claim that says several things."""

    what: str
    verdict: Word
    numbers: str
    """The numbers it was judged on, or what stood in the way."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One claim, judged."""

    verdict: Word
    reason: Reason
    detail: str
    """One sentence for a human: why this verdict, and what would change it."""
    agreement: str | None = None
    """as_printed, within_tolerance, exceeded, or convention:<names>; of a pass only."""
    measured: Measured | None = None
    by_key: dict[str, Measured] = field(default_factory=dict)
    convention: str | None = None
    off_by: OffBy | None = None
    explained_by: tuple[Explanation, ...] = ()
    region: tuple[float | None, float | None] | None = None
    """The acceptance region's ends, in the unit of the print."""
    parts: tuple[PartVerdict, ...] = ()
    """What came of each part, where the claim has several."""
    evidence: tuple[str, ...] = ()
    """Hashes of the ledger events whose measurements decided."""
    stale: bool = False
    """Whether a measurement behind it no longer matches the code, package or claim it came from."""

    def as_json(self) -> dict[str, Any]:
        """Give plain data, every field, for ledgers and programs."""
        return {**asdict(self), "parts": [asdict(part) for part in self.parts]}


def off_by(measured: Fraction, printed_value: Fraction, last_digits: int) -> OffBy:
    """Put the two ways of being off side by side."""
    relative = None if printed_value == 0 else float(measured / printed_value - 1)
    return OffBy(last_digits, relative)
