"""The site's folder: written whole or not at all, and never over files of somebody else's."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from verify.environment import tool_version
from verify.errors import VerifyError
from verify.publish.site.facts import Facts
from verify.publish.site.marks import mistakes

MARKER = "made-by-vig-verify.json"
"""Lists every file of the site: what it does not list is not ours to replace."""


def write(out: Path, files: Iterable[tuple[str, str]]) -> int:
    """Write all files beside the folder, then put them in its place at once.

    Args:
        out: The folder; absent, empty, or a site written before.
        files: Name below the folder, and text.

    Returns:
        How many files the site has.

    Raises:
        VerifyError: it holds foreign files, or cannot be written; it stands as it was.
    """
    out = out.resolve()
    _require_ours(out)
    fresh: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.is_dir() and not os.access(out, os.W_OK):
            raise PermissionError(None, "Permission denied")
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        number = _fill(fresh, files)
        fresh.chmod(0o755)
        _put_in_place(fresh, out)
    except OSError as error:
        raise VerifyError(
            f"{out}: cannot be written ({error.strerror}); it stands as it was, "
            "make the folder writable or name another one with --out"
        ) from error
    finally:
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)
    return number


def _fill(fresh: Path, files: Iterable[tuple[str, str]]) -> int:
    names = []
    folders = {fresh}
    for name, text in files:
        path = fresh / name
        if path.parent not in folders:
            path.parent.mkdir(parents=True)
            folders.add(path.parent)
        path.write_bytes(text.encode())
        names.append(name)
    with (fresh / MARKER).open("w", encoding="utf-8") as stream:
        stream.write(_marker(names))
        stream.flush()
        # All at once: ten thousand pages one by one would take longer than making them.
        os.sync()
    return len(names)


def _marker(names: Iterable[str]) -> str:
    made = {"made_by": f"vig-verify {tool_version()}", "files": sorted(names)}
    return json.dumps(made, indent=1) + "\n"


def _put_in_place(fresh: Path, out: Path) -> None:
    """Rename the new folder to the old one's name; if that fails the old one comes back."""
    if not out.exists():
        fresh.rename(out)
        return
    before = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    kept = before / out.name
    try:
        out.rename(kept)
        fresh.rename(out)
    finally:  # however it ended, an interruption included
        if not out.exists() and kept.exists():
            kept.rename(out)
        shutil.rmtree(before, ignore_errors=True)


def outdated(out: Path, files: Iterable[tuple[str, str]], facts: Facts) -> Iterator[str]:
    """Name every file that would change, and every number on a page that is not the ledger's.

    Args:
        out: The folder.
        files: Name below the folder, and text, as they would be written now.
        facts: The numbers as the ledgers have them.

    Raises:
        VerifyError: there is no site, or something cannot be read.
    """
    out = out.resolve()
    if not (out / MARKER).is_file():
        raise VerifyError(
            f"{out}: want a published site, found none; run `verify publish site` first, "
            "or name its folder with --out"
        )
    left = set(_present(out)) - {MARKER}
    names = []
    for name, text in files:
        names.append(name)
        left.discard(name)
        found = _read(out / name)
        if found is None:
            yield f"{name}: missing"
            continue
        if found != text.encode():
            yield f"{name}: would change"
        if name.endswith(".html"):
            for mistake in mistakes(facts, found.decode(errors="replace")):
                yield f"{name}: {mistake}"
    if _read(out / MARKER) != _marker(names).encode():
        yield f"{MARKER}: would change"
    for name in sorted(left):
        yield f"{name}: no longer made"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise VerifyError(
            f"{path}: want a readable file, found none ({error.strerror}); correct that"
        ) from error


def _require_ours(out: Path) -> None:
    """Refuse a folder that holds what no run of this tool has put there."""
    if not out.exists():
        return
    if not out.is_dir():
        raise VerifyError(f"{out}: want a folder, found a file; name another one with --out")
    present = _present(out)
    ours = {MARKER, *_listed(out / MARKER)}
    foreign = [name for name in present if name not in ours]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise VerifyError(
            f"{out}: want an empty folder or a site made by this tool, found {foreign[0]!r}{more}; "
            "move it away or name another folder with --out"
        )


def _listed(marker: Path) -> list[str]:
    with suppress(OSError, ValueError):
        found = json.loads(marker.read_bytes())
        if isinstance(found, dict) and isinstance(found.get("files"), list):
            return [str(name) for name in found["files"]]
    return []


def _present(out: Path) -> list[str]:
    """List everything below a folder but the folders of files, sorted; links are not followed."""
    found = []
    try:
        for folder, folders, names in os.walk(out, onerror=_raise):
            inside = Path(folder)
            empty = not names and not folders and inside != out
            links = [name for name in folders if (inside / name).is_symlink()]
            found += [(inside / name).relative_to(out).as_posix() for name in (*names, *links)]
            if empty:
                found.append(f"{inside.relative_to(out).as_posix()}/")
    except OSError as error:
        raise VerifyError(
            f"{out}: want a readable folder, found none ({error.strerror}); correct that"
        ) from error
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error
