"""The whole self-test and what it says."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from verify.project import Project
from verify.selftest.decoys import decoys
from verify.selftest.lab import Wrong
from verify.selftest.refusals import refusals
from verify.selftest.simulation import Rate, simulate


@dataclass(frozen=True)
class Selftest:
    """How the tool did against itself."""

    by_kind: Mapping[str, int]
    """Decoys judged, by the kind of the claim they were made from."""
    refusals: int
    wrong: Sequence[Wrong]
    refused_wrongly: Sequence[Wrong]
    simulation: Sequence[Rate]

    @property
    def sound(self) -> bool:
        """Whether nothing came out otherwise than the rules say."""
        too_often = any(rate.too_often for rate in self.simulation)
        return not (self.wrong or self.refused_wrongly or too_often)

    def as_json(self) -> dict[str, Any]:
        """Give plain data for programs."""
        counts = {
            "decoys": sum(self.by_kind.values()),
            "wrong": len(self.wrong),
            "refusals": self.refusals,
            "refused_wrongly": len(self.refused_wrongly),
            "simulations": len(self.simulation),
            "too_often": sum(rate.too_often for rate in self.simulation),
            "by_kind": {
                kind: {"decoys": count, "wrong": self._wrong_by_kind()[kind]}
                for kind, count in self.by_kind.items()
            },
        }
        return {
            "counts": counts,
            "wrong": [asdict(one) for one in (*self.wrong, *self.refused_wrongly)],
            "simulation": [{**asdict(r), "too_often": r.too_often} for r in self.simulation],
        }

    def lines(self) -> Iterator[str]:
        """Say it to a human: what is wrong, then how many of each kind."""
        for one in self.wrong:
            yield f"wrong: {one.claim}: {one.decoy}: want {one.expected}, found {one.found}"
        for one in self.refused_wrongly:
            yield f"wrong: refusal of {one.decoy}: want {one.expected}, found {one.found}"
        for kind, count in self.by_kind.items():
            yield f"{kind}: {count} decoys, {self._wrong_by_kind()[kind]} judged wrongly"
        yield f"refusals: {self.refusals} planted, {len(self.refused_wrongly)} refused wrongly"
        for rate in self.simulation:
            found = f"{rate.wrong} of {rate.trials}, between {rate.low:.4f} and {rate.high:.4f}"
            verdict = "too often" if rate.too_often else "as stated"
            yield f"{rate.rule}: {rate.mistake} {found}; at most {rate.stated:g}: {verdict}"

    def _wrong_by_kind(self) -> Counter[str]:
        return Counter(one.kind for one in self.wrong)


def selftest(project: Project) -> Selftest:
    """Judge decoys of every claim, plant every mistake, judge noise of known truth."""
    by_kind, wrong = decoys(project)
    planted, refused_wrongly = refusals()
    return Selftest(by_kind, planted, wrong, refused_wrongly, simulate())
