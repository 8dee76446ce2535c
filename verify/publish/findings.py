"""The page of findings: what contradicts what, what explains it, what came late."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from verify.findings import Finding, FindingKind
from verify.project import Project
from verify.publish.markdown import footer, safe, table_row
from verify.report import Entry, Report, worst_first
from verify.wording import explanation_words, measured_words, off_by_words

PAGE = "findings.md"
_EXPLAINED = {
    "other params": "Reproduced at other params, such as another image size",
    "unsound counter": "Reproduced by a counter that misses something",
    "fitted": "Reproduced by a configuration fitted to the print",
    "printed by the primary": "What the primary paper prints",
}
"""By the reason of the explanation, in this order."""

_APART = {
    "over_precise": ", only for a .0 the primary does not print",
    "better_than_printed": ", better than printed",
}
"""Fails that are not refuted figures, by reason."""
TITLES: dict[FindingKind, tuple[str, str]] = {
    "contradiction": (
        "Contradictions inside a document",
        "One quantity printed in two ways, neither a rounding of the other, and printed "
        "numbers that do not fit together.",
    ),
    "documents_differ": (
        "Contradictions between documents",
        "One quantity of the same measurement printed differently in two documents.",
    ),
    "summary_differs": (
        "Summaries that differ from their primary",
        "The document passes on a figure that its primary paper prints otherwise.",
    ),
    "post_hoc_tolerance": (
        "Tolerances that came late",
        "Added or widened after a verdict had been recorded.",
    ),
    "implausible": (
        "Speeds that are hard to believe",
        "By the printed speeds a larger batch is done in less than four fifths of the time of a "
        "smaller one, or a GPU does more arithmetic than it can.",
    ),
    "null_model_shows_it": (
        "Claims that a null model bears out too",
        "The same is measured where it should not show, such as with random weights, and holds "
        "there: it needs no learning. The verdict is on the model alone.",
    ),
    "defective_protocol": (
        "Figures that hold only by a mistake",
        "The document's own way of measuring gives its figure, and is mistaken for the model: the "
        "figure is not the model's.",
    ),
    "verdict_changed": (
        "Known verdicts that changed",
        "The note of the claim says what was known, the ledger says otherwise.",
    ),
}
"""Heading and meaning of every kind; contradictions share theirs with unfit prints."""


@dataclass(frozen=True)
class Section:
    """One kind of findings: how many, and their text."""

    title: str
    meaning: str
    count: int
    lines: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """The heading's address within the page."""
        return self.title.lower().replace(" ", "-")


def page(project: Project, report: Report) -> str:
    """Make the page from all claims, judged.

    Args:
        project: The claims, checked.
        report: All claims, judged, and the findings beside them.
    """
    sections = _sections(project, report)
    lines = [
        "# Findings",
        "",
        "Computed from claims and verdicts; a finding never changes a verdict. "
        "`verify show ID` explains each claim named here.",
        "",
        *_contents(sections, ""),
        "",
    ]
    for section in sections:
        lines += [f"## {section.title}", "", section.meaning, ""]
        lines += section.lines or ("None.", "")
    return "\n".join([*lines, footer(report.head)])


def in_short(project: Project, report: Report) -> list[str]:
    """Count the findings there are, each kind with a link to its place on the page."""
    found = [section for section in _sections(project, report) if section.count]
    return [f"## [Findings]({PAGE})", "", *(_contents(found, PAGE) or ["None."]), ""]


def _contents(sections: Iterable[Section], target: str) -> list[str]:
    return [f"- [{s.title}]({target}#{s.anchor}): {s.count}" for s in sections]


def _sections(project: Project, report: Report) -> list[Section]:
    failing = [e for e in report.entries if e.verdict.verdict == "fail"]
    inside = _of_kind(report, "contradiction")
    unfit = [e for e in failing if e.claim.scope == "consistency"]
    entries = {entry.claim.id: entry for entry in report.entries}
    return [
        Section(
            *TITLES["contradiction"],
            len(inside) + len(unfit),
            (*_listed(inside, entries), *_by_document(project, unfit, "recomputed")),
        ),
        _section(report, "documents_differ"),
        *_against_models(project, failing),
        Section(
            "What would explain a miss",
            "Figures that would account for a print that does not hold; they decide nothing.",
            sum(bool(e.verdict.explained_by) for e in failing),
            tuple(_explained(failing)),
        ),
        _section(report, "summary_differs"),
        _section(report, "post_hoc_tolerance"),
        _section(report, "implausible"),
        _section(report, "null_model_shows_it"),
        _section(report, "defective_protocol"),
        _section(report, "verdict_changed"),
    ]


