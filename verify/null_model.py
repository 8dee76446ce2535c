"""What the null model of a claim shows: the claim judged once more, on what should not bear it.

A trend that random weights show too needs no learning. That changes no verdict: the document says
what its model does, and the model may do it; but a reader should know.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from verify.judge import judge
from verify.project import Project
from verify.stored import Stored
from verify.verdict import Verdict

_DECIDED = frozenset({"pass", "fail"})


def null_verdicts(project: Project, stored: Mapping[str, Stored]) -> dict[str, Verdict]:
    """Judge every claim that names a null model by the same rules on that model's measurements.

    Returns:
        By claim id, in claim order; none but for those claims.
    """
    if not project.nulls:
        return {}
    claims = {id_: project.claims[id_] for id_ in project.nulls}
    return judge(replace(project, claims=claims, needs=project.nulls, protocols={}), stored)


def shown_too(
    project: Project, nulls: Mapping[str, Verdict], verdicts: Mapping[str, Verdict]
) -> Iterator[tuple[str, str]]:
    """Yield the claims that their null model bears out, each with what is to be told."""
    for id_, null in nulls.items():
        if null.verdict != "pass":
            continue
        model = null_words(project, id_)
        own = verdicts[id_]
        then = "as it does of the model" if own.verdict == "pass" else "whatever the model shows"
        if own.verdict not in _DECIDED:
            then = "before anything is known of the model"
        yield id_, f"holds of {model} too, {then}: {null.detail}"


def null_words(project: Project, id_: str) -> str:
    """Name a claim's null model by the params that make it one: ``weights random``."""
    given = project.claims[id_].null_model
    return ", ".join(f"{name} {value}" for name, value in given.items())
