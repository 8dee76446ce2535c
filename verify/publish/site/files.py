"""Files for machines: claims as JSON and CSV, tables, JUnit, a badge, model cards' results."""

import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files as resources
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import yaml

from verify.project import TableColumn
from verify.publish.site.facts import Facts, table_slug
from verify.publish.site.origin import Origin, with_origin
from verify.publish.site.text import csv_text, visible
from verify.report import ByDefault, Entry
from verify.verdict import WORDS, OffBy
from verify.wording import SCOPES, fact_words
from verify.wording import WORDS as SPOKEN

Files = Iterator[tuple[str, str]]
"""Name below the site's folder, and text."""

SCHEMA = "claims.schema.json"
_ACCURACY = "accuracy"
"""Ends the name of every reproduction that counts how often a model is right."""
_DATASETS = {"imagenet-1k-val": "ILSVRC/imagenet-1k", "imagenet-1k": "ILSVRC/imagenet-1k"}
"""Data sets as claims name them, and as the hub does."""


def machine_files(facts: Facts, origin: Origin) -> Files:
    """Make every file that programs read."""
    yield "claims.json", _claims_json(facts, origin)
    yield SCHEMA, static(SCHEMA)
    yield "claims.csv", _claims_csv(facts, origin)
    yield "junit.xml", _junit(facts, origin)
    yield "badge.svg", _badge(facts, origin)
    for (source, table), columns in facts.columns.items():
        name = f"tables/{table_slug(source, table)}.csv"
        yield name, _table_csv(facts, columns, origin)
    yield "pictures/verdicts.csv", _verdicts_csv(facts, origin)
    yield from _eval_results(facts, origin)


def static(name: str) -> str:
    """Read a file that goes into every site as it is."""
    return (resources("verify.publish.site") / "static" / name).read_text(encoding="utf-8")


