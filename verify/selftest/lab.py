"""Where decoys of one claim are set up: invented models and measurements, never the ledger's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, JsonValue

from reproductions.contract import SPECS, Measurement, Params, Quantity, Spec
from verify import judge as judging
from verify.claim import Claim
from verify.expect import PrintedFigure
from verify.index import Index, ModelNote, PublishedFigure
from verify.need import Need
from verify.project import Project
from verify.selftest.oracle import Expected, Reading
from verify.stored import Stored
from verify.verdict import Verdict

Note = Literal["substituted", "fitted"]
LEVEL = 0.05
"""Error rate of a synthetic interval."""


class LabParams(Params):
    """Which invented model was measured, and how."""

    model_config = ConfigDict(extra="allow")
    model: str
    kin: str
    """The model's family."""
    seat: int = 0
    """Tells two ways of measuring one model apart."""
    written: bool = True
    card: str | None = None
    """The class of GPU that the figure was printed for."""

    def subject(self) -> str:
        """Name the model measured."""
        return self.model

    def family(self) -> str:
        """Name the family it was put into."""
        return self.kin

    def absent(self) -> str | None:
        """Say that the model was left unwritten."""
        return None if self.written else f"no model named {self.model!r}"

    def printed_on(self) -> str | None:
        """Name the class of GPU that the figure was printed for."""
        return self.card


@dataclass(frozen=True)
class Fact:
    """An exact structure that was measured."""

    found: JsonValue


@dataclass(frozen=True)
class Wrong:
    """A decoy that came out otherwise than the rule says."""

    claim: str
    kind: str
    decoy: str
    expected: str
    found: str


