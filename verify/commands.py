"""What each command does: load, run or judge, show. Returns the exit code."""

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from verify import console, ledger
from verify import run as runner
from verify.doctor import diagnose
from verify.environment import tool_version
from verify.errors import VerifyError
from verify.ground.check import ground as grounding_of
from verify.ground.document import Document
from verify.ground.locate import locate
from verify.ground.sources import read_file, read_sources
from verify.judge import judge
from verify.load import find_root, load
from verify.project import Project
from verify.publish import tables
from verify.refusals import suggestion
from verify.report import Report, report_of, report_on
from verify.selection import Selection, select
from verify.state import state_of
from verify.verdict import WORDS

DONE, FOUND, ERROR = 0, 1, 3
Options = argparse.Namespace


def overview(options: Options) -> int:
    """Answer ``verify`` without a command: its version, or where to look."""
    if options.version:
        console.say(f"verify {tool_version()}")
        return DONE
    raise VerifyError("want a command such as `verify all`, got none; `verify --help` has all")


def run(options: Options) -> int:
    """Measure what is missing or stale, judge, print the ledger."""
    project = load(find_root(options.project))
    alarm = _words(options.fail_on, "--fail-on")
    ids = _selected(project, options)
    if options.dry_run:
        plan = runner.plan_for(project, state_of(project), ids, fresh=options.fresh)
        if options.json:
            console.say(json.dumps(plan.as_json(), indent=1))
        else:
            console.show_plan(plan)
        return DONE
    with console.Watcher() as watcher:
        if options.check:
            differences = runner.compare(project, ids, fresh=options.fresh, observer=watcher)
            return _checked(project, differences, as_json=options.json)
        ran = runner.run(project, ids, fresh=options.fresh, observer=watcher)
    report = report_of(project, ids)
    _show(report, as_json=options.json)
    if ran.interrupted:
        raise KeyboardInterrupt
    return _code(report, alarm) or (ERROR if ran.errors else DONE)


def list_claims(options: Options) -> int:
    """List claims and their verdicts."""
    project = load(find_root(options.project))
    report = report_of(project, _selected(project, options))
    if options.json:
        console.say(json.dumps(report.as_json(), indent=1))
    else:
        console.show_entries(report.entries)
    return DONE


def show(options: Options) -> int:
    """Explain one verdict."""
    project = load(find_root(options.project))
    if options.id not in project.claims:
        hint = suggestion(options.id, project.claims) or "; `verify list` shows all ids"
        raise VerifyError(f"no claim {options.id!r}{hint}")
    state = state_of(project)
    report = report_on(project, state, [options.id])
    if options.json:
        console.say(json.dumps(report.entries[0].as_json(), indent=1))
    else:
        console.explain(project, state, report.entries[0])
    return DONE


def lint(options: Options) -> int:
    """Check the claims without measuring; loading refuses what is wrong."""
    project = load(find_root(options.project))
    counts = {"claims": len(project.claims), "tables": len(project.tables), "problems": 0}
    if options.json:
        console.say(json.dumps(counts))
    else:
        console.say(f"{counts['claims']} claims in {counts['tables']} table columns and prose: ok")
    return DONE


def doctor(options: Options) -> int:
    """Say what this machine can settle now and what would unblock the rest."""
    project = load(find_root(options.project))
    diagnosis = diagnose(project, state_of(project))
    if options.json:
        console.say(json.dumps(diagnosis.as_json(), indent=1))
    else:
        console.show_diagnosis(diagnosis)
    return DONE


def judge_again(options: Options) -> int:
    """Judge again from stored measurements; record verdicts that changed."""
    project = load(find_root(options.project))
    alarm = _words(options.fail_on, "--fail-on")
    changed = runner.rejudge(project, write=not options.dry_run)
    report = report_of(project, _selected(project, options))
    _show(report, as_json=options.json)
    if not options.json:
        did = "would change" if options.dry_run else "recorded"
        console.say(f"{len(changed)} changed verdicts {did}")
    return _code(report, alarm)


def selftest(options: Options) -> int:
    """Hold the judge, the loader and the ledger against what they must say."""
    # Here, so that no other command loads the makers of decoys.
    from verify.selftest.run import selftest as selftested  # noqa: PLC0415

    tested = selftested(load(find_root(options.project)))
    if options.json:
        console.say(json.dumps(tested.as_json(), indent=1, ensure_ascii=False))
    else:
        for line in tested.lines():
            console.say(line)
    return DONE if tested.sound else FOUND


def ground(options: Options) -> int:
    """Find every claim's place in the documents and compare what is printed there."""
    project = load(find_root(options.project))
    readings = read_sources(options.sources, project.index.sources)
    grounding = grounding_of(project, readings, _selected(project, options))
    if options.json:
        console.say(json.dumps(grounding.as_json(), indent=1, ensure_ascii=False))
    else:
        console.show_grounding(grounding)
    return FOUND if grounding.problems else DONE