def _claims_json(facts: Facts, origin: Origin) -> str:
    claims = []
    for entry in facts.report.entries:
        shown = {key: facts.find(entry.claim.id, key) for key in ("measured", "off_by")}
        region = entry.verdict.region
        more: dict[str, Any] = {
            "shown": {key: None if fact is None else fact.text for key, fact in shown.items()},
            "region": None if region is None else list(region),
            "evidence": list(entry.verdict.evidence),
            "machines": facts.machines_of(entry),
            "page": f"claims/{entry.claim.id}.html",
        }
        claims.append({**entry.as_json(), **more})
    sources = {
        name: {"title": source.title, "file": source.file, "sha256": source.sha256}
        for name, source in facts.project.index.sources.items()
    }
    findings = [
        {"kind": found.kind, "claims": list(found.claims), "detail": found.detail}
        for found in facts.report.findings
    ]
    whole = {
        "$schema": SCHEMA,
        "schema": 1,
        "ledger": origin.as_json(),
        "counts": dict(facts.counts("all")),
        "sources": sources,
        "claims": claims,
        "findings": findings,
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


_COLUMNS = (
    "claim", "source", "scope", "relation", "printed", "unit", "measured", "low", "high",
    "off_by_last_digits", "off_by_relative", "default_convention", "default_measured",
    "default_off_by_last_digits", "default_off_by_relative", "verdict", "reason", "agreement",
    "convention", "stale", "machines",
)  # fmt: skip


def _claims_csv(facts: Facts, origin: Origin) -> str:
    rows = [[*_row(facts, entry), entry.claim.statement] for entry in facts.report.entries]
    return csv_text(with_origin(origin, [*_COLUMNS, "statement"], rows))


def _table_csv(facts: Facts, columns: Iterable[TableColumn], origin: Origin) -> str:
    rows = [
        [row.label, column.column, *_row(facts, facts.entries[row.claim])]
        for column in columns
        for row in column.rows
    ]
    return csv_text(with_origin(origin, ["row", "column", *_COLUMNS], rows))


def _row(facts: Facts, entry: Entry) -> list[Any]:
    verdict = entry.verdict
    return [
        entry.claim.id,
        entry.claim.source,
        entry.claim.scope,
        entry.relation,
        entry.printed,
        entry.unit,
        *_measured(entry),
        *_off(entry.off_by),
        *_by_default(entry.by_default),
        verdict.verdict,
        verdict.reason,
        verdict.agreement,
        verdict.convention,
        "stale" if verdict.stale else "",
        " ".join(facts.machines_of(entry)),
    ]


def _measured(entry: Entry) -> list[Any]:
    found = entry.verdict.measured
    if found is None:
        return [None if entry.fact is None else fact_words(entry.fact), None, None]
    return [found.value, found.low, found.high]


def _off(found: OffBy | None) -> list[Any]:
    return [None] * 2 if found is None else [found.last_digits, found.relative]


def _by_default(found: ByDefault | None) -> list[Any]:
    if found is None:
        return [None] * 4
    return [found.convention, found.measured.value, *_off(found.off_by)]


def _verdicts_csv(facts: Facts, origin: Origin) -> str:
    columns = (*WORDS, "stale")
    rows = [
        [source, *(facts.counts(f"source:{source}")[name] for name in columns)]
        for source in facts.project.index.sources
    ]
    return csv_text(with_origin(origin, ["source", *columns], rows))


def _junit(facts: Facts, origin: Origin) -> str:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuites name="vig-verify" {_tallied(facts.report.entries)}>')
    stamp = (origin.date or "1970-01-01T00:00:00Z").rstrip("Z")
    for source, scope, entries in _suites(facts):
        name = _quoted(f"{source}.{scope}")
        lines.append(f'<testsuite name={name} timestamp="{stamp}" {_tallied(entries)}>')
        title = facts.project.index.sources[source].title
        pairs = {"title": title, "scope": SCOPES[scope], **origin.columns}
        lines.append("<properties>")
        lines += [f'<property name="{k}" value={_quoted(v)}/>' for k, v in pairs.items()]
        lines.append("</properties>")
        lines += [_test_case(entry) for entry in entries]
        lines.append("</testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _suites(facts: Facts) -> Iterator[tuple[str, str, list[Entry]]]:
    """Part the claims of every document by scope: one never confirms what another asks."""
    for source, entries in facts.of_source.items():
        for scope in SCOPES:
            its = [entry for entry in entries if entry.claim.scope == scope]
            if its:
                yield source, scope, its


def _tallied(entries: Sequence[Entry]) -> str:
    words = [entry.verdict.verdict for entry in entries]
    failed, errors = words.count("fail"), words.count("error")
    skipped = len(words) - words.count("pass") - failed - errors
    counts = {"tests": len(words), "failures": failed, "errors": errors, "skipped": skipped}
    return " ".join(f'{name}="{number}"' for name, number in counts.items()) + ' time="0"'


_OUTCOMES = {"fail": "failure", "error": "error"}
"""What a verdict is in JUnit's words; what is undecided was skipped, as far as a test goes."""


def _test_case(entry: Entry) -> str:
    verdict = entry.verdict
    kind = entry.claim.id.split(".")[1]
    head = (
        f"<testcase name={_quoted(entry.claim.id)} "
        f'classname={_quoted(f"{entry.claim.source}.{entry.claim.scope}.{kind}")} time="0"'
    )
    # A word beside the outcome, which stays what it was.
    stale = "<system-out>stale</system-out>" if verdict.stale else ""
    if verdict.verdict == "pass":
        return f"{head}>{stale}</testcase>" if stale else f"{head}/>"
    tag = _OUTCOMES.get(verdict.verdict, "skipped")
    told = f"{SPOKEN[verdict.verdict]} ({verdict.reason}): {verdict.detail}"
    if tag == "skipped":
        return f"{head}><skipped message={_quoted(told)}/>{stale}</testcase>"
    text = escape(visible(entry.claim.statement))
    trouble = f'<{tag} type="{verdict.reason}" message={_quoted(told)}>{text}</{tag}>'
    return f"{head}>{trouble}{stale}</testcase>"


def _quoted(text: str) -> str:
    return quoteattr(visible(text))


_BADGE = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="claims: {whole}">
<title>claims: {whole}</title>
<metadata>{origin}</metadata>
<rect width="52" height="20" fill="#444c56"/>
<rect x="52" width="{right}" height="20" fill="{color}"/>
<g fill="#fff" font-family="Verdana, DejaVu Sans, sans-serif" font-size="11">
<text x="8" y="14">claims</text>
<text x="60" y="14" textLength="{length}">{told}</text>
</g>
</svg>
"""


def _badge(facts: Facts, origin: Origin) -> str:
    counts = facts.counts("all")
    told = f"{counts['decided']} decided: {counts['pass']} hold, {counts['fail']} do not"
    told += f"; {counts['stale']} stale" if counts["stale"] else ""
    prints = counts["consistency_pass"] + counts["consistency_fail"]
    whole = f"{told}; {prints} of these: {SCOPES['consistency']}" if prints else told
    color = "#a3341f" if counts["fail"] else "#1b6e45" if counts["pass"] else "#55606e"
    length = round(6.2 * len(told))
    return _BADGE.format(
        width=68 + length,
        right=16 + length,
        length=length,
        told=told,
        whole=whole,
        color=color,
        origin=origin,
    )


def _eval_results(facts: Facts, origin: Origin) -> Files:
    """Make the results of each model as model cards hold them (``.eval_results/*.yaml``)."""
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in facts.report.entries:
        subject = entry.needs[0].params.subject() if len(entry.needs) == 1 else None
        if subject and _is_the_models(entry):
            found.setdefault(subject, []).append(_eval_result(facts, entry))
    for subject, results in found.items():
        text = yaml.safe_dump(results, sort_keys=False, allow_unicode=True)
        yield f"eval_results/{subject}.yaml", f"# {origin}\n{text}"


def _is_the_models(entry: Entry) -> bool:
    """Tell whether a card may hold it: an accuracy over all images, by no mistaken protocol."""
    found = entry.verdict.measured
    return (
        (entry.claim.reproduction or "").endswith(_ACCURACY)
        and found is not None
        and found.low == found.high
        and entry.needs[0].params.mistaken() is None
    )


def _eval_result(facts: Facts, entry: Entry) -> dict[str, Any]:
    params = entry.needs[0].params.model_dump(mode="json")
    named = str(params.get("dataset", "unnamed"))
    places = [facts.places[sha][1] for sha in entry.verdict.evidence if sha in facts.places]
    measured = entry.verdict.measured
    dataset = {"id": _DATASETS.get(named, named), "task_id": str(entry.claim.reproduction)}
    result: dict[str, Any] = {"dataset": dataset, "value": measured and measured.value}
    if places:
        result["date"] = places[0].time[:10]
    word, title = entry.verdict.verdict, facts.project.index.sources[entry.claim.source].title
    settings = ", ".join(f"{key} {value}" for key, value in params.items() if key != "model")
    result["notes"] = visible(
        f"Printed {entry.printed} in {title!r}: {SPOKEN[word]}. Measured by vig-verify, "
        f"{settings}; claim {entry.claim.id}." + (" Stale." if entry.verdict.stale else "")
    )
    return result
