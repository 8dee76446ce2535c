"""Ledger to Markdown: each printed table with what was measured beside it, and one summary."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reproductions.contract import SPECS
from verify.files import remove, write_atomically
from verify.project import Project, TableColumn
from verify.publish import findings
from verify.publish.markdown import footer, reasons, safe, table_row
from verify.publish.pictures import FOLDER, pictures
from verify.report import Entry, Failing, Report
from verify.stored import Stored
from verify.wording import (
    SCOPES,
    found_word,
    measured_words,
    number,
    off_by_words,
    summary,
    unprinted_words,
    verdict_words,
)

Pages = Mapping[str, str]
"""File name below ``results/`` to text."""


def pages(project: Project, report: Report) -> Pages:
    """Make every page from one report; the same report gives the same text.

    Args:
        project: The claims, checked.
        report: All claims, judged.
    """
    entries = {entry.claim.id: entry for entry in report.entries}
    grouped: dict[tuple[str, str], list[TableColumn]] = {}
    for column in project.tables:
        grouped.setdefault((column.source, column.table), []).append(column)
    made = {
        _file_name(source, table): _table_page(project, columns, entries, report)
        for (source, table), columns in grouped.items()
    }
    drawn = pictures(project, report)
    return {
        "README.md": _summary_page(project, report, grouped, drawn),
        **made,
        findings.PAGE: findings.page(project, report),
        **drawn,
    }


def outdated(results: Path, made: Pages) -> list[str]:
    """Name the pages whose file is missing, different or no longer made."""
    stale = [name for name, text in made.items() if _bytes_of(results / name) != text.encode()]
    ours = (*(results / "tables").glob("*.md"), *(results / FOLDER).glob("*.[cs][sv][vg]"))
    left_over = [f"{path.parent.name}/{path.name}" for path in sorted(ours)]
    return stale + [name for name in left_over if name not in made]


def write(results: Path, made: Pages) -> list[str]:
    """Write the pages that differ and remove the ones no longer made.

    Returns:
        The names of the files that changed.
    """
    names = outdated(results, made)
    for name in names:
        if name in made:
            write_atomically(results / name, made[name])
        else:
            remove(results / name)
    return names


def _table_page(
    project: Project, columns: list[TableColumn], entries: Mapping[str, Entry], report: Report
) -> str:
    first = columns[0]
    labels = list(dict.fromkeys(row.label for column in columns for row in column.rows))
    shown = [entries[row.claim] for column in columns for row in column.rows]
    header = ["Row"]
    for column in columns:
        header += [column.column, "measured", "verdict", "off by (default)"]
    lines = [
        f"# Table {safe(first.table)}: {safe(first.title)}",
        "",
        f"Document: {safe(project.index.sources[first.source].title)}.",
        "",
        f"**{summary(Report(report.head, _distinct(shown), ()))}.**",
        "",
        table_row(header),
        table_row(["---"] + ["---:", "---:", "---", "---:"] * len(columns)),
    ]
    lines += [table_row([safe(label), *_cells(label, columns, entries)]) for label in labels]
    lines += _beside(columns, report.stored)
    lines += ["", *_conventions(shown), *_notes(columns, entries), footer(report.head)]
    return "\n".join(lines)


def _beside(columns: list[TableColumn], measured: Mapping[str, Stored]) -> list[str]:
    """Write the rows that the document does not print, below those that it does."""
    lines = []
    for label in dict.fromkeys(label for column in columns for label in column.beside):
        cells = []
        for column in columns:
            need = column.beside.get(label)
            figure = "" if need is None else unprinted_words(measured.get(need.key), need.spec)
            cells += ["" if need is None else "not printed", figure, "", ""]
        lines.append(table_row([safe(label), *cells]))
    return lines


def _cells(label: str, columns: list[TableColumn], entries: Mapping[str, Entry]) -> list[str]:
    cells = []
    for column in columns:
        claim = next((row.claim for row in column.rows if row.label == label), None)
        if claim is None:
            cells += ["", "", "", ""]
            continue
        entry = entries[claim]
        off = off_by_words(entry.verdict.off_by)
        cells += [
            safe(entry.printed or ""),
            _measured(entry),
            safe(verdict_words(entry)),
            off,
        ]
    return cells


def _measured(entry: Entry) -> str:
    """Show the deciding number; under an inferred convention the default count beside it."""
    text = measured_words(entry)
    keys = list(entry.verdict.by_key)
    if str(entry.verdict.agreement).startswith("convention:"):
        default = entry.verdict.by_key[keys[0]]
        text += f" ({keys[0]}: {number(entry, default.value)})"
    return text


def _conventions(shown: list[Entry]) -> list[str]:
    """List the counting conventions the verdicts of a table speak of."""
    used = {e.claim.reproduction for e in shown if e.claim.reproduction in SPECS}
    lines = []
    for name in sorted(used):
        conventions = SPECS[name].conventions
        if not conventions:  # every claim names its key
            continue
        lines += [f"Conventions of `{name}`, the first one the default:", ""]
        lines += [f"- `{c.name}`: {safe(c.counts)}." for c in conventions]
        lines.append("")
    return lines


def _notes(columns: list[TableColumn], entries: Mapping[str, Entry]) -> list[str]:
    """Say for the measured rows that do not simply hold why, rows of one reason together."""
    rows: dict[str, list[str]] = {}
    for column in columns:
        for row in column.rows:
            entry = entries[row.claim]
            if entry.verdict.agreement != "as_printed" and entry.verdict.verdict != "blocked":
                labels = rows.setdefault(reasons(entry), [])
                where = f" ({safe(column.column)})" if len(columns) > 1 else ""
                labels.append(safe(row.label) + where)
    lines = [f"- {', '.join(labels)}: {why}." for why, labels in rows.items()]
    return ["Notes:", "", *lines, ""] if lines else []


def _summary_page(
    project: Project,
    report: Report,
    grouped: Mapping[tuple[str, str], list[TableColumn]],
    drawn: Pages,
) -> str:
    counts = report.counts()
    decided = counts["pass"] + counts["fail"]
    mistaken = counts["pass_by_mistake"]
    by_mistake = f", {mistaken} only by a mistake in measuring" if mistaken else ""
    lines = [
        "# What holds",
        "",
        f"**decided {decided}: {counts['pass']} hold, {counts['fail']} do not; "
        f"{counts['claims'] - decided} undecided.** Of those that hold, "
        f"{counts['pass_by_convention']} hold only under a counting convention inferred from "
        f"the table{by_mistake}.",
        "",
        *_scopes(report),
        *_failing(report),
        "## Tables",
        "",
    ]
    for (source, table), columns in grouped.items():
        title = f"Table {table}: {columns[0].title}"
        document = project.index.sources[source].title
        lines.append(f"- [{safe(title)}]({_file_name(source, table)}), {safe(document)}")
    shown = [name for name in drawn if name.endswith(".svg")]
    if shown:
        lines += ["", "## Pictures", "", *(f"![{Path(n).stem}]({n})\n" for n in shown)]
    lines += ["", *findings.in_short(project, report), *_undecided(report), footer(report.head)]
    return "\n".join(lines)


def _failing(report: Report) -> list[str]:
    """List the failing claims, what is refuted apart from what is not."""
    failing = Failing.among(report.entries)
    return [
        *_fail_table("Do not hold, farthest off first", failing.refuted),
        *_fail_table("Do not hold only for a .0 the primary does not print", failing.padded),
        *_fail_table("Stated causes that do not show, at a size of our own", failing.causes),
        *_fail_table("Printed numbers that do not fit together", failing.unfit),
    ]


def _fail_table(title: str, entries: Sequence[Entry]) -> list[str]:
    if not entries:
        return []
    header = ["claim", "printed", found_word(entries[0]), "off by", "why"]
    lines = [
        f"## {title}",
        "",
        table_row(header),
        table_row(["---", "---:", "---:", "---:", "---"]),
    ]
    for entry in entries:
        claim = f"`{entry.claim.id}`: {safe(entry.claim.statement)}"
        numbers = [safe(entry.printed or ""), measured_words(entry)]
        off = off_by_words(entry.verdict.off_by)
        lines.append(table_row([claim, *numbers, off, reasons(entry)]))
    return [*lines, ""]


def _scopes(report: Report) -> list[str]:
    """Keep apart what is about models and what is about printed numbers among themselves."""
    lines = ["## By scope", "", table_row(["scope", "hold", "do not", "undecided"])]
    lines.append(table_row(["---", "---:", "---:", "---:"]))
    for scope, counts in report.by_scope().items():
        lines.append(table_row([f"{scope} ({SCOPES[scope]})", *map(str, counts)]))
    return [*lines, ""]


def _undecided(report: Report) -> list[str]:
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in report.entries:
        if entry.verdict.verdict not in {"pass", "fail"}:
            groups.setdefault((entry.verdict.verdict, entry.verdict.reason), []).append(entry)
    lines = ["## Undecided, and why", ""]
    for (word, reason), entries in groups.items():
        title = f"{word.replace('_', ' ')}: {reason.replace('_', ' ')}"
        lines += [f"**{title}** ({len(entries)})", "", *_by_obstacle(entries), ""]
    return lines if groups else []


def _by_obstacle(entries: Iterable[Entry]) -> list[str]:
    """List claims that the same thing stands in the way of together; ``show`` has the rest."""
    ids: dict[str, list[str]] = {}
    for entry in entries:
        why = reasons(entry)
        if why.startswith("no "):  # "no model named X yet (...)": the rest differs claim by claim
            why = why.partition(" (")[0].partition(";")[0]
        ids.setdefault(why, []).append(f"`{entry.claim.id}`")
    return [f"- {why}: {', '.join(names)}" for why, names in ids.items()]


def _distinct(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Keep each claim once: a restatement is no second confirmation."""
    return tuple({entry.claim.id: entry for entry in entries}.values())


def _file_name(source: str, table: str) -> str:
    # Not only readable but one to one: "A.1" and "A-1" are two tables.
    slug = "".join(c if c.isalnum() else f"-{ord(c):x}-" for c in table.lower())
    return f"tables/{source}-table-{slug}.md"


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None  # whatever stands there is not the page; writing says what is in the way
