"""Claims, verdicts and findings side by side: what consoles, programs and pages show."""

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from pydantic import JsonValue

from verify.acceptance import exactly
from verify.claim import Cell, Claim, Scope
from verify.expect import Bound, Equal, Marks, Outcome, PrintedFigure, Range, UpTo, Vague
from verify.findings import Finding, findings_of
from verify.judge import judge
from verify.mistakes import AGREEMENT
from verify.need import Need
from verify.null_model import null_verdicts
from verify.project import Project
from verify.rulings import distance
from verify.state import State, state_of
from verify.stored import Stored
from verify.structure import fact_of
from verify.verdict import WORDS, Measured, OffBy, Verdict


@dataclass(frozen=True)
class ByDefault:
    """What the default convention gives of a claim that another one decides."""

    convention: str
    measured: Measured
    off_by: OffBy


@dataclass(frozen=True)
class Entry:
    """One claim with its verdict."""

    claim: Claim
    verdict: Verdict
    needs: tuple[Need, ...]
    modules: tuple[str, ...] = ()
    """Modules of the project's own that declare reproductions."""
    artifacts: str | None = None
    """The file of the project's own weights and data sets."""
    fact: JsonValue = None
    """The structure that was measured, where one is printed; None where none was."""
    null: Verdict | None = None
    """What the claim's null model shows, by the same rules; None where it names none."""

    @property
    def printed(self) -> str | None:
        """The figure as the document prints it, hedge included; None where only words are."""
        expect = self.claim.expect
        if isinstance(expect, Equal) and isinstance(expect.printed, list):
            return ", ".join(expect.printed)
        if isinstance(expect, Equal | Outcome):
            return str(expect.printed)
        if isinstance(expect, Vague):
            return f'"{expect.word}"'
        if isinstance(expect, Range):
            ends = " to ".join(expect.printed)
            return f"about {ends}" if expect.hedge else ends
        if isinstance(expect, PrintedFigure):
            return f"about {expect.printed}" if expect.hedge else expect.printed
        # A cell that no program settles keeps its print in the locator.
        place = self.claim.found_at[0]
        return place.printed if expect is None and isinstance(place, Cell) else None

    @property
    def relation(self) -> str | None:
        """What a print is the limit of: ``at_least``, ``up_to`` ...; None if it is the number."""
        expect = self.claim.expect
        if isinstance(expect, Bound):
            return expect.relation
        return "up_to" if isinstance(expect, UpTo) else None

    @property
    def primary_printed(self) -> str | None:
        """The primary paper's figure as it prints it."""
        return self.claim.primary.printed if self.claim.primary is not None else None

    @property
    def unit(self) -> str | None:
        """The unit of the printed figure."""
        return self.claim.expect.unit if isinstance(self.claim.expect, Marks) else None

    @property
    def off_by(self) -> OffBy | None:
        """How far the number shown is off the print, by whichever convention it is counted."""
        shown, expect = self.verdict.measured, self.claim.expect
        if self.by_default is None or shown is None or not isinstance(expect, PrintedFigure):
            return self.verdict.off_by
        return distance(expect, exactly(shown.value))

    @property
    def by_default(self) -> ByDefault | None:
        """What the default convention gives; None where the number shown is counted by it."""
        keys, off_by = self.verdict.by_key, self.verdict.off_by
        if off_by is None or not keys or self.claim.convention != "unstated":
            return None
        default = next(iter(keys))  # the first that is declared
        chosen = (self.verdict.convention or default).partition(",")[0]
        return None if chosen == default else ByDefault(default, keys[default], off_by)

    @property
    def by_hand(self) -> str | None:
        """The command that repeats the measurement without this tool's judge."""
        commands = dict.fromkeys(
            command_for(n, self.modules, self.artifacts) for n in self.needs if n.absent() is None
        )
        return "\n".join(commands) or None

    def as_json(self) -> dict[str, Any]:
        """Give plain data for programs."""
        verdict = self.verdict.as_json()
        return {
            "id": self.claim.id,
            "source": self.claim.source,
            "statement": self.claim.statement,
            "scope": self.claim.scope,
            "verdict": verdict["verdict"],
            "agreement": verdict["agreement"],
            "reason": verdict["reason"],
            "detail": verdict["detail"],
            "printed": self.printed,
            "relation": self.relation,
            "unit": self.unit,
            "measured": verdict["measured"],
            "fact": self.fact,
            "by_key": verdict["by_key"],
            "convention": verdict["convention"],
            "off_by": None if self.off_by is None else asdict(self.off_by),
            "by_default": None if self.by_default is None else asdict(self.by_default),
            "explained_by": verdict["explained_by"],
            "parts": verdict["parts"],
            "found_at": [str(locator) for locator in self.claim.found_at],
            "null_model": None if self.null is None else self.null.as_json(),
            "by_hand": self.by_hand,
            "stale": verdict["stale"],
        }


