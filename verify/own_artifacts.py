"""The weights and data sets that a project adds to those the tool knows."""

from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from reproductions.artifacts import CatalogueFile, use_catalogue
from reproductions.errors import ReproductionError
from verify.refusals import problems_in
from verify.yaml_lines import Path_, Place, Problem, read, shown

_KEY: Path_ = ("artifacts",)


def use_artifacts(root: Path, file: str | None, index: Place) -> list[Problem]:
    """Read a project's catalogue and put it to use; without one the tool's own remains.

    Args:
        root: The project's folder.
        file: What ``claims.yaml`` names, if it does.
        index: Where that stands.

    Returns:
        What is wrong with it; then it is not used.
    """
    use_catalogue(None)
    if file is None:
        return []
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts:
        return [index.problem(_KEY, f"want a file of the project, got {file!r}; move it there")]
    document = read(root / path, file)
    if document.problems:
        return document.problems
    if not isinstance(document.data, dict):
        found = "an empty file" if document.data is None else shown(document.data)
        return [document.problem((), f"want the keys schema and artifacts, got {found}")]
    try:
        use_catalogue(root / path, CatalogueFile.model_validate(document.data))
    except ValidationError as error:
        return problems_in(error, Place(document), document.data, CatalogueFile)
    except ReproductionError as error:
        return [index.problem(_KEY, str(error).partition(": ")[2])]
    return []
