"""Weights and data sets that measurements want: what they are called, where they come from.

The catalogue is data (``artifacts.yaml``); a project may add one of its own. Imports no torch.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from reproductions.errors import NotMeasurableError, ReproductionError

__all__ = [
    "CATALOGUE",
    "Artifact",
    "CatalogueFile",
    "Kind",
    "artifact",
    "artifacts",
    "declare_artifacts",
    "matching",
    "read_catalogue",
    "serving",
    "short",
    "use_catalogue",
]

CATALOGUE = Path(__file__).with_name("artifacts.yaml")
"""What comes with this package."""

NAME = r"^(weights|data)(/[A-Za-z0-9_.-]*[A-Za-z0-9_-])+$"
Kind = Literal["weights", "data"]
Layout = Literal["checkpoint", "archive", "file"]
Name = Annotated[str, StringConstraints(pattern=NAME)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Artifact(_Strict):
    """One file of weights or of a data set."""

    what: Text
    """What it holds, for people."""
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+/\S+$")] | None = None
    """Where it is; absent where timm says, or where only who signs in may have it."""
    timm: Text | None = None
    """The name and tag of timm's pretrained weights; timm knows their address."""
    login: Text | None = None
    """Where and how who signs in gets the file, which is then given to ``--from``."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,64}$")] | None = None
    """As published: whole, or its first digits."""
    md5: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] | None = None
    size: Annotated[int, Field(gt=0)] | None = None
    """Bytes of the file, where they are known."""
    license: Text
    serves: tuple[Text, ...] = Field(min_length=1, strict=False)
    """Models whose weights these are, or what params call the data set."""
    layout: Layout
    """``archive`` is unpacked (tar, tar.gz or zip); ``file`` is used as it is."""
    root: Annotated[str, StringConstraints(pattern=r"^[^/\s][^\s]*$")] | None = None
    """The folder of an archive that is handed out; absent: all of it."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [key for key in ("url", "timm", "login") if getattr(self, key) is not None]
        if len(named) != 1:
            found = " and ".join(named) or "none"
            raise ValueError(f"want exactly one of url, timm and login, got {found}")
        if self.root is not None and self.layout != "archive":
            raise ValueError(f"want root only beside layout: archive, got layout: {self.layout}")
        if self.root is not None and ".." in self.root.split("/"):
            raise ValueError(f"want root inside the archive, got {self.root!r}")
        return self

    @property
    def source(self) -> str:
        """Say in one word where it comes from; what was pinned is pinned for this source."""
        return self.url or (f"timm:{self.timm}" if self.timm else "login")

    @property
    def published(self) -> str | None:
        """The digest that was published, with its kind, or None."""
        if self.sha256 is not None:
            return f"sha256:{self.sha256}"
        return f"md5:{self.md5}" if self.md5 is not None else None


class CatalogueFile(_Strict):
    """A file of artifacts."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    artifacts: dict[Name, Artifact]
    unpublished: dict[Text, Text] = {}
    """Models whose authors published no weights, and what is known of that."""

    @model_validator(mode="after")
    def _kinds(self) -> Self:
        for name, entry in self.artifacts.items():
            if name.startswith("weights/") != (entry.layout == "checkpoint"):
                raise ValueError(
                    f"want layout: checkpoint for weights and for nothing else, "
                    f"got layout: {entry.layout} for {name!r}"
                )
        return self


def read_catalogue(path: Path) -> CatalogueFile:
    """Read a file of artifacts.

    Raises:
        ReproductionError: it cannot be read, or is not well formed.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(path.read_bytes(), Loader=loader)  # a safe loader, in C where there is one
        return CatalogueFile.model_validate(data)
    except OSError as error:
        raise ReproductionError(
            f"{path}: want a readable catalogue of artifacts, found: {error.strerror}"
        ) from error
    except (yaml.YAMLError, ValidationError) as error:
        told = " ".join(str(error).split())
        raise ReproductionError(f"{path}: want a well-formed catalogue, found: {told}") from error


