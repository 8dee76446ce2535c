"""What ``verify fetch`` lists and does: weights and data sets, which claims want them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reproductions.artifact_cache import Cache, cache_folder, locate
from reproductions.artifacts import Artifact, artifacts, matching
from reproductions.contract import Params
from reproductions.errors import ReproductionError
from verify.errors import VerifyError
from verify.project import Project

__all__ = ["FETCHED", "Row", "cache_in", "chosen", "fetch_each", "has_fetched", "rows"]

FETCHED = "fetched"
"""The state of an artifact that is there and whole."""
_TRAINED_ON = "imagenet"
"""How params begin to name the data sets that weights are for."""


@dataclass(frozen=True)
class Row:
    """One artifact, as it is listed."""

    name: str
    what: str
    state: str
    """``fetched``, ``not fetched``, or what is wrong with it."""
    size: int | None
    """Bytes, where they are known."""
    license: str
    source: str
    """The host it is on, or who says where it is."""
    trust: str | None
    """How the file that is there is known; None if none is."""
    claims: int
    """How many claims want it."""
    sign_in: str | None
    """Where and how who signs in gets it."""


def cache_in(folder: Path | None) -> Cache:
    """Open the cache in the folder that stands in for the usual one, or there.

    Raises:
        VerifyError: there is no usual one.
    """
    try:
        return Cache(cache_folder() if folder is None else cache_folder(folder.resolve()))
    except ReproductionError as error:
        raise VerifyError(str(error)) from error


def chosen(patterns: Sequence[str]) -> list[str]:
    """List the artifacts that patterns name, each once, in their order.

    Raises:
        VerifyError: a pattern names none.
    """
    try:
        return list(dict.fromkeys(name for pattern in patterns for name in matching(pattern)))
    except ReproductionError as error:
        raise VerifyError(str(error)) from error


def rows(project: Project | None, cache: Cache, names: Iterable[str] | None = None) -> list[Row]:
    """Describe artifacts: what is there, what is not, and how many claims want each.

    Raises:
        VerifyError: the cache cannot be read.
    """
    known = artifacts()
    params = _params_by_claim(project) if project is not None else {}
    try:
        return [_row(name, known[name], cache, params) for name in names or known]
    except (ReproductionError, OSError) as error:
        raise VerifyError(str(error)) from error


def _row(name: str, entry: Artifact, cache: Cache, params: Mapping[str, list[Params]]) -> Row:
    record = cache.record(name, entry)
    problem = cache.problem(record, entry) if record is not None else None
    state = "not fetched" if record is None else FETCHED
    size = entry.size
    if record is not None and record.stamp is not None:
        size = record.stamp.size
    elif record is not None and record.listing is not None:
        size = record.listing.bytes
    return Row(
        name=name,
        what=entry.what,
        state=state if problem is None else f"damaged: found {problem}",
        size=size,
        license=entry.license,
        source=source_words(entry),
        trust=record.trust if record is not None else None,
        claims=sum(any(wants(name, entry, each) for each in all_) for all_ in params.values()),
        sign_in=entry.login,
    )


def source_words(entry: Artifact) -> str:
    """Say in a word or two where an artifact comes from."""
    if entry.url is not None:
        return urlsplit(entry.url).netloc
    return "timm" if entry.timm is not None else "sign in, then --from FILE"


def _params_by_claim(project: Project) -> dict[str, list[Params]]:
    return {
        claim.id: [need.params for need in project.all_needs(claim)]
        for claim in project.claims.values()
    }


def wants(name: str, entry: Artifact, params: Params) -> bool:
    """Tell whether a measurement with these params wants an artifact.

    A reproduction that is still to be written cannot say so; its model and data set do.
    """
    told = params.artifacts()
    if told:
        return name in told
    given = params.model_dump()
    dataset = str(given.get("dataset", ""))
    if name.startswith("weights/"):  # those of the catalogue are classifiers of ImageNet
        return given.get("model") in entry.serves and dataset.startswith(_TRAINED_ON)
    return dataset in entry.serves


def has_fetched(name: str) -> bool:
    """Tell whether an artifact is in the usual cache, whole."""
    try:
        if not Cache(cache_folder()).fetched():
            return False  # at once, as for each of them a sentence would be written what is missing
        for found in matching(name):
            locate(found)
    except ReproductionError:
        return False
    return True


def fetch_each(
    names: Iterable[str], one: Callable[[str], dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Fetch one artifact after the other; one that cannot be had does not keep back the rest.

    Args:
        names: which.
        one: fetches one and describes it.

    Returns:
        What was fetched, and by name why the others were not.
    """
    fetched, failed = [], []
    for name in names:
        try:
            fetched.append(one(name))
        except ReproductionError as error:
            failed.append((name, str(error)))
    return fetched, failed
