"""Which claims a command is about: by id glob, source, reproduction or verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from verify.claim import Claim
from verify.errors import VerifyError
from verify.operand import MeasuredInput
from verify.project import Project
from verify.refusals import suggestion
from verify.verdict import Verdict


@dataclass(frozen=True)
class Selection:
    """What was asked for; an empty field asks for everything."""

    patterns: Sequence[str] = ()
    source: str | None = None
    reproductions: Sequence[str] = ()
    verdicts: Sequence[str] = ()


def select(
    project: Project, selection: Selection, judged: Mapping[str, Verdict] | None = None
) -> list[str]:
    """List the ids of the claims a selection names, in claim order.

    Raises:
        VerifyError: a pattern, source or reproduction matches no claim at all.
    """
    wanted = set(project.claims)
    patterns = [project.index.renamed.get(pattern, pattern) for pattern in selection.patterns]
    for pattern in patterns:
        if not any(fnmatchcase(id_, pattern) for id_ in project.claims):
            raise VerifyError(f"no claim {pattern!r}{_hint(pattern, project)}")
    if patterns:
        wanted = {i for i in wanted if any(fnmatchcase(i, p) for p in patterns)}
    if selection.source is not None:
        if selection.source not in project.index.sources:
            hint = suggestion(selection.source, project.index.sources)
            raise VerifyError(f"no document {selection.source!r}{hint or '; see claims.yaml'}")
        wanted = {i for i in wanted if project.claims[i].source == selection.source}
    if selection.reproductions:
        needed = {i: _reproductions(project.claims[i]) for i in wanted}
        for name in selection.reproductions:
            if not any(name in its for its in needed.values()):
                raise VerifyError(
                    f"no claim needs a reproduction {name!r}; `verify list` shows all"
                )
        wanted = {i for i, its in needed.items() if its.intersection(selection.reproductions)}
    if selection.verdicts and judged is not None:
        wanted = {i for i in wanted if judged[i].verdict in selection.verdicts}
    return [id_ for id_ in project.claims if id_ in wanted]


def _reproductions(claim: Claim) -> set[str]:
    inputs = [given for given in claim.operands() if isinstance(given, MeasuredInput)]
    named = {given.reproduction for given in inputs}
    # What no reproduction settles has "arithmetic" or "statement" in that place of its id.
    return named | {claim.reproduction or claim.id.split(".")[1]}


def _hint(pattern: str, project: Project) -> str:
    return suggestion(pattern, project.claims) or "; `verify list` shows all ids"