@dataclass(frozen=True)
class Report:
    """All entries asked for, and what was found beside them."""

    head: str | None
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]
    stored: Mapping[str, Stored] = field(default_factory=dict)
    """The measurements behind the entries, by ``Need.key``."""

    def counts(self) -> dict[str, int]:
        """Count claims by verdict, every word present, and how the passes agree."""
        words = Counter(entry.verdict.verdict for entry in self.entries)
        passes = Counter(
            str(entry.verdict.agreement).partition(":")[0]
            for entry in self.entries
            if entry.verdict.verdict == "pass"
        )
        return {
            "claims": len(self.entries),
            **{word: words[word] for word in WORDS},
            "pass_as_printed": passes["as_printed"],
            "pass_within_tolerance": passes["within_tolerance"],
            "pass_by_convention": passes["convention"],
            "pass_by_mistake": passes[AGREEMENT],
            "fail_over_precise": sum(e.verdict.reason == "over_precise" for e in self.entries),
            "stale": sum(entry.verdict.stale for entry in self.entries),
        }

    def by_scope(self) -> dict[str, tuple[int, int, int]]:
        """Count by scope, of those that claims have: how many hold, do not, are undecided."""
        found = {}
        for scope in get_args(Scope):
            words = [e.verdict.verdict for e in self.entries if e.claim.scope == scope]
            passed, failed = words.count("pass"), words.count("fail")
            if words:
                found[scope] = (passed, failed, len(words) - passed - failed)
        return found

    def false_verdicts_to_expect(self) -> float:
        """Add up the error rates of the decided claims; exact counts add nothing."""
        decided = [e.verdict for e in self.entries if e.verdict.verdict in {"pass", "fail"}]
        return sum(v.measured.level or 0.0 for v in decided if v.measured is not None)

    def as_json(self) -> dict[str, Any]:
        """Give plain data for programs."""
        return {
            "head": self.head,
            "counts": self.counts(),
            "claims": [entry.as_json() for entry in self.entries],
            "findings": [asdict(finding) for finding in self.findings],
        }


def report_of(project: Project, ids: Iterable[str] | None = None) -> Report:
    """Judge from the ledgers as they stand and gather everything about some claims.

    Args:
        project: The claims, checked.
        ids: The claims to show; None for all. Findings always cover all.

    Raises:
        LedgerDamagedError: a ledger's chain does not hold.
    """
    return report_on(project, state_of(project), ids)


def report_on(project: Project, state: State, ids: Iterable[str] | None = None) -> Report:
    """Gather everything about some claims from a state already read."""
    verdicts = judge(project, state.stored)
    wanted = list(project.claims if ids is None else ids)
    modules, artifacts = tuple(project.index.reproductions), project.index.artifacts
    nulls = null_verdicts(project, state.stored)
    entries = tuple(
        Entry(
            claim=project.claims[id_],
            verdict=verdicts[id_],
            needs=project.needs[id_],
            modules=modules,
            artifacts=artifacts,
            fact=_fact(project, state, id_, verdicts[id_].convention),
            null=nulls.get(id_),
        )
        for id_ in wanted
    )
    return Report(state.head, entries, findings_of(project, state, verdicts), state.stored)


def _fact(project: Project, state: State, id_: str, key: str | None) -> JsonValue:
    """Give the structure that was measured; None where the models of a claim differ in it."""
    if not isinstance(project.claims[id_].expect, Equal) or key is None:
        return None
    known = [state.stored.get(need.key) for need in project.needs[id_]]
    facts = [fact_of(one.measurement, key) for one in known if one and one.measurement]
    is_one = len(facts) == len(known) and all(fact == facts[0] for fact in facts)
    return facts[0] if facts and is_one else None


def command_for(need: Need, modules: Iterable[str], artifacts: str | None = None) -> str:
    """Give the command line that takes one measurement by hand, from the project's folder."""
    params = json.dumps(need.params.model_dump(mode="json"))
    own = [word for module in modules for word in ("--module", module)]
    own += ["--artifacts", artifacts] if artifacts else []
    return shlex.join(["python", "-m", "reproductions", *own, need.reproduction, params])


def worst_first(entries: Sequence[Entry]) -> list[Entry]:
    """Sort entries by how far off they are, farthest first; those without a number last."""

    def distance(entry: Entry) -> float:
        off_by = entry.verdict.off_by
        return -abs(off_by.relative) if off_by is not None and off_by.relative is not None else 1.0

    return sorted(entries, key=distance)


@dataclass(frozen=True)
class Failing:
    """What does not hold, told apart by what that means, each farthest off first."""

    refuted: tuple[Entry, ...] = ()
    """Printed figures that the models contradict."""
    padded: tuple[Entry, ...] = ()
    """Those that do so only for a .0 that the primary does not print."""
    causes: tuple[Entry, ...] = ()
    """Stated causes that do not show at a size of our own; no figure is judged by them."""
    unfit: tuple[Entry, ...] = ()
    """Printed numbers that do not fit together."""

    @classmethod
    def among(cls, entries: Iterable[Entry]) -> "Failing":
        """Sort out what fails."""
        groups: dict[str, list[Entry]] = {}
        for entry in worst_first([e for e in entries if e.verdict.verdict == "fail"]):
            of_figures = "padded" if entry.verdict.reason == "over_precise" else "refuted"
            apart = {"consistency": "unfit", "mechanism": "causes"}
            groups.setdefault(apart.get(entry.claim.scope, of_figures), []).append(entry)
        return cls(**{name: tuple(group) for name, group in groups.items()})
