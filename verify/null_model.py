"""What the null model of a claim shows: the claim judged once more, on what should not bear it.

A trend that random weights show too needs no learning. That changes no verdict: the document says
what its model does, and the model may do it; but a reader should know.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reproductions.contract import Quantity
from verify.judge import judge
from verify.project import Project
from verify.stored import Stored
from verify.verdict import Verdict


def null_verdicts(project: Project, stored: Mapping[str, Stored]) -> dict[str, Verdict]:
    """Judge every claim that names a null model by the same rules on that model's measurements.

    Returns:
        By claim id, in claim order; none but for those claims.
    """
    if not project.nulls:
        return {}
    claims = {id_: project.claims[id_] for id_ in project.nulls}
    return judge(replace(project, claims=claims, needs=project.nulls, protocols={}), stored)


def shown_too(project: Project, stored: Mapping[str, Stored]) -> Iterator[tuple[str, str]]:
    """Yield the claims that their null model bears out, each with how far it does.

    A null model is measured on few images, so that its means count too where their intervals
    leave a claim open: what is told here decides nothing.
    """
    by_intervals = null_verdicts(project, stored)
    keys = {need.key for needs in project.nulls.values() for need in needs}
    means_of = {key: _means_of(one) for key, one in stored.items() if key in keys}
    by_means = null_verdicts(project, means_of)
    for id_, null in by_intervals.items():
        means = by_means[id_]
        model = null_words(project, id_)
        told = f"the same holds of a null model ({model})"
        if null.verdict == "pass":
            yield id_, f"{told}: {null.detail}"
        elif means.verdict == "pass":
            yield id_, f"{told} by the means: {null_numbers(null)}"
        elif _in_part(means):
            yield id_, f"{told} in one reading of the words, in another not: {means.detail}"


def null_words(project: Project, id_: str) -> str:
    """Name a claim's null model by the params that make it one: ``weights random``."""
    given = project.claims[id_].null_model
    return ", ".join(f"{name} {value}" for name, value in given.items())


def _in_part(verdict: Verdict) -> bool:
    """Tell whether some reading of what is claimed holds, and another does not."""
    held = any(part.verdict == "pass" for part in verdict.parts)
    readings = {"convention_ambiguous": True, "vague": held}
    return verdict.verdict == "inconclusive" and readings.get(verdict.reason, False)


def null_numbers(verdict: Verdict) -> str:
    """Give the numbers a null model was judged on, or why there are none."""
    parts = "; ".join(f"{part.what}: {part.numbers}" for part in verdict.parts)
    return parts or verdict.detail


def _means_of(stored: Stored) -> Stored:
    """Take the intervals away."""
    found = stored.measurement
    if found is None:
        return stored
    values = {key: Quantity.exact(one.value, one.unit) for key, one in found.values.items()}
    return replace(stored, measurement=found.model_copy(update={"values": values}))
