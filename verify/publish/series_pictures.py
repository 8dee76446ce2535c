"""Graph statistics as pictures, by layer: as printed, of authors' weights and of random ones."""

import re
from collections.abc import Iterator, Mapping

from reproductions.catalog_statistics import LAYER_STATISTICS, GraphStatisticsParams
from reproductions.contract import Measurement
from verify.claim import Claim
from verify.expect import AllOf, Bound, Value, operands_in
from verify.judge_sets import convention_of
from verify.need import Need
from verify.project import Project
from verify.publish.chart import Chart, Line, Point
from verify.report import Report
from verify.stored import Stored

DRAWN = (
    "spatial_distance",
    "visual_similarity_normalized",
    "visual_similarity_raw",
    "embedding_similarity",
    "class_probability",
    "modularity",
)
"""Statistics with a picture; what stands beside them is in the ledger."""

_LAYER = re.compile(r"(?P<statistic>\w+)_(?P<layer>\d\d)")
_NOTE = "circles: as printed, of a bound its limit; squares with bars: as measured, 99 % interval"


def series_charts(project: Project, report: Report) -> dict[str, Chart]:
    """Make a chart of every statistic that was measured layer by layer, by name.

    Every set of params is a line: those that claims are judged on, and their null models.
    """
    made = {}
    for source in dict.fromkeys(claim.source for claim in project.claims.values()):
        its = [claim for claim in project.claims.values() if claim.source == source]
        needs = {n.key: n for claim in its for n in project.all_needs(claim) if _is_layered(n)}
        found = {key: report.stored[key] for key in needs if key in report.stored}
        for statistic in DRAWN:
            lines = list(_measured(statistic, needs, found))
            if not lines:
                continue
            printed = list(_printed(project, its, statistic))
            what = statistic.replace("_", " ")
            made[f"{source}-{statistic.replace('_', '-')}"] = Chart(
                title=f"{what.capitalize()} by layer, {source}",
                note=_NOTE,
                x_label="layer",
                y_label=f"{what} ({LAYER_STATISTICS[statistic]})",
                lines=[*lines, *([Line("as printed", printed)] if printed else [])],
                linear=True,
            )
    return made


def _is_layered(need: Need) -> bool:
    return isinstance(need.params, GraphStatisticsParams)


def _measured(
    statistic: str, needs: Mapping[str, Need], found: Mapping[str, Stored]
) -> Iterator[Line]:
    for key, stored in found.items():
        if stored.measurement is not None:
            points = list(_points(statistic, stored.measurement, stale=stored.stale))
            if points:
                yield Line(_name(needs[key], list(needs.values())), points)


def _points(statistic: str, measurement: Measurement, *, stale: bool) -> Iterator[Point]:
    for key, quantity in measurement.values.items():
        found = _LAYER.fullmatch(key)
        if found is not None and found["statistic"] == statistic:
            ends = (quantity.value, quantity.low, quantity.high)
            yield Point(int(found["layer"]), measured=ends, stale=stale)


def _name(need: Need, all_: list[Need]) -> str:
    """Name a line by the model and the params that tell it from the others."""
    given = need.params.model_dump(mode="json")
    others = [other.params.model_dump(mode="json") for other in all_]
    told = [
        f"{value}"
        for name, value in given.items()
        if name in {"weights", "dataset"} and any(other[name] != value for other in others)
    ]
    return ", ".join([str(need.params.subject()), *told])


def _printed(project: Project, claims: list[Claim], statistic: str) -> Iterator[Point]:
    """Yield what a document prints of single layers, one point a layer."""
    points: dict[int, Point] = {}
    for claim in claims:
        for expect, convention in _expectations(project, claim):
            found = _LAYER.fullmatch(convention)
            if found is not None and found["statistic"] == statistic:
                layer = int(found["layer"])
                points.setdefault(layer, Point(layer, float(expect.figure.value)))
    yield from sorted(points.values(), key=lambda point: point.x)


def _expectations(project: Project, claim: Claim) -> Iterator[tuple[Value | Bound, str]]:
    """Yield the printed numbers of a claim, each with the key that it is about."""
    expect = claim.expect
    if isinstance(expect, Value | Bound) and claim.reproduction is not None:
        yield expect, claim.convention
    for part in expect.parts if isinstance(expect, AllOf) else ():
        if isinstance(part.expect, Value | Bound):
            for given in operands_in(part.expect, part.inputs):
                yield part.expect, convention_of(project, given)