@dataclass
class Lab:
    """Decoys made from one claim, judged together in one invented project."""

    origin: Claim
    others: Mapping[str, Claim] = field(default_factory=dict)
    """The claims that it computes with, by id, among all of its project."""
    others_needs: Mapping[str, Sequence[Need]] = field(default_factory=dict)
    """What each of these claims is judged on."""
    figures: Mapping[str, PublishedFigure] = field(default_factory=dict)
    """The figures of other works that it may compute with, by id."""
    claims: dict[str, Claim] = field(default_factory=dict)
    needs: dict[str, tuple[Need, ...]] = field(default_factory=dict)
    protocols: dict[str, dict[str, Need]] = field(default_factory=dict)
    stored: dict[str, Stored] = field(default_factory=dict)
    models: dict[str, ModelNote] = field(default_factory=dict)
    published: dict[str, PublishedFigure] = field(default_factory=dict)
    accused: dict[str, tuple[str, Expected]] = field(default_factory=dict)
    invented: int = 0

    @property
    def kind(self) -> str:
        """Name what the decoys are counted as: claims on reproductions to come stand apart."""
        kind = kind_of(self.origin)
        needs = self.others_needs.get(self.origin.id, ())
        to_come = any(need.planned is not None for need in needs)
        return "planned" if to_come and kind != "unchecked" else kind

    def add(self, claim: Claim, needs: Sequence[Need] = (), **changes: Any) -> Claim:
        """Put down a copy of a claim, judged on the given measurements."""
        id_ = f"{claim.source}.decoy.n{len(self.claims)}"
        copied = claim.model_copy(update={"id": id_, **changes})
        self.claims[id_] = copied
        self.needs[id_] = tuple(needs)
        return copied

    def print_of(self, id_: str) -> Any:
        """Give what a claim prints, or a figure of another work."""
        return self.figures.get(id_) or self.others[id_].expect

    def printed(self, id_: str, figure: PrintedFigure) -> str:
        """Put down a print in the place of another that is computed with; give its id."""
        if id_ not in self.figures:
            return self.add(self.others[id_], expect=figure, check="none", because="a decoy").id
        name = f"n{len(self.published)}"
        given = figure.model_dump(include=set(PrintedFigure.model_fields))
        self.published[name] = PublishedFigure.model_validate({**given, "at": "a decoy"})
        return f"papers.decoy.{name}"

    def expect(self, name: str, claim: Claim, expected: Expected) -> None:
        """Say how a claim put down must come out."""
        self.accused[claim.id] = (name, expected)

    def need(
        self,
        reproduction: str | None,
        model: str | None = None,
        kin: str | None = None,
        *,
        seat: int = 0,
        written: bool = True,
        card: str | None = None,
    ) -> Need:
        """Invent a model; by default it is the only one of its family."""
        self.invented += 1
        model = model or f"decoy_{self.invented}"
        kin = kin or f"kin_{self.invented}"
        params = LabParams(model=model, kin=kin, seat=seat, written=written, card=card)
        return Need(reproduction or "", params)

    def measure(self, need: Need, values: Mapping[str, Reading | Fact], **state: Any) -> Need:
        """Store a measurement under a need."""
        unit = need.spec.unit
        quantities, facts = {}, {}
        for key, given in values.items():
            if isinstance(given, Fact):
                facts[key] = given.found
                continue
            level = LEVEL if given.low < given.high else None
            quantities[key] = Quantity(
                low=given.low, value=given.value, high=given.high, level=level, unit=unit
            )
        self.end(need, "ok", Measurement(values=quantities, facts=facts), **state)
        return need

    def end(
        self,
        need: Need,
        outcome: Literal["ok", "blocked", "error"],
        measurement: Measurement | None = None,
        *,
        stale: bool = False,
    ) -> Need:
        """Store how a run ended."""
        reason = "" if outcome == "ok" else f"a decoy: {outcome}"
        self.stored[need.key] = Stored(
            outcome, measurement, reason, stale, f"decoy {need.key}", "nowhere", 1.0
        )
        return need

    def note(self, need: Need, what: Note, claims: Sequence[str] = ()) -> Need:
        """Say that the model of a need only stands for another one."""
        fitted = [*claims, self.origin.id] if what == "fitted" else []
        self.models[str(need.params.subject())] = ModelNote(
            stands_for="the released model", fitted_to=fitted, because="a decoy"
        )
        return need

    def judged(self) -> dict[str, Verdict]:
        """Send everything put down through the judge."""
        papers = {"decoy": {"title": "Decoys", "figures": self.published}}
        index = Index.model_validate(
            {"schema": 1, "sources": {}, "papers": papers, "models": self.models}
        )
        project = Project(
            root=Path(),
            index=index,
            claims=self.claims,
            tables=(),
            where={},
            needs=self.needs,
            protocols=self.protocols,
        )
        return judging.judge(project, self.stored)

    def wrong(self) -> list[Wrong]:
        """List the decoys that the judge got wrong."""
        verdicts = self.judged()
        return [
            Wrong(self.origin.id, self.kind, name, _words(expected), _said(verdicts[id_]))
            for id_, (name, expected) in self.accused.items()
            if not _as_expected(expected, verdicts[id_])
        ]


def kind_of(claim: Claim) -> str:
    """Name the kind of a claim's expectation, as decoys are counted."""
    if claim.expect is None or claim.check is not None or claim.damaged is not None:
        return "unchecked"
    measures = claim.twin_of is not None and claim.expect.kind == "arithmetic"
    return "measured_arithmetic" if measures else claim.expect.kind


def spec_of(reproduction: str | None) -> Spec:
    """Give what is declared of a reproduction."""
    return SPECS[reproduction or ""]


def _as_expected(expected: Expected, found: Verdict) -> bool:
    explained = {e.reason for e in found.explained_by if e.fit == "reproduces"}
    return (found.verdict, found.reason, found.agreement) == (
        expected.verdict,
        expected.reason,
        expected.agreement,
    ) and (expected.explained is None or expected.explained in explained)


def _words(expected: Expected) -> str:
    parts = (expected.verdict, expected.reason, expected.agreement, expected.explained)
    return " ".join(part for part in parts if part)


def _said(found: Verdict) -> str:
    explained = [explanation.reason for explanation in found.explained_by]
    parts = (found.verdict, found.reason, found.agreement, *explained)
    return " ".join(part for part in parts if part)
