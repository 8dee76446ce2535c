"""Whether a file that came is a whole checkpoint. Torch is loaded only where one has to be read."""

import zipfile
import zlib
from importlib import import_module
from pathlib import Path

from safetensors import SafetensorError, safe_open

from reproductions.artifact_cache import is_safetensors
from reproductions.errors import ReproductionError

__all__ = ["NOT_KEPT", "damage", "wrong_kind"]

NOT_KEPT = "the file was not kept; try again, or get it elsewhere and give it with --from FILE"

_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)
"""What reading a damaged zip comes to."""


def wrong_kind(path: Path, origin: str) -> str | None:
    """Tell whole weights from a part of them, and from a page that asks to sign in.

    Args:
        path: the file.
        origin: who it is from.

    Returns:
        What was wanted and what came, in one sentence without the artifact; None if all is well.
    """
    with path.open("rb") as stream:
        head = stream.read(9)
    if is_safetensors(path):
        is_whole = _covers_its_header(path)
    elif head.startswith(b"PK"):
        is_whole = zipfile.is_zipfile(path)  # looks for what stands at the end
    elif head.startswith(b"\x80"):
        is_whole = True  # as torch wrote before: only reading it all would tell
    else:
        return (
            f"want a checkpoint of torch or safetensors, got a file from {origin} that begins "
            f"with {head!r}; {NOT_KEPT}"
        )
    if is_whole:
        return None
    return (
        f"want a whole checkpoint, got {path.stat().st_size} bytes from {origin} that lack the "
        f"end; {NOT_KEPT}"
    )


def damage(path: Path, origin: str, name: str) -> str | None:
    """Hold a checkpoint to all that it says of itself, where no digest says what it should be.

    Torch reads zips without a look at their checksums: a flipped byte would be another weight.

    Args:
        path: the file, of the right kind.
        origin: who it is from.
        name: of the artifact.

    Returns:
        As for ``wrong_kind``.
    """
    member = _damaged_member(path) if zipfile.is_zipfile(path) else None
    if member is not None:
        return (
            f"want an undamaged checkpoint, got one from {origin} in which {member} is not what "
            f"its checksum is of; {NOT_KEPT}"
        )
    try:
        import_module("reproductions.checkpoints").read_plain(path, name)
    except ReproductionError as error:
        return str(error).removeprefix(f"{name}: ")
    return None


def _covers_its_header(path: Path) -> bool:
    try:
        with safe_open(path, framework="numpy"):
            return True
    except SafetensorError:
        return False


def _damaged_member(path: Path) -> str | None:
    """Name the first member of a zip whose content is not that of its CRC-32."""
    try:
        with zipfile.ZipFile(path) as archive:
            # ``set_crc32_options(False)`` of torch writes 0 for every member: nothing to hold to.
            if not any(member.CRC for member in archive.infolist()):
                return None
            damaged = archive.testzip()
    except _BROKEN_ZIP as error:
        return f"its list of members ({' '.join(str(error).split()) or type(error).__name__})"
    return None if damaged is None else repr(damaged)
