"""Pictures of what is measured and printed nowhere: training modes, and forms of one model."""

from collections.abc import Iterator, Mapping
from itertools import groupby

from reproductions.contract import Measurement
from verify.need import Need
from verify.project import Project
from verify.publish.chart import Chart, Line, Mark, Point
from verify.report import Report

_TRAINING_MARKS = (
    "squares: plain step; triangles: with checkpoints; diamonds: with micro-batches; "
    "bars: slowest to fastest of six steps"
)
_FORMS: Mapping[str, Mark] = {"published": "square", "fast": "triangle"}
_USUAL = {"precision": "default", "layout": "contiguous", "compiled": False, "image_size": 224}
"""How models are timed whose forms are set side by side."""

Found = list[tuple[Need, Measurement, bool]]
"""Measurements, each with whether it is stale."""


def training_charts(project: Project, report: Report) -> dict[str, Chart]:
    """Draw memory of training steps against arithmetic and speed, by document and machine."""
    made = {}
    for source in project.index.sources:
        found = _steps(project, report, source)
        for device in sorted({_device(one) for _, one, _ in found}):
            here = [given for given in found if _device(given[1]) == device]
            sizes = ", ".join(sorted({_size(need) for need, _, _ in here}))
            for name, label, keys in (
                ("arithmetic", "arithmetic of a step (GMAC)", ("operations_plain", "operations")),
                ("speed", "images per second", ("images_per_second_plain", "images_per_second")),
            ):
                made[f"{source}-training-{name}-{device}"] = Chart(
                    title=f"Training steps: memory and {name}, {source}",
                    note=f"Measured on {device}, {sizes}; {_TRAINING_MARKS}",
                    x_label="most memory taken by tensors (GiB)",
                    y_label=label,
                    lines=list(_training_lines(here, keys)),
                    x_is_measured=True,
                    joined=True,
                )
    return made


def _device(measured: Measurement) -> str:
    return str(measured.facts.get("device"))


def _steps(project: Project, report: Report, source: str) -> Found:
    """List measured training steps of variants as they are, by model."""
    found = _measured(project, report, "training_memory", source)
    as_they_are = [
        given
        for given in found
        if getattr(given[0].params, "grid", None) is None
        and getattr(given[0].params, "partitions", None) is None
    ]
    return sorted(as_they_are, key=lambda given: str(given[0].params.subject()))


def _measured(project: Project, report: Report, reproduction: str, source: str) -> Found:
    needs = {
        need.key: need
        for claim in project.claims.values()
        if claim.source == source
        for need in project.all_needs(claim)
        if need.reproduction == reproduction
    }
    stored = {key: report.stored[key] for key in needs if key in report.stored}
    return [
        (needs[key], one.measurement, one.stale)
        for key, one in stored.items()
        if one.measurement is not None
    ]


def _size(need: Need) -> str:
    params = need.params.model_dump()
    return f"{params['batch']} images of {params['image_size']} x {params['image_size']}"


def _training_lines(found: Found, keys: tuple[str, str]) -> Iterator[Line]:
    for name, its in groupby(found, key=lambda given: str(given[0].params.subject())):
        points: dict[tuple[Mark, float], Point] = {}
        for need, one, stale in its:
            for suffix, key in zip(("_plain", ""), keys, strict=True):
                mark = _mark(need.params.model_dump()) if suffix == "" else "square"
                y, x = one.values[key], one.values[f"allocated{suffix}"].value
                points.setdefault((mark, x), Point(x, None, (y.value, y.low, y.high), mark, stale))
        yield Line(name, sorted(points.values(), key=lambda point: -point.x))


def _mark(params: Mapping[str, object]) -> Mark:
    return "triangle" if params["checkpoints"] != "none" else "diamond"


def form_charts(project: Project, report: Report) -> dict[str, Chart]:
    """Draw the speed of models measured both as published and as written here, by document."""
    made = {}
    for source in project.index.sources:
        found = _measured(project, report, "throughput", source)
        lines = list(_form_lines(found))
        if lines:
            machines = ", ".join(sorted({_device(one) for _, one, _ in found}))
            made[f"{source}-implementations"] = Chart(
                title=f"Throughput as published and as written here, {source}",
                note=f"The same weights and outputs, measured on {machines}; squares: as "
                "published; triangles: as written here, fast; bars: 95 % interval",
                x_label="batch (images)",
                y_label="images per second",
                lines=lines,
                joined=True,
            )
    return made


def _form_lines(found: Found) -> Iterator[Line]:
    """Yield two lines for every model, of the batches at which both forms ran."""
    speeds: dict[tuple[str, str, int], dict[str, Point]] = {}
    for need, one, stale in found:
        params = need.params.model_dump()
        speed = one.values.get("throughput")
        if speed is None or any(params[name] != usual for name, usual in _USUAL.items()):
            continue
        form = params["implementation"]
        ends = (speed.value, speed.low, speed.high)
        point = Point(params["batch"], None, ends, _FORMS[form], stale)
        where = (params["model"], str(one.facts.get("device")), params["batch"])
        speeds.setdefault(where, {})[form] = point
    both: dict[tuple[str, str], list[dict[str, Point]]] = {}
    for (model, device, _), forms in sorted(speeds.items(), key=lambda item: item[0]):
        if forms.keys() == _FORMS.keys():
            both.setdefault((model, device), []).append(forms)
    for number, ((model, _), at_batches) in enumerate(both.items()):
        for form in _FORMS:
            yield Line(f"{model}, {form}", [forms[form] for forms in at_batches], number)