_OWN: dict[str, CatalogueFile] = {}
"""Catalogues of the project at work, by their files."""


def declare_artifacts(path: Path, catalogue: CatalogueFile | None = None) -> None:
    """Add the artifacts of a project to those that come with this package.

    Args:
        path: the file, which messages name.
        catalogue: what it says, where somebody has read it already.

    Raises:
        ReproductionError: it is not well formed, or a name of its is taken.
    """
    catalogue = catalogue or read_catalogue(path)
    others = [built_in(), *(own for file, own in _OWN.items() if file != str(path))]
    taken = [name for other in others for name in catalogue.artifacts if name in other.artifacts]
    if taken:
        raise ReproductionError(
            f"{path}: want names of its own, got {taken[0]!r}, which another catalogue has; "
            "rename it"
        )
    _OWN[str(path)] = catalogue


def use_catalogue(path: Path | None, catalogue: CatalogueFile | None = None) -> None:
    """Put a project's artifacts in place of those of the project before; None: it has none."""
    _OWN.clear()
    if path is not None:
        declare_artifacts(path, catalogue)


@cache
def built_in() -> CatalogueFile:
    """Read the catalogue of this package, once."""
    return read_catalogue(CATALOGUE)


def artifacts() -> Mapping[str, Artifact]:
    """Give every artifact by name, those of the project last."""
    return {
        name: entry
        for catalogue in (built_in(), *_OWN.values())
        for name, entry in catalogue.artifacts.items()
    }


def artifact(name: str) -> Artifact:
    """Look an artifact up.

    Raises:
        NotMeasurableError: its authors published none.
        ReproductionError: nothing is called so.
    """
    known = artifacts()
    if name in known:
        return known[name]
    model = name.removeprefix("weights/")
    for catalogue in (*_OWN.values(), built_in()):
        if model in catalogue.unpublished:
            raise NotMeasurableError(
                f"wants the weights of {model}, found none: {catalogue.unpublished[model]}"
            )
    raise ReproductionError(f"no artifact {name!r}{guess(name, known)}")


def matching(pattern: str) -> list[str]:
    """List the artifacts that a user names: whole, by the end of their name, or by a pattern.

    Example:
        >>> matching("vig_s"), matching("weights/vig_?")
        (['weights/vig_s'], ['weights/vig_b', 'weights/vig_s'])

    Raises:
        NotMeasurableError: the model's authors published no weights.
        ReproductionError: nothing is called so.
    """
    known = artifacts()
    found = [name for name in known if any(fnmatchcase(end, pattern) for end in _ends(name))]
    if not found:
        artifact(pattern if re.match(NAME, pattern) else f"weights/{pattern}")
    return sorted(found)


def serving(model: str) -> tuple[str, ...]:
    """Name the artifacts that hold weights of a model; none where none are known."""
    return tuple(
        name
        for name, entry in artifacts().items()
        if name.startswith("weights/") and model in entry.serves
    )


def short(name: str) -> str:
    """Give the shortest end of a name that means nothing else, as a user would type it."""
    known = artifacts()
    for end in reversed(list(_ends(name))):
        if sum(end in _ends(other) for other in known) == 1:
            return end
    return name


def _ends(name: str) -> Iterable[str]:
    """Yield a name and what stands behind each of its slashes, longest first."""
    parts = name.split("/")
    return ("/".join(parts[start:]) for start in range(len(parts)))


def guess(name: str, known: Iterable[str]) -> str:
    """Say which known artifact was perhaps meant, or where all are listed."""
    ends = {end: full for full in known for end in _ends(full)}
    wanted = name.removeprefix("weights/").removeprefix("data/")
    close = difflib.get_close_matches(wanted, ends, n=1, cutoff=0.7)
    hint = f"; did you mean {ends[close[0]]!r}?" if close else ""
    return hint or "; `verify fetch` lists all"
