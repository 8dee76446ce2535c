"""Every page of the site, from one report; the same ledger gives the same bytes."""

import csv
import re
from collections.abc import Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import jinja2
from markupsafe import Markup, escape

from reproductions.contract import SPECS
from verify.expect import PrintedFigure
from verify.findings import Finding
from verify.ledger import Event
from verify.publish.findings import TITLES
from verify.publish.pictures import drawn
from verify.publish.series_pictures import series_charts
from verify.publish.site import claim_page
from verify.publish.site.drawings import against_print, verdict_bar
from verify.publish.site.facts import Facts, table_slug
from verify.publish.site.files import Files, machine_files, static
from verify.publish.site.marks import mark
from verify.publish.site.origin import Origin, with_origin
from verify.publish.site.review import claim_review
from verify.publish.site.scatter import scatters
from verify.publish.site.text import csv_text, foreign, in_script, visible
from verify.report import Entry, Failing
from verify.verdict import MARKS, WORDS
from verify.wording import SCOPES, found_word, measured_words
from verify.wording import WORDS as SPOKEN

_LINKS = (
    ("index.html", "Overview"),
    ("claims.html", "Claims"),
    ("findings.html", "Findings"),
    ("machines.html", "Machines"),
    ("method.html", "Method"),
)
_MEANINGS = {
    "pass": "The measurement lies in the region the printed digits stand for, or a counting "
    "convention that the document's own table bears out puts it there.",
    "fail": "It lies wholly outside, measured on the authors' model under the published protocol.",
    "inconclusive": "It could be either; the reason says why.",
    "not_comparable": "The hardware or protocol differs in a way the claim is not about.",
    "blocked": "A model, weights, data set or device is missing; the reason says which.",
    "not_checkable": "No program can settle it.",
    "error": "The tool's own rig failed; never held against a document.",
}
_DEPTHS = (0.005, 0.02, 0.1, 0.25)
"""Shares off the print from which a cell is shaded, and shaded more."""
_MOST_FAILING = 40
"""Rows of the overview; the page of all claims has the rest."""