def locate_text(options: Options) -> int:
    """Print every place where a text stands, as locators."""
    document, warning = _document(options)
    found = locate(document, options.text)
    if options.json:
        console.say(json.dumps([asdict(place) for place in found], ensure_ascii=False))
    else:
        console.show_places(found, options.text, document.name, warning)
    return DONE if found else FOUND


def _document(options: Options) -> tuple[Document, str | None]:
    """Read the document named: a file, or a source of the project in ``--sources``."""
    if options.sources is None:
        return read_file(Path(options.document)), None
    sources = load(find_root(options.project)).index.sources
    if options.document not in sources:
        hint = suggestion(options.document, sources) or f"; known are {', '.join(sources)}"
        raise VerifyError(f"no document {options.document!r} in claims.yaml{hint}")
    source = {options.document: sources[options.document]}
    reading = read_sources(options.sources, source)[options.document]
    if reading.document is None:
        raise VerifyError(str(reading.warning))
    return reading.document, reading.warning


def publish(options: Options) -> int:
    """Write the pages, or say which would change."""
    project = load(find_root(options.project))
    pages = tables.pages(project, report_of(project))
    if options.check:
        names, did = tables.outdated(project.results, pages), "would change"
    else:
        names, did = tables.write(project.results, pages), "wrote"
    if options.json:
        console.say(json.dumps({did.replace(" ", "_"): [f"results/{name}" for name in names]}))
    else:
        for name in names:
            gone = "" if name in pages else " (no longer made: removed)"
            console.say(f"{did}{':' if options.check else ''} results/{name}{gone}")
    return FOUND if options.check and names else DONE


def ledger_(options: Options) -> int:
    """Check or show the ledgers."""
    results = find_root(options.project) / "results"
    if options.action == "show":
        return _show_events(ledger.read_ledgers(results), options)
    lines = ledger.check(results, options.expect_head)
    if options.json:
        found = ledger.read_ledgers(results)
        events = {machine: len(chain) for machine, chain in found.items()}
        console.say(json.dumps({"head": ledger.combined_head(found), "events": events}))
        return DONE
    for line in lines:
        console.say(line)
    return DONE


def _show_events(ledgers: Mapping[str, Sequence[ledger.Event]], options: Options) -> int:
    for machine, events in ledgers.items():
        for event in events:
            about = event.body.get("claim") or event.body.get("key", "")
            if options.type not in {None, event.type} or options.claim not in {None, about}:
                continue
            if options.json:
                console.say(json.dumps({"machine": machine, **dataclasses.asdict(event)}))
            else:
                console.say(f"{machine} {event.seq} {event.time} {event.type} {_gist(event.body)}")
    return DONE


def _gist(body: Any) -> str:
    """Name what an event is about in a few words."""
    if "claim" in body:
        return f"{body['claim']}: {body['verdict']['verdict']} ({body['verdict']['reason']})"
    if "reproduction" in body:
        return f"{body['reproduction']} {json.dumps(body['params'])}: {body['outcome']}"
    shown = {key: value for key, value in body.items() if key != "keys"}
    return json.dumps(shown)


def _selected(project: Project, options: Options) -> list[str]:
    words = _words(options.verdict, "--verdict")
    judged = judge(project, state_of(project).stored) if words else None
    patterns: Sequence[str] = options.patterns
    wanted = Selection(patterns, options.source, options.reproduction, words)
    return select(project, wanted, judged)


def _words(given: str, option: str) -> list[str]:
    words = [word for word in given.split(",") if word]
    for word in words:
        if word not in WORDS:
            hint = suggestion(word, WORDS) or f"; known are {', '.join(WORDS)}"
            raise VerifyError(f"{option}: want a verdict, got {word!r}{hint}")
    return words


def _show(report: Report, *, as_json: bool) -> None:
    if as_json:
        console.say(json.dumps(report.as_json(), indent=1))
    else:
        console.show_entries(report.entries)
        console.show_summary(report)


def _checked(project: Project, differences: runner.Differences, *, as_json: bool) -> int:
    pages = tables.outdated(project.results, tables.pages(project, report_of(project)))
    found = {
        "verdict would change": differences.verdicts,
        "measurement would change": differences.values,
        "page would change": [f"results/{page}" for page in pages],
        "could not measure": differences.errors,
    }
    if as_json:
        console.say(json.dumps({what.replace(" ", "_"): list(of) for what, of in found.items()}))
    else:
        for what, names in found.items():
            for name in names:
                console.say(f"{what}: {name}")
    return ERROR if differences.errors else FOUND if any(found.values()) else DONE


def _code(report: Report, alarm: Sequence[str]) -> int:
    words = {entry.verdict.verdict for entry in report.entries}
    if words & set(alarm):
        return FOUND
    return ERROR if "error" in words else DONE
