"""Claims over several numbers: each input resolved, the rule of its kind asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reproductions.contract import Measurement
from verify.acceptance import exactly, interval_of
from verify.claim import Claim
from verify.expect import Marks, Outcome
from verify.kinds.by_image import by_image
from verify.kinds.member import Member
from verify.kinds.outcome import ran_out_of_memory
from verify.kinds.rounds import floor_of, rounds_of
from verify.kinds.rules import ruled
from verify.kinds.transfer import Found, transfer_of
from verify.need import Need
from verify.operand import Input, MeasuredInput, MeasuredOf
from verify.project import Project
from verify.rulings import key_of, left_open, missing_key, shared_conventions
from verify.stored import Stored
from verify.verdict import Verdict


def judged_set(
    project: Project, claim: Claim, found: Found, stored: Mapping[str, Stored]
) -> Verdict:
    """Judge a claim over several inputs, printed or measured.

    Args:
        project: The claims, checked.
        claim: One whose kind has a rule over members.
        found: Gives the measurement of a need, or the verdict that its absence makes.
        stored: Measurement outcomes by ``Need.key``.
    """
    needs = project.needs[claim.id]
    if not needs:
        given = [str(id_) for id_ in claim.operands()]
        members = [_printed(project, id_) for id_ in given]
        units = [_unit(project, id_) for id_ in given]
        return ruled(claim.expect, claim.tolerance, members, units)
    stated = [convention_of(project, given) for given in claim.operands()]
    verdict = _measured(project, claim, needs, stated, found)
    for name in _conventions(needs, stated, found):
        others = [name if given == "unstated" else given for given in stated]
        other = _measured(project, claim, needs, others, found)
        if other.verdict != verdict.verdict:
            detail = f"{verdict.verdict} as counted by default, {other.verdict} counted {name}"
            verdict = left_open(verdict, "convention_ambiguous", detail)
            break
    for others in _other_readings(needs, stated, found) if verdict.verdict == "fail" else ():
        other = _measured(project, claim, needs, others, found)
        if other.verdict in {"pass", "inconclusive"}:
            told = ", ".join(dict.fromkeys(others))
            held = other.verdict == "pass"
            detail = f"{verdict.detail}; read as {told} it {'holds' if held else 'is undecided'}"
            verdict = left_open(verdict, "convention_ambiguous" if held else other.reason, detail)
            break
    keys = zip(needs, _keys(needs, stated), strict=True)
    known = [key for need, key in keys if isinstance(found(need), Measurement)]
    used = [stored[need.key] for need in needs if need.key in stored]
    return replace(
        verdict,
        convention=",".join(dict.fromkeys(known)) or None,
        evidence=tuple(dict.fromkeys(one.event for one in used)),
        stale=any(one.stale for one in used),
    )


def _measured(
    project: Project, claim: Claim, needs: tuple[Need, ...], stated: list[str], found: Found
) -> Verdict:
    keys = _keys(needs, stated)
    inputs = zip(_labels(needs, keys), claim.operands(), needs, keys, strict=True)
    members = [_member(project, *one, found) for one in inputs]
    units = [need.spec.unit_of(key) for need, key in zip(needs, keys, strict=True)]
    return ruled(claim.expect, claim.tolerance, members, units)


def _keys(needs: tuple[Need, ...], stated: list[str]) -> list[str]:
    return [key_of(need, name) for need, name in zip(needs, stated, strict=True)]


def _member(
    project: Project, label: str, given: Input, need: Need, key: str, found: Found
) -> Member:
    measured = found(need)
    if isinstance(measured, Verdict):
        return Member(label, obstacle=measured)
    if ran_out_of_memory(measured):
        return Member(label, out_of_memory=True)
    quantity = measured.values.get(key)
    if quantity is None:
        return Member(label, obstacle=missing_key(need, key, sorted(measured.values)))
    return Member(
        label,
        interval_of(quantity),
        exactly(quantity.value),
        quantity.level,
        by_image=by_image(measured),
        rounds=rounds_of(measured),
        noise=floor_of(measured),
        transfer=transfer_of(project, printing(project, given), need, found),
    )


def printing(project: Project, given: Input) -> Claim | None:
    """Give the claim that prints the figure of an input; None where a measurement is written."""
    return project.claims[given.measured] if isinstance(given, MeasuredOf) else None


def _labels(needs: tuple[Need, ...], keys: Sequence[str]) -> list[str]:
    """Name every input, and what differs where one model is measured in several ways or by keys."""
    params = [need.params.model_dump(mode="json") for need in needs]
    names = {name for one in params for name in one}
    varying = {name for name in names if len({str(one.get(name)) for one in params}) > 1}
    several = {need.reproduction for need in needs}
    by_key = len({(n.reproduction, k) for n, k in zip(needs, keys, strict=True)}) > len(several)
    labels = []
    for need, given, key in zip(needs, params, keys, strict=True):
        told = [f"{name} {given[name]}" for name in given if name in varying - {"model"}]
        told += [key] if by_key else []
        subject = need.params.subject()
        start = str(need) if subject is None or len(several) > 1 else subject
        labels.append(", ".join([start, *told]))
    return labels


def _conventions(needs: tuple[Need, ...], stated: list[str], found: Found) -> Iterator[str]:
    """Yield the sound conventions that every measured input could be counted by instead."""
    outcomes = [(need, found(need), name) for need, name in zip(needs, stated, strict=True)]
    known = [
        (need, outcome, name)
        for need, outcome, name in outcomes
        if isinstance(outcome, Measurement) and not ran_out_of_memory(outcome)
    ]
    yield from shared_conventions(
        [need for need, _, _ in known],
        [outcome for _, outcome, _ in known],
        [name for _, _, name in known],
    )


def _other_readings(
    needs: tuple[Need, ...], stated: list[str], found: Found
) -> Iterator[list[str]]:
    """Yield the keys of every input in another reading of the same words, where all have one."""
    keys = _keys(needs, stated)
    readings = [need.spec.readings.get(key, ()) for need, key in zip(needs, keys, strict=True)]
    outcomes = [found(need) for need in needs]
    for others in zip(*readings, strict=False):
        its = zip(outcomes, others, strict=True)
        if all(isinstance(one, Measurement) and key in one.values for one, key in its):
            yield list(others)


def convention_of(project: Project, given: Input) -> str:
    """Name the convention that an input states, or the claim it is the measurement of."""
    if isinstance(given, MeasuredInput):
        return given.convention
    id_ = given.measured if isinstance(given, MeasuredOf) else given
    return project.claims[id_].convention


def _printed(project: Project, id_: str) -> Member:
    expect = project.print_of(id_)
    if isinstance(expect, Outcome):
        return Member(id_, out_of_memory=True)
    return Member(id_, expect.rounding, expect.figure.value)


def _unit(project: Project, id_: str) -> str | None:
    expect = project.print_of(id_)
    return expect.unit if isinstance(expect, Marks) else None
