"""Claims and measurements to verdicts. A pure function: no torch, no clock, no disk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product

from reproductions.contract import Measurement
from verify.acceptance import Interval, exactly, interval_of
from verify.arithmetic import UndefinedError, evaluate
from verify.claim import Claim
from verify.compare import Acceptance, Standing, half_width
from verify.convention import family_evidence, qualifying, sound_conventions, standing_at
from verify.expect import (
    Arithmetic,
    Bound,
    Difference,
    Equal,
    Ordering,
    Outcome,
    Ratio,
    Value,
    claims_in,
)
from verify.explain import explanations
from verify.judge_pairs import by_rounds, in_one_session, of_figures, on_stand_in, where_taken
from verify.judge_printed import printed_arithmetic, printed_ordering
from verify.judge_sets import convention_of, judged_set
from verify.kinds.by_image import words_on
from verify.kinds.outcome import outcome
from verify.kinds.rounds import above_noise, floor_of
from verify.kinds.rules import SET_KINDS
from verify.kinds.transfer import is_elsewhere, of_value
from verify.mistakes import under_mistake
from verify.need import WANTS_CUDA, Need
from verify.project import Project
from verify.rulings import (
    Decide,
    against,
    agreed,
    bounded,
    combined,
    decided,
    distance,
    integer_region,
    key_of,
    left_open,
    middle,
    missing_key,
    shared_conventions,
    shown_interval,
    shown_keys,
    shown_quantity,
    structured,
    unchecked,
    under_every_convention,
)
from verify.stored import Stored
from verify.structure import fact_of, matches
from verify.verdict import Reason, Verdict

_COULD_FIT: tuple[tuple[Standing, Reason | None, str], ...] = (
    ("inside", None, "would fit"),
    ("straddles", "straddles", "may fit, once more is known"),
)
"""How another way to take a number may lie to a print that the default misses: what to say then."""


def judge(
    project: Project, stored: Mapping[str, Stored], ids: Sequence[str] | None = None
) -> dict[str, Verdict]:
    """Judge the claims of a project.

    Args:
        project: The claims, checked.
        stored: Measurement outcomes by ``Need.key``.
        ids: Claims to judge, in this order; None for all, in claim order.
    """
    court = _Court(project, stored)
    wanted = project.claims if ids is None else ids
    return {id_: court.verdict(project.claims[id_]) for id_ in wanted}


class _Court:
    def __init__(self, project: Project, stored: Mapping[str, Stored]) -> None:
        self.project = project
        self.stored = stored
        self.known: dict[str, Measurement | Verdict] = {}
        """What was found of a need, by its key."""

    def verdict(self, claim: Claim) -> Verdict:
        """Judge one claim, and say of a pass whether it needs a mistake in measuring."""
        return under_mistake(self.project, self.stored, claim, self._judged(claim), judge)

    def _judged(self, claim: Claim) -> Verdict:
        """Judge one claim by the kind of its expectation."""
        expect = claim.expect
        if expect is None or claim.check is not None or claim.damaged is not None:
            return unchecked(claim)
        if isinstance(expect, Arithmetic):
            if claim.twin_of is None:
                return printed_arithmetic(self.project, claim, expect)
            return self._measured_arithmetic(claim, expect)
        is_measured = bool(self.project.needs[claim.id])
        if isinstance(expect, Ordering) and not is_measured:
            return printed_ordering(self.project, claim, expect)
        if isinstance(expect, Ratio | Difference):
            return self._compared(claim, expect)
        if isinstance(expect, (*SET_KINDS, Ordering)):
            verdict = judged_set(self.project, claim, self._found, self.stored)
            return self._capped(verdict, self.project.needs[claim.id])
        return self._alternatives(claim, lambda need: self._single(claim, expect, need))

    def _single(self, claim: Claim, expect: Value | Bound | Equal | Outcome, need: Need) -> Verdict:
        """Judge one measurement by the kind of what is printed."""
        match expect:
            case Value():
                return self._value(claim, expect, need)
            case Bound():
                return self._bound(claim, expect, need)
            case Equal():
                return self._equal(claim, expect, need)
            case Outcome():
                return self._outcome(expect, need)

    # -- one measurement, perhaps of several released models ------------------------------

    def _alternatives(self, claim: Claim, one: Callable[[Need], Verdict]) -> Verdict:
        """Judge a claim on each model its label fits; they must agree."""
        verdicts = [self._capped(one(need), [need]) for need in self.project.needs[claim.id]]
        return agreed([str(n.params.subject()) for n in self.project.needs[claim.id]], verdicts)

    def _value(self, claim: Claim, expect: Value, need: Need) -> Verdict:
        found = self._found(need)
        if isinstance(found, Verdict):
            return found
        key = key_of(need, claim.convention)
        accepted = Acceptance.of(expect, claim.tolerance)
        quantity = found.values.get(key)
        if quantity is None:
            return missing_key(need, key, sorted(found.values))
        verdict = against(accepted, interval_of(quantity), key)
        verdict = above_noise(verdict, half_width(accepted), floor_of(found))
        if is_elsewhere(need, found):
            verdict = of_value(verdict)
        verdict = replace(
            verdict,
            measured=shown_quantity(quantity),
            off_by=distance(expect, exactly(quantity.value)),
            by_key=shown_keys(need.spec, found),
            evidence=(self.stored[need.key].event,),
            stale=self.stored[need.key].stale,
        )
        if verdict.verdict == "fail":
            verdict = self._missed(claim, expect, need, found, verdict)
        if verdict.verdict != "pass":
            explained = explanations(self.project, self.stored, claim, expect, need)
            verdict = replace(verdict, explained_by=explained)
        return verdict

    def _missed(
        self, claim: Claim, expect: Value, need: Need, found: Measurement, verdict: Verdict
    ) -> Verdict:
        """Look at what else could account for a default that misses: conventions, padding."""
        accepted = Acceptance.of(expect, claim.tolerance)
        if claim.convention == "unstated":
            fits = standing_at(need.spec, found, accepted, "inside")
            if fits:
                return self._by_convention(claim, need, fits, found, verdict)
            partly = standing_at(need.spec, found, accepted, "straddles")
            if partly:
                detail = f"counted {', '.join(partly)}: only partly inside the region of the print"
                return left_open(verdict, "straddles", detail)
        taken = self._by_protocol(claim, accepted, verdict)
        if taken is not None:
            return taken
        key = key_of(need, claim.convention)
        quantity = found.values[key]
        read = [name for name in need.spec.readings.get(key, ()) if name in found.values]
        for standing, reason, would in _COULD_FIT:
            fits = [k for k in read if accepted.standing(interval_of(found.values[k])) == standing]
            if fits:
                detail = f"{verdict.detail}; read as {', '.join(fits)} it {would}"
                return left_open(verdict, reason or "convention_ambiguous", detail)
        if expect.padded and integer_region(claim, expect).contains(interval_of(quantity)):
            detail = "inside the region of the integer the primary prints; the added .0 is not"
            return replace(verdict, reason="over_precise", detail=detail)
        better = {"higher": 1, "lower": -1, "none": 0}[need.spec.better]
        if better * (exactly(quantity.value) - expect.figure.value) > 0:
            return replace(verdict, reason="better_than_printed")
        if claim.convention == "unstated":
            return replace(verdict, detail=under_every_convention(need, found, expect))
        return verdict

    def _by_protocol(self, claim: Claim, accepted: Acceptance, verdict: Verdict) -> Verdict | None:
        """Leave a miss open if another protocol the document allows hits the print, or may."""
        told: dict[Standing, list[str]] = {"inside": [], "straddles": [], "outside": []}
        for name, need in self.project.protocols.get(claim.id, {}).items():
            found = self._found(need)
            if isinstance(found, Verdict):
                return replace(found, detail=f"protocol {name}: {found.detail}")
            stated = claim.convention in found.values  # perhaps a number of its own
            for key in [claim.convention] if stated else sound_conventions(need.spec, found):
                interval = interval_of(found.values[key])
                figure = f"{name} counted {key}: {found.values[key].value:g}"
                told[accepted.standing(interval)].append(figure)
        for standing, reason, would in _COULD_FIT:
            if told[standing]:
                detail = f"the document leaves open how it was taken; {'; '.join(told[standing])}"
                return left_open(verdict, reason or "protocol_ambiguous", f"{detail} {would}")
        return None

    def _by_convention(
        self, claim: Claim, need: Need, fits: list[str], found: Measurement, verdict: Verdict
    ) -> Verdict:
        evidence = family_evidence(self.project, self.stored, claim, need)
        missing = [row.claim for row in evidence if row.missing]
        if missing:
            detail = f"{', '.join(fits)} would fit; to be measured first: {', '.join(missing)}"
            return left_open(verdict, "family_incomplete", detail)
        names = [name for name in qualifying(need.spec, evidence) if name in fits]
        family = need.params.family() or "few"
        if not names:
            detail = (
                f"{', '.join(fits)} would fit this row, but the {family} rows of "
                "this document do not bear it out"
            )
            return left_open(verdict, "convention_ambiguous", detail)
        models = {row.model for row in evidence if row.reproduced_by}
        detail = (
            f"counted {', '.join(names)}, which fits all {len(models)} {family} models "
            "of this document that any convention fits"
        )
        return replace(
            verdict,
            verdict="pass",
            reason="inside_region",
            detail=detail,
            agreement=f"convention:{','.join(names)}",
            convention=",".join(names),
            measured=shown_quantity(found.values[names[0]]),
            evidence=tuple(dict.fromkeys([*verdict.evidence, *(row.event for row in evidence)])),
        )

    def _bound(self, claim: Claim, expect: Bound, need: Need) -> Verdict:
        verdict = self._derived([need], [claim.convention], bounded(claim.tolerance, expect))
        beyond = (verdict.off_by and verdict.off_by.relative) or 0
        return of_figures(verdict, [need], [self._found(need)], abs(exactly(beyond)))

    def _equal(self, claim: Claim, expect: Equal, need: Need) -> Verdict:
        found = self._found(need)
        if isinstance(found, Verdict):
            return found
        key = key_of(need, claim.convention)
        if fact_of(found, key) is None:
            return missing_key(need, key, sorted({*found.facts, *found.values}))
        verdict = structured(expect, key, found)
        fits = [
            other.name
            for other in need.spec.conventions
            if claim.convention == "unstated"
            and other.is_sound_in(found)
            and matches(expect, fact_of(found, other.name))
        ]
        readings = need.spec.readings.get(key, ())
        fits += [other for other in readings if matches(expect, fact_of(found, other))]
        if verdict.verdict == "fail" and fits:
            detail = f"{verdict.detail}; {', '.join(fits)} would fit"
            verdict = left_open(verdict, "convention_ambiguous", detail)
        return replace(
            verdict,
            convention=key,
            evidence=(self.stored[need.key].event,),
            stale=self.stored[need.key].stale,
        )

    def _outcome(self, expect: Outcome, need: Need) -> Verdict:
        found = self._found(need)
        if isinstance(found, Verdict):
            return found
        stored = self.stored[need.key]
        return replace(outcome(expect, found), evidence=(stored.event,), stale=stored.stale)

    # -- several measurements ------------------------------------------------------------

    def _compared(self, claim: Claim, expect: Ratio | Difference) -> Verdict:
        """Judge the ratio or difference of two measurements."""
        decide = combined(claim.tolerance, expect)
        needs = list(self.project.needs[claim.id])
        stated = [convention_of(self.project, given) for given in claim.inputs]
        verdict = self._derived(needs, stated, decide)
        verdict = by_rounds(claim, verdict, needs, [self._found(need) for need in needs])
        verdict = where_taken(self.project, claim, verdict, needs, self._found)
        verdict = replace(verdict, detail=verdict.detail + words_on(*map(self._found, needs)))
        return self._capped(verdict, needs)

    def _derived(self, needs: Sequence[Need], stated: Sequence[str], decide: Decide) -> Verdict:
        """Judge on the defaults; a sound convention that would change the word leaves it open."""
        found = [self._found(need) for need in needs]
        for need, one in zip(needs, found, strict=True):
            if isinstance(one, Verdict):
                return replace(one, detail=f"{need}: {one.detail}")
        measured = [one for one in found if isinstance(one, Measurement)]
        keys = [key_of(need, name) for need, name in zip(needs, stated, strict=True)]
        for need, measurement, key in zip(needs, measured, keys, strict=True):
            if key not in measurement.values:
                return missing_key(need, key, sorted(measurement.values))
        verdict = decided(decide, measured, keys)
        for name in shared_conventions(needs, measured, stated):
            others = [
                name if given == "unstated" else key
                for key, given in zip(keys, stated, strict=True)
            ]
            other = decided(decide, measured, others)
            if other.verdict != verdict.verdict:
                detail = f"{verdict.verdict} as counted by default, {other.verdict} counted {name}"
                verdict = left_open(verdict, "convention_ambiguous", detail)
                break
        return replace(
            verdict,
            convention=",".join(dict.fromkeys(keys)),
            evidence=tuple(self.stored[need.key].event for need in needs),
            stale=any(self.stored[need.key].stale for need in needs),
        )

    def _measured_arithmetic(self, claim: Claim, expect: Arithmetic) -> Verdict:
        """Judge the twin: the same arithmetic over measurements of the same claims' models."""
        ids = list(dict.fromkeys(claims_in(expect)))
        choices = [self.project.needs[id_] for id_ in ids]
        stated = [self.project.claims[id_].convention for id_ in ids]

        def decide(intervals: Sequence[Interval]) -> Verdict:
            by_id = dict(zip(ids, intervals, strict=True))
            accepted = Acceptance.of(expect, claim.tolerance)
            try:
                result = evaluate(expect, by_id.__getitem__)
            except UndefinedError as error:
                return Verdict(verdict="error", reason="measurement_error", detail=str(error))
            return replace(
                against(accepted, result, None),
                measured=shown_interval(middle(result), result),
                off_by=distance(expect, middle(result)),
            )

        verdicts, labels = [], []
        for needs in product(*choices):
            found = [self._found(need) for need in needs]
            reach = half_width(Acceptance.of(expect, claim.tolerance))
            verdict = of_figures(self._derived(needs, stated, decide), needs, found, reach)
            verdicts.append(self._capped(verdict, needs))
            labels.append(", ".join(str(need.params.subject()) for need in needs))
        return agreed(labels, verdicts)

    # -- shared --------------------------------------------------------------------------

    def _found(self, need: Need) -> Measurement | Verdict:
        """Give the measurement of a need, or the verdict that its absence makes."""
        known = self.known.get(need.key)
        if known is None:
            known = self.known[need.key] = self._looked_up(need)
        return known

    def _looked_up(self, need: Need) -> Measurement | Verdict:
        absent = need.absent()
        if absent is not None:
            reason: Reason = "no_model" if need.planned is None else "no_reproduction"
            return Verdict(verdict="blocked", reason=reason, detail=absent)
        stored = self.stored.get(need.key)
        if stored is None and not need.runs_on_cpu:
            detail = f"{WANTS_CUDA}; `verify all` measures it on a machine with one"
            return Verdict(verdict="blocked", reason="no_device", detail=detail)
        if stored is None:
            detail = f"{need} is not measured yet; `verify all` measures it"
            return Verdict(verdict="blocked", reason="not_measured", detail=detail)
        if stored.measurement is None:
            blocked = stored.outcome == "blocked"
            return Verdict(
                verdict="blocked" if blocked else "error",
                reason="not_measurable" if blocked else "measurement_error",
                detail=stored.reason,
                evidence=(stored.event,),
                stale=stored.stale,
            )
        return stored.measurement

    def _capped(self, verdict: Verdict, needs: Sequence[Need]) -> Verdict:
        """Hold back a pass or fail that a stand-in or a fitted model produced."""
        if verdict.verdict not in {"pass", "fail"}:
            return verdict
        stored = [self.stored.get(need.key) for need in needs]
        found = [one.measurement if one is not None else None for one in stored]
        return on_stand_in(self.project.index, in_one_session(verdict, needs, found), needs, found)
