"""Writing a file whole or not at all, and removing one."""

import os
import tempfile
from pathlib import Path

from verify.errors import VerifyError


def write_atomically(path: Path, text: str) -> None:
    """Write to a temporary file beside ``path``, fsync, rename.

    Raises:
        VerifyError: the folder cannot be written; the old file stands as it was.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as stream:
            temporary = Path(stream.name)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise _refused(path, "written", error) from error


def remove(path: Path) -> None:
    """Remove a file.

    Raises:
        VerifyError: the folder cannot be written, or it is no file.
    """
    try:
        path.unlink()
    except OSError as error:
        raise _refused(path, "removed", error) from error


def _refused(path: Path, what: str, error: OSError) -> VerifyError:
    return VerifyError(
        f"{path}: cannot be {what} ({error.strerror}); it stands as it was, "
        "make the folder writable and run again"
    )