class Pages:
    """The pages of one site."""

    def __init__(self, facts: Facts, origin: Origin) -> None:
        self.facts = facts
        self.origin = origin
        self._templates = _environment(facts, origin)

    def everything(self) -> Files:
        """Make every file of the site: name below its folder, and text."""
        yield from machine_files(self.facts, self.origin)
        yield from self._pictures()
        for name in ("style.css", "site.js"):
            yield name, static(name)
        yield "index.html", self._index()
        yield "claims.html", self._claims()
        yield "findings.html", self._findings()
        yield "machines.html", self._machines()
        yield "method.html", self._method()
        for source in self.facts.project.index.sources:
            yield f"documents/{source}.html", self._document(source)
        for entry in self.facts.report.entries:
            yield f"claims/{entry.claim.id}.html", self._claim(entry)

    def _page(self, template: str, here: str = "", up: str = "", **given: Any) -> str:
        return self._templates.get_template(template).render(here=here, up=up, **given)

    @cached_property
    def _scatters(self) -> list[Any]:
        return scatters(self.facts)

    @cached_property
    def _charts(self) -> Mapping[str, Any]:
        layers = series_charts(self.facts.project, self.facts.report)
        return drawn(self.facts.project, self.facts.report) | layers

    def _pictures(self) -> Files:
        for scatter in self._scatters:
            yield f"pictures/{scatter.name}.svg", scatter.alone(self.facts, self.origin)
            yield f"pictures/{scatter.name}.csv", scatter.csv(self.origin)
        origin = Markup("<metadata>{}</metadata>\n</svg>").format(str(self.origin))
        for name, chart in self._charts.items():
            yield f"pictures/{name}.svg", chart.svg().replace("</svg>", str(origin))
            header, *rows = csv.reader(chart.csv().splitlines())
            yield f"pictures/{name}.csv", csv_text(with_origin(self.origin, header, rows))

    # -- pages ---------------------------------------------------------------------------

    def _index(self) -> str:
        failing = self.facts.failing
        return self._page(
            "index.html.j2",
            "index.html",
            counts=self.facts.counts("all"),
            legend=[(word, n) for word in WORDS if (n := self.facts.counts("all")[word])],
            documents=[self._summary(source) for source in self.facts.project.index.sources],
            failing=failing.refuted[:_MOST_FAILING],
            failing_more=len(failing.refuted) > _MOST_FAILING,
            apart=[
                ("Only for a .0 that the primary paper does not print", failing.padded),
                ("Stated causes that do not show, at a size of our own", failing.causes),
                ("Printed numbers that do not fit together", failing.unfit),
            ],
            sections=[s for s in self._sections() if s.findings or s.unfit],
            scatters=self._scatters,
            facts=self.facts,
        )

    def _summary(self, source: str) -> SimpleNamespace:
        entries = self.facts.of_source[source]
        refuted = Failing.among(entries).refuted
        return SimpleNamespace(
            name=source,
            title=self.facts.project.index.sources[source].title,
            subject=f"source:{source}",
            worst=next((e for e in refuted if e.verdict.off_by is not None), None),
        )

    def _claims(self) -> str:
        entries = self.facts.report.entries
        sources = self.facts.project.index.sources
        choices = SimpleNamespace(
            sources=[(name, source.title) for name, source in sources.items()],
            kinds=sorted({_kind(entry) for entry in entries}),
            verdicts=[word for word in WORDS if self.facts.counts("all")[word]],
            machines=self.origin.machines,
        )
        rows = [self._row(entry) for entry in entries]
        return self._page("claims.html.j2", "claims.html", rows=rows, choices=choices)

    def _row(self, entry: Entry) -> SimpleNamespace:
        expect, verdict = entry.claim.expect, entry.verdict
        off = entry.off_by.relative if entry.off_by is not None else None
        printed = isinstance(expect, PrintedFigure)
        return SimpleNamespace(
            entry=entry,
            kind=_kind(entry),
            machines=" ".join(self.facts.machines_of(entry)),
            printed=repr(float(expect.figure.value)) if isinstance(expect, PrintedFigure) else "",
            measured="" if verdict.measured is None or not printed else verdict.measured.value,
            off="" if off is None else abs(off),
            order=WORDS.index(verdict.verdict),
        )

    def _document(self, source: str) -> str:
        project = self.facts.project
        tables = [
            self._table(source, table) for (owner, table) in self.facts.columns if owner == source
        ]
        shown = {row.claim for c in project.tables if c.source == source for row in c.rows}
        pictures = [
            SimpleNamespace(name=name, title=chart.title, told=f"{chart.title}. {chart.legend}.")
            for name, chart in self._charts.items()
            if name.startswith(f"{source}-")
        ]
        return self._page(
            "document.html.j2",
            up="../",
            name=source,
            subject=f"source:{source}",
            title=project.index.sources[source].title,
            sha256=project.index.sources[source].sha256,
            tables=tables,
            pictures=pictures,
            others=[e for e in self.facts.of_source[source] if e.claim.id not in shown],
        )

    def _table(self, source: str, table: str) -> SimpleNamespace:
        columns = self.facts.columns[source, table]
        places: dict[str, list[Entry | None]] = {}
        for number, column in enumerate(columns):
            for row in column.rows:
                cells = places.setdefault(row.label, [None] * len(columns))
                cells[number] = self.facts.entries[row.claim]
        slug = table_slug(source, table)
        subject = f"table:{slug}"
        return SimpleNamespace(
            name=table,
            title=columns[0].title,
            anchor=slug,
            subject=subject,
            by_convention=self.facts.counts(subject)["pass_by_convention"],
            columns=[column.column for column in columns],
            rows=list(places.items()),
            beside=[
                (label, [column.beside.get(label) for column in columns])
                for label in dict.fromkeys(label for column in columns for label in column.beside)
            ],
            csv=f"tables/{slug}.csv",
        )

    def _claim(self, entry: Entry) -> str:
        project, claim = self.facts.project, entry.claim
        judged = self.facts.judged.get(claim.id)
        review = claim_review(project, entry, self.origin, judged[-1].time if judged else None)
        compared = claim_page.compared(project, entry)
        return self._page(
            "claim.html.j2",
            up="../",
            e=entry,
            title=project.index.sources[claim.source].title,
            review=in_script(review),
            places=list(map(str, claim.found_at)),
            null=claim_page.null(project, entry),
            machines=self.facts.machines_of(entry),
            drawing=against_print(self.facts, entry),
            tried=claim_page.tried(entry),
            parts=claim_page.parts(entry),
            findings=self._findings_of.get(claim.id, []),
            compared=[self.facts.entries[id_] for id_ in compared],
            by_hand=entry.by_hand,
            protocol=list(claim_page.protocol(entry)),
            evidence=claim_page.evidence(self.facts, entry),
            history=claim_page.history(self.facts, entry),
        )

    @cached_property
    def _findings_of(self) -> Mapping[str, list[Finding]]:
        found: dict[str, list[Finding]] = {}
        for finding in self.facts.report.findings:
            for id_ in finding.claims:
                found.setdefault(id_, []).append(finding)
        return found

    def _sections(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(
                kind=kind,
                title=title,
                meaning=meaning,
                findings=[one for one in self.facts.report.findings if one.kind == kind],
                unfit=self.facts.failing.unfit if kind == "contradiction" else (),
            )
            for kind, (title, meaning) in TITLES.items()
        ]

    def _findings(self) -> str:
        failing = self.facts.failing
        return self._page(
            "findings.html.j2",
            "findings.html",
            sections=self._sections(),
            entries=self.facts.entries,
            failing=[
                (
                    "Stated causes that do not show",
                    "Measured at a size of our own; no printed figure is judged by it.",
                    failing.causes,
                ),
            ],
            explained=[e for e in failing.refuted + failing.padded if e.verdict.explained_by],
        )

    def _machines(self) -> str:
        ledgers = self.facts.state.ledgers.items()
        machines = [_machine(name, events) for name, events in ledgers if events]
        return self._page("machines.html.j2", "machines.html", machines=machines)

    def _method(self) -> str:
        used = {e.claim.reproduction for e in self.facts.report.entries}
        named = [name for name in sorted(SPECS) if name in used and SPECS[name].conventions]
        return self._page(
            "method.html.j2",
            "method.html",
            meanings=[(word, _MEANINGS[word]) for word in WORDS],
            reproductions=[(name, SPECS[name].conventions) for name in named],
        )