def _against_models(project: Project, failing: Iterable[Entry]) -> Iterator[Section]:
    """Keep apart the printed figures and the causes that a document states."""
    refuted = [e for e in failing if e.claim.scope == "claim"]
    causes = [e for e in failing if e.claim.scope == "mechanism"]
    yield Section(
        "Contradictions between a document and the models",
        "What is said does not hold of the models measured; farthest off first.",
        len(refuted),
        tuple(_by_document(project, refuted, "measured")),
    )
    yield Section(
        "Stated causes that do not show",
        "A mechanism measured at a size of our own does not do what is said of it; no printed "
        "figure is judged by it.",
        len(causes),
        tuple(_by_document(project, causes, "measured")),
    )


def _section(report: Report, kind: FindingKind) -> Section:
    entries = {entry.claim.id: entry for entry in report.entries}
    found = _of_kind(report, kind)
    return Section(*TITLES[kind], len(found), tuple(_listed(found, entries)))


def _of_kind(report: Report, kind: FindingKind) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind == kind]


def _listed(found: Iterable[Finding], entries: Mapping[str, Entry]) -> list[str]:
    """Write findings as a table: claims, what is printed where, measured, how to see it."""
    rows = []
    for finding in found:
        measured = dict.fromkeys(measured_words(entries[id_]) for id_ in finding.claims)
        claims = ", ".join(f"`{id_}`" for id_ in finding.claims)
        commands = ", ".join(_shown(id_) for id_ in finding.claims)
        rows.append([claims, safe(finding.detail), ", ".join(measured), commands])
    return _table({"claims": "---", "finding": "---", "measured": "---:", "shown by": "---"}, rows)


def _by_document(project: Project, entries: Iterable[Entry], number: str) -> list[str]:
    """Write failing claims, those of one document, reproduction and kind of fail together."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        what = entry.claim.reproduction or (entry.needs[0].reproduction if entry.needs else "")
        what = (what or "printed numbers").replace("_", " ") + _APART.get(entry.verdict.reason, "")
        groups.setdefault((entry.claim.source, what), []).append(entry)
    lines = []
    for (source, what), group in groups.items():
        title = safe(project.index.sources[source].title)
        lines += [f"### {title}: {what} ({len(group)})", "", *_failing(group, number)]
    return lines


def _failing(entries: list[Entry], number: str) -> list[str]:
    rows = []
    for entry in worst_first(entries):
        numbers = [_printed(entry), _measured(entry), off_by_words(entry.verdict.off_by)]
        rows.append([_named(entry), *numbers, safe(entry.verdict.detail), _shown(entry.claim.id)])
    header = {"claim": "---", "printed": "---:", number: "---:", "off by": "---:"}
    return _table({**header, "why": "---", "shown by": "---"}, rows)


def _explained(failing: Iterable[Entry]) -> list[str]:
    """Write what would account for the fails, one table for each kind of explanation."""
    groups: dict[str, list[list[str]]] = {reason: [] for reason in _EXPLAINED}
    for entry in failing:
        for found in entry.verdict.explained_by:
            numbers = [_printed(entry), _measured(entry)]
            words = safe(explanation_words(entry, found))
            off = off_by_words(found.off_by)
            row = [_named(entry), *numbers, words, off, _shown(entry.claim.id)]
            groups.setdefault(found.reason, []).append(row)
    columns = {"claim": "---", "printed": "---:", "measured": "---:", "explanation": "---"}
    header = {**columns, "off the print by": "---:", "shown by": "---"}
    lines = []
    for reason, rows in groups.items():
        if rows:
            title = _EXPLAINED.get(reason, safe(reason.replace("_", " ")))
            lines += [f"### {title} ({len(rows)})", "", *_table(header, rows)]
    return lines


def _table(columns: Mapping[str, str], rows: list[list[str]]) -> list[str]:
    """Write a table; columns are titles with how they are aligned. No rows, no table."""
    head = [table_row(columns), table_row(columns.values())]
    return [*head, *(table_row(row) for row in rows), ""] if rows else []


def _printed(entry: Entry) -> str:
    return safe(" ".join(part for part in (entry.printed, entry.unit) if part))


def _measured(entry: Entry) -> str:
    """Give the number that fails; an ordering or a structure has none and its reason tells."""
    return measured_words(entry) if entry.verdict.measured is not None else ""


def _named(entry: Entry) -> str:
    return f"`{entry.claim.id}`: {safe(entry.claim.statement)}"


def _shown(id_: str) -> str:
    return f"`verify show {id_}`"
