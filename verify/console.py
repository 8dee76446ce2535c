"""What a person sees: tables and progress on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from verify.expect import Operation, PrintedFigure, claims_in
from verify.null_model import null_numbers, null_words
from verify.project import Project
from verify.protocols import by_protocol
from verify.report import Entry, Report, worst_first
from verify.say import say
from verify.state import State
from verify.verdict import MARKS
from verify.wording import (
    SCOPES,
    WORDS,
    artifact_words,
    explanation_words,
    found_word,
    measured_words,
    number,
    number_line,
    obstacle_lines,
    off_by_words,
    package_words,
    part_words,
    summary,
    verdict_words,
)

if TYPE_CHECKING:  # what only one command has, and so must not be loaded by the others
    from verify.doctor import Diagnosis
    from verify.plan import Job, Plan
    from verify.terminal import Bar

_STYLES = {"pass": "green", "fail": "bold red", "error": "bold magenta", "inconclusive": "yellow"}
_PROGRESS_FROM_S = 2.0


def show_entries(entries: tuple[Entry, ...]) -> None:
    """List claims with print, measurement and verdict; tab-separated where nobody looks."""
    if not sys.stdout.isatty():
        for entry in entries:
            say("\t".join(_cells(entry)))
        return
    # Here, so that a command whose output nobody looks at does not load rich.
    from verify.terminal import print_table  # noqa: PLC0415

    styles = (_STYLES.get(entry.verdict.verdict, "dim") for entry in entries)
    titles = ("claim", "printed", "measured", "verdict")
    print_table(titles, zip(map(_cells, entries), styles, strict=True))


def _cells(entry: Entry) -> tuple[str, str, str, str]:
    printed = " ".join(part for part in (entry.printed, entry.unit) if part)
    return entry.claim.id, printed, measured_words(entry), verdict_words(entry)


def show_summary(report: Report) -> None:
    """Say what is decided, what fails by how much, and what was found beside the verdicts."""
    failing = [e for e in report.entries if e.verdict.verdict == "fail"]
    if failing:
        say("\nDo not hold, farthest off first:")
        for entry in worst_first(failing):
            off = off_by_words(entry.verdict.off_by)
            say(f"  ✗ {entry.claim.id}: {entry.verdict.detail}" + (f" ({off})" if off else ""))
    if report.findings:
        say("\nFindings:")
        for finding in report.findings:
            say(f"  {finding.kind}: {', '.join(finding.claims)}: {finding.detail}")
    say(f"\n{summary(report)}")
    scopes = report.by_scope()
    for scope, (passed, failed, rest) in scopes.items() if len(scopes) > 1 else ():
        say(f"  {SCOPES[scope]}: {passed} hold, {failed} do not, {rest} undecided")
    say(f"false verdicts to expect from measurement error: {report.false_verdicts_to_expect():g}")
    say(f"ledger head: {report.head or 'none yet'}")


def show_plan(plan: "Plan") -> None:
    """Say what a run would measure, for which claims, and what it cannot."""
    for job in plan.jobs:
        claims = ", ".join(job.claims) or "explanations only"
        say(f"measure {job.need} ({job.because}, about {job.estimate_s:.1f} s) for {claims}")
    for id_, why in plan.blocked.items():
        say(f"blocked {id_}: {why}")
    say(f"{len(plan.jobs)} to measure, about {plan.estimate_s:.0f} s; {len(plan.blocked)} blocked")


def show_diagnosis(diagnosis: "Diagnosis") -> None:
    """Say what is decided, what a run would add, what stands in the way, and on what machine."""
    counts = diagnosis.counts
    say(
        f"{counts['decided']} of {counts['claims']} claims are decided: "
        f"{counts['pass']} hold, {counts['fail']} do not; {counts['stale']} verdicts are stale"
    )
    if counts["to_measure"]:
        say(
            f"`verify all` would take {counts['to_measure']} measurements here, about "
            f"{diagnosis.estimate_s:.0f} s, for {counts['undecided_to_measure']} claims without "
            "a verdict and for what is stale"
        )
    else:
        say("`verify all` has nothing to measure here")
    for line in obstacle_lines(diagnosis.obstacles):
        say(line)
    _show_machine(diagnosis.machine)


def _show_machine(machine: Mapping[str, Any]) -> None:
    gpu = machine["gpu"]
    named = f"{gpu['name']}, driver {gpu['driver']}" if gpu else "no CUDA device"
    say(f"\nThis machine: {machine['name']}")
    say(
        f"  {machine['cpu'] or 'unnamed CPU'}; {named}; {machine['os']}, Python {machine['python']}"
    )
    for package in machine["packages"]:
        say(f"  {package_words(package)}")
    for ledger in machine["ledgers"]:
        torn = "its last line is torn; the next run sets it aside" if ledger["torn"] else "whole"
        say(f"  ledger {ledger['machine']}: {ledger['events']} events, {torn}")
    say(f"  weights and data: {machine['artifacts']} fetched; `verify fetch` lists all")
    disk = machine["results"]
    free = f"writable, {disk['free_gib']} GiB free"
    say(f"  results: {free if disk['writable'] else 'not writable: ' + disk['because']}")


class Watcher:
    """Progress of a run, on standard error: a bar on a terminal, lines elsewhere."""

    def __init__(self) -> None:
        self.bar: Bar | None = None
        self.total = 0
        self.done = 0
        self.began = time.monotonic()

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def planned(self, plan: "Plan") -> None:
        """Open a bar if the plan is long enough to be watched."""
        self.total, self.done = len(plan.jobs), 0
        if self.bar is not None:
            self.bar.stop()
        if sys.stderr.isatty() and plan.estimate_s > _PROGRESS_FROM_S:
            from verify.terminal import Bar  # noqa: PLC0415 - as above

            self.bar = Bar(self.total)

    def started(self, job: "Job") -> None:
        """Name the measurement that begins."""
        if self.bar is not None:
            self.bar.name(str(job.need))

    def finished(self, job: "Job", outcome: Mapping[str, Any]) -> None:
        """Count one measurement; errors are named at once."""
        self.done += 1
        trouble = outcome.get("reason", "")
        line = f"[{self.done}/{self.total}] {job.need}: {outcome['outcome']}"
        line += f" ({trouble})" if trouble else f", {outcome['duration_s']:.1f} s"
        if self.bar is not None:
            self.bar.advance()
            if trouble:
                self.bar.say(line)
        else:
            sys.stderr.write(f"{line}\n")


def explain(project: Project, state: State, entry: Entry) -> None:
    """Explain one verdict to a human: print, measurement, region, reason, how to repeat it."""
    claim, verdict = entry.claim, entry.verdict
    say(f"{claim.id}  ({project.where[claim.id]}, scope {claim.scope})")
    say(claim.statement)
    say()
    printed = " ".join(part for part in (entry.printed, entry.unit) if part) or "words only"
    say(f"printed    {printed}")
    for locator in claim.found_at:
        say(f"           {project.index.sources[locator.source or claim.source].title}: {locator}")
    counted = f", counted: {verdict.convention}" if verdict.convention else ""
    say(f"{found_word(entry):<10} {measured_words(entry)}{counted}")
    say(f"verdict    {verdict_words(entry)}")
    say(f"because    {verdict.detail}")
    if entry.off_by is not None:
        is_default = verdict.by_key and claim.convention == "unstated" and not entry.by_default
        against = " (default convention)" if is_default else ""
        say(f"off by     {off_by_words(entry.off_by)}{against}")
    if entry.by_default is not None:
        default = entry.by_default
        told = f"{number(entry, default.measured.value)}, off by {off_by_words(default.off_by)}"
        say(f"by default {told}, counted: {default.convention}")
    _explain_inputs(project, entry)
    _explain_protocols(project, state, entry)
    for part in verdict.parts:
        say(f"part       {part_words(part)}")
    if entry.null is not None:
        word = f"{MARKS[entry.null.verdict]} {WORDS[entry.null.verdict]}"
        say(f"null model {null_words(project, claim.id)}: {word} ({null_numbers(entry.null)})")
    for line in ("", *number_line(entry)):
        say(f"  {line}".rstrip())
    _explain_keys(entry)
    for explanation in verdict.explained_by:
        say(f"explained  {explanation_words(entry, explanation)}")
    _explain_evidence(state, entry)


def _explain_inputs(project: Project, entry: Entry) -> None:
    """List the claims whose prints a claim is over, as printed."""
    expect = entry.claim.expect
    named = claims_in(expect) if isinstance(expect, Operation) else entry.claim.operands()
    for id_ in dict.fromkeys(given for given in named if isinstance(given, str)):
        given = project.print_of(id_)
        printed = f"{given.printed} {given.unit}" if isinstance(given, PrintedFigure) else ""
        say(f"from       {id_}: {printed}")


def _explain_protocols(project: Project, state: State, entry: Entry) -> None:
    """Put what other protocols give beside what the claim says of its own."""
    others = by_protocol(project, state.stored, entry.claim)
    for name, verdict in {"as claimed": entry.verdict, **others}.items() if others else ():
        under = replace(entry, verdict=verdict)
        say(f"protocol   {name}: {measured_words(under)}, {verdict_words(under)}")


def _explain_keys(entry: Entry) -> None:
    if entry.verdict.by_key:
        say("by convention")
        width = max(len(name) for name in entry.verdict.by_key)
        for name, measured in entry.verdict.by_key.items():
            say(f"  {name:<{width}}  {number(entry, measured.value)}")


def _explain_evidence(state: State, entry: Entry) -> None:
    events = [e for e in state.events("measured") if e.sha256 in entry.verdict.evidence]
    for event in events:
        machine = next(name for name, all_ in state.ledgers.items() if event in all_)
        versions = event.environment.get("packages", {})
        built = ", ".join(f"{name} {versions.get(name)}" for name in ("torch", "timm"))
        commit = str(event.environment.get("commit"))[:12]
        say(f"evidence   {machine} event {event.seq}, {event.time}, {built}, commit {commit}")
        measured = event.body.get("measurement") or {}  # none where an attempt was in vain
        for words in artifact_words(measured.get("evidence")):
            say(f"read       {words}")
    for event in state.vain_since(entry.needs):
        what = f"{event.body['outcome']} at {event.time}"
        say(f"since then {what}, so that the older outcome stands: {event.body['reason']}")
    if entry.by_hand is not None:
        for command in entry.by_hand.splitlines():
            say(f"by hand    {command}")
        say(f"again      verify run {entry.claim.id} --fresh")
