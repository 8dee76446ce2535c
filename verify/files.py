"""Writing a file whole or not at all, and removing one: an error is one sentence."""

from pathlib import Path

from reproductions.files import write_whole
from verify.errors import VerifyError


def write_atomically(path: Path, text: str) -> None:
    """Write to a temporary file beside ``path``, fsync, rename.

    Raises:
        VerifyError: the folder cannot be written; the old file stands as it was.
    """
    try:
        write_whole(path, text.encode())
    except OSError as error:
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