def _machine(name: str, events: list[Event]) -> SimpleNamespace:
    seen: dict[str, dict[str, None]] = {}
    for event in events:
        about = event.environment
        gpu = about.get("gpu")
        versions = {key: value for key, value in about.get("packages", {}).items() if value}
        named = {"processor": about.get("cpu"), "GPU": gpu and gpu.get("name")}
        for key, value in {**named, "Python": about.get("python"), **versions}.items():
            if value:
                seen.setdefault(key, {})[str(value)] = None
    return SimpleNamespace(
        name=name,
        subject=f"machine:{name}",
        first=events[0].time,
        last=events[-1].time,
        head=events[-1].sha256,
        seen=[(key, list(values)) for key, values in seen.items()],
        runs=[_run(event) for event in reversed(events) if event.type == "run_finished"],
    )


def _run(event: Event) -> SimpleNamespace:
    commit = str(event.environment.get("commit") or "none")[:12]
    return SimpleNamespace(
        subject=f"run:{event.sha256}",
        time=event.time,
        interrupted=bool(event.body.get("interrupted")),
        commit=f"{commit} (with changes)" if event.environment.get("dirty") else commit,
    )


def _kind(entry: Entry) -> str:
    """Name what a claim is about: the second part of its id."""
    return entry.claim.id.split(".")[1]


def _depth(entry: Entry) -> str:
    """Give the class by which a cell is shaded; what holds is not."""
    off_by = entry.verdict.off_by
    if entry.verdict.verdict == "pass" or off_by is None or off_by.relative is None:
        return ""
    depth = sum(abs(off_by.relative) >= least for least in _DEPTHS)
    return f"d{depth}" if depth else ""


def _because(entry: Entry) -> str:
    """Give the short reason: how a pass agrees, or why it is none."""
    verdict = entry.verdict
    if verdict.agreement not in {None, "as_printed"}:
        return str(verdict.agreement).replace(":", ": ").replace("_", " ")
    if verdict.verdict == "pass":
        return "as printed"
    return verdict.reason.replace("_", " ")


def _code(text: str) -> Markup:
    """Put a text of ours on a page; what it has between backticks is code."""
    parts = re.split("`([^`]*)`", text)
    shown = [Markup("<code>{}</code>").format(p) if n % 2 else p for n, p in enumerate(parts)]
    return Markup().join(shown)


def _environment(facts: Facts, origin: Origin) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("verify.publish.site"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "t": foreign,
        "plain": visible,
        "depth": _depth,
        "because": _because,
        "measured_words": measured_words,
        "found_word": found_word,
        "code": _code,
        "breaks": lambda id_: escape(id_).replace(".", Markup(".<wbr>")),
        "words": lambda text: str(text).replace("_", " "),
        "day": lambda time: time[:10],
        "minute": lambda time: time[:16].replace("T", " "),
    }
    made.globals |= {
        "origin": origin,
        "links": _LINKS,
        "MARKS": MARKS,
        "SPOKEN": SPOKEN,
        "SCOPES": SCOPES,
        "q": lambda subject, field, row=False: mark(facts, subject, field, row=row),
        "bar": lambda subject, of, small=False: verdict_bar(
            facts.counts(subject), of=of, small=small
        ),
        "counts_of": facts.counts,
        "has_scope": lambda subject, scope: any(
            facts.counts(subject)[f"{scope}_{kind}"] for kind in ("pass", "fail", "undecided")
        ),
    }
    return made
