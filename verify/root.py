"""Where the project is; reading claims is another matter."""

from pathlib import Path

from verify.errors import VerifyError


def find_root(start: Path | None) -> Path:
    """Find the project folder: the one given, or the nearest above here with a ``claims.yaml``.

    Raises:
        VerifyError: there is none.
    """
    if start is not None:
        candidates = [start.resolve()]
    else:
        here = Path.cwd()
        candidates = [here, *here.parents, Path(__file__).resolve().parent.parent]
    for folder in candidates:
        if (folder / "claims.yaml").is_file():
            return folder
    raise VerifyError(
        f"{candidates[0]}: want a folder with claims.yaml, found none; "
        "run inside a project or name one with --project DIR"
    )
