"""Speeds as pictures: by batch, and over the model they are divided by; printed and measured."""

from collections.abc import Iterator, Mapping

from verify.claim import Claim
from verify.expect import Ratio
from verify.operand import MeasuredOf
from verify.project import AtBatch, Project, Series
from verify.publish.chart import Chart, Line, Point
from verify.publish.measured_pictures import form_charts, training_charts
from verify.publish.series_pictures import series_charts
from verify.report import Entry, Report

FOLDER = "pictures"


def pictures(project: Project, report: Report) -> dict[str, str]:
    """Draw what there is to draw.

    Returns:
        Text of SVG and CSV files by their name below ``results/``.
    """
    made = {}
    for name, chart in drawn(project, report).items():
        made[f"{FOLDER}/{name}.svg"] = chart.svg()
        made[f"{FOLDER}/{name}.csv"] = chart.csv()
    return made


def drawn(project: Project, report: Report) -> dict[str, Chart]:
    """Make every chart that there are figures for, by name."""
    return {
        **charts(project, report),
        **series_charts(project, report),
        **training_charts(project, report),
        **form_charts(project, report),
    }


def charts(project: Project, report: Report) -> dict[str, Chart]:
    """Make the charts of every document that prints speeds at several batches, by name."""
    made = {}
    entries = {entry.claim.id: entry for entry in report.entries}
    for source, lines in _by_source(project, entries).items():
        note = _note(project, report, source)
        made[f"{source}-throughput"] = Chart(
            title=f"Throughput by batch size, {source}",
            note=note,
            x_label="batch (images)",
            y_label="images per second",
            lines=lines,
        )
        ratios = list(_ratio_lines(project, entries, source))
        if ratios:
            made[f"{source}-speedup"] = Chart(
                title=f"Speed-up at the same batch size, {source}",
                note=note,
                x_label="batch (images)",
                y_label="times as fast",
                lines=ratios,
            )
    return made


def _by_source(project: Project, entries: Mapping[str, Entry]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for source, series in _speeds(project):
        first = next(iter(series.values()))
        points = [_point(size, at, entries) for size, at in sorted(series.items())]
        line = Line(str(first.need.params.subject()), points)
        found.setdefault(source, []).append(line)
    return found


def _speeds(project: Project) -> Iterator[tuple[str, Series]]:
    """Yield the speeds printed at several batches, each series with its document."""
    for series in project.series.values():
        first = next(iter(series.values()))
        if first.expect.unit == "images/s" and len(series) > 1:
            yield project.claims[first.claim].source, series


def _point(size: int, at: AtBatch, entries: Mapping[str, Entry]) -> Point:
    return _point_of(entries[at.claim], size, float(at.expect.figure.value))


def _point_of(entry: Entry, size: int, printed: float) -> Point:
    found = entry.verdict.measured
    ends = None if found is None else (found.value, found.low, found.high)
    return Point(size, printed, ends, stale=found is not None and entry.verdict.stale)


def _ratio_lines(project: Project, entries: Mapping[str, Entry], source: str) -> Iterator[Line]:
    """Yield the ratios that tables ask of the models, one line for each pair."""
    lines: dict[str, list[Point]] = {}
    for claim in project.claims.values():
        pair = _pair(project, claim) if claim.source == source else None
        if pair is not None and isinstance(claim.expect, Ratio):
            name, size = pair
            printed = float(claim.expect.figure.value)
            lines.setdefault(name, []).append(_point_of(entries[claim.id], size, printed))
    for name, points in lines.items():
        yield Line(name, sorted(points, key=lambda point: point.x))


def _pair(project: Project, claim: Claim) -> tuple[str, int] | None:
    """Name both models of a ratio and the batch that they share."""
    if claim.twin_of is None or not all(isinstance(one, MeasuredOf) for one in claim.inputs):
        return None
    needs = project.needs[claim.id]
    sizes = {getattr(need.params, "batch", None) for need in needs}
    size = sizes.pop() if len(sizes) == 1 else None
    if not isinstance(size, int):
        return None
    return " / ".join(str(need.params.subject()) for need in needs), size


def _note(project: Project, report: Report, source: str) -> str:
    """Say for which GPUs a document's speeds were printed and on which they were measured."""
    its = [at for owner, series in _speeds(project) if owner == source for at in series.values()]
    cards = sorted({at.need.params.printed_on() or "a CPU" for at in its})
    found = [report.stored[at.need.key].measurement for at in its if at.need.key in report.stored]
    machines = sorted({str(one.facts.get("device")) for one in found if one is not None})
    measured = f"as measured on {', '.join(machines)}" if machines else "as measured"
    return (
        f"Printed for {', '.join(cards)}; circles: as printed; "
        f"squares with bars: {measured}, 95 % interval"
    )
