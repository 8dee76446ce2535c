"""When a measurement may end before all images are seen: once no claim on it is left open.

The one who measures is told yes or no; which claims there are, and what they print, stays here.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from reproductions.contract import Measurement
from verify.acceptance import Interval, interval_of
from verify.claim import Claim
from verify.compare import Acceptance, holds, limit_acceptance
from verify.convention import sound_conventions
from verify.expect import Bound, Value
from verify.judge import judge
from verify.need import Need
from verify.project import Project
from verify.rulings import key_of
from verify.stored import Stored
from verify.verdict import Reason, Verdict

_BY_MORE_IMAGES: frozenset[Reason] = frozenset(
    {
        "straddles",
        "level",
        "vague",
        "members_missing",
        "convention_ambiguous",
        "protocol_ambiguous",
        "family_incomplete",
    }
)
"""Reasons of open verdicts that a narrower interval may settle."""


def stopped_early(body: Mapping[str, Any]) -> bool:
    """Tell of the outcome of a measurement, as ledgers have it, whether it did not see all."""
    measurement = body.get("measurement") or {}
    return measurement.get("facts", {}).get("complete") is False


def asker(
    project: Project, stored: Callable[[], Mapping[str, Stored]], need: Need
) -> Callable[[Measurement], bool]:
    """Give what tells whether a measurement may end with what is known so far.

    Args:
        project: The claims, checked.
        stored: Gives measurement outcomes by ``Need.key``; called once, and only if asked.
        need: The measurement that is being taken.
    """
    return partial(_is_enough, project, cache(stored), need)


def unfinished(project: Project, stored: Mapping[str, Stored], *, full: bool) -> set[str]:
    """Name the measurements that stopped early and leave a claim open by now.

    Args:
        project: The claims, checked.
        stored: Measurement outcomes by ``Need.key``.
        full: Name every one that stopped early.
    """
    stopped = {
        key: outcome.measurement
        for key, outcome in stored.items()
        if outcome.measurement and outcome.measurement.facts.get("complete") is False
    }
    if full or not stopped:
        return set(stopped)
    needs = {n.key: n for c in project.claims.values() for n in project.all_needs(c)}
    return {
        key
        for key, found in stopped.items()
        if key in needs and not _is_enough(project, lambda: stored, needs[key], found)
    }


def _is_enough(
    project: Project,
    stored: Callable[[], Mapping[str, Stored]],
    need: Need,
    so_far: Measurement,
) -> bool:
    """Tell whether every claim on a measurement is decided; without a claim it is not."""
    claims = [
        claim
        for claim in project.claims.values()
        if any(other.key == need.key for other in project.all_needs(claim))
    ]
    compared = []
    for claim in claims:
        if not isinstance(claim.expect, Value | Bound):
            compared.append(claim.id)
        elif not _is_settled(claim, claim.expect, need, so_far):
            return False
    outcome = Stored("ok", so_far, "", stale=False, event="", machine="", duration_s=0)
    verdicts = judge(project, {**stored(), need.key: outcome}, compared) if compared else {}
    return bool(claims) and not any(map(_waits, verdicts.values()))


def _is_settled(claim: Claim, expect: Value | Bound, need: Need, so_far: Measurement) -> bool:
    """Tell whether a number lies wholly inside or outside of what is printed, however counted."""
    key = key_of(need, claim.convention)
    others = sound_conventions(need.spec, so_far) if claim.convention == "unstated" else ()
    standings = [
        _standing(claim, expect, interval_of(so_far.values[name]))
        for name in dict.fromkeys((key, *others))
        if name in so_far.values
    ]
    return standings[:1] == ["inside"] or (bool(standings) and "straddles" not in standings)


def _standing(claim: Claim, expect: Value | Bound, interval: Interval) -> str:
    if isinstance(expect, Value):
        return Acceptance.of(expect, claim.tolerance).standing(interval)
    limit, _ = limit_acceptance(expect, expect.relation, claim.tolerance)
    return holds(expect.relation, interval, Interval(limit, limit))


def _waits(verdict: Verdict) -> bool:
    """Tell whether more images, or another measurement to come, may still settle a claim."""
    if verdict.verdict == "blocked":
        return verdict.reason == "not_measured"
    return verdict.verdict == "inconclusive" and verdict.reason in _BY_MORE_IMAGES
