"""The site's folder: written whole or not at all, and never over files of somebody else's."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from verify.environment import tool_version
from verify.errors import VerifyError
from verify.publish.site.facts import Facts
from verify.publish.site.marks import mistakes

MARKER = "made-by-vig-verify.json"
"""Lists every file of the site by its SHA-256: what is not as listed is not ours to replace."""


def write(out: Path, files: Iterable[tuple[str, str]]) -> int:
    """Write all files beside the folder, then put them in its place at once.

    Args:
        out: The folder; absent, empty, or a site written before.
        files: Name below the folder, and text.

    Returns:
        How many files the site has.

    Raises:
        VerifyError: it holds foreign or edited files, or cannot be written; it stands as it was.
    """
    out = _resolved(out)
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
    made = {}
    folders = {fresh}
    for name, text in files:
        path = fresh / name
        if path.parent not in folders:
            path.parent.mkdir(parents=True)
            folders.add(path.parent)
        content = text.encode()
        path.write_bytes(content)
        made[name] = _sha256_of(content)
    with (fresh / MARKER).open("w", encoding="utf-8") as stream:
        stream.write(_marker(made))
        stream.flush()
        # All at once: ten thousand pages one by one would take longer than making them.
        os.sync()
    return len(made)


def _marker(made: Mapping[str, str]) -> str:
    whole = {"made_by": f"vig-verify {tool_version()}", "files": dict(sorted(made.items()))}
    return json.dumps(whole, indent=1) + "\n"


def _sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _resolved(out: Path) -> Path:
    """Follow the links of a folder's name.

    Raises:
        VerifyError: no folder can have it.
    """
    found = Path(os.path.realpath(out))
    try:
        found.stat()
    except FileNotFoundError:
        pass
    except OSError as error:
        file = next((str(parent) for parent in found.parents if os.path.isfile(parent)), None)  # noqa: PTH113  # must not raise
        why = f"the file {file} on the way" if file else f"an unusable name ({error.strerror})"
        raise VerifyError(
            f"{out}: want a folder, found {why}; name another one with --out"
        ) from error
    return found


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
    out = _resolved(out)
    if not (out / MARKER).is_file():
        raise VerifyError(
            f"{out}: want a published site, found none; run `verify publish site` first, "
            "or name its folder with --out"
        )
    left = set(_present(out)) - {MARKER}
    made = {}
    for name, text in files:
        made[name] = _sha256_of(text.encode())
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
    if _read(out / MARKER) != _marker(made).encode():
        yield f"{MARKER}: would change"
    before = _listed(out / MARKER)
    for name in sorted(left):
        yield f"{name}: {'no longer made' if name in before else 'not made by this tool'}"


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
    ours = _listed(out / MARKER)
    present = [name for name in _present(out) if name != MARKER]
    foreign = [name for name in present if name not in ours]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise VerifyError(
            f"{out}: want an empty folder or a site made by this tool, found {foreign[0]!r}{more}; "
            "move it away or name another folder with --out"
        )
    for name in present:
        if _sha256_of(_read(out / name) or b"") != ours[name]:
            raise VerifyError(
                f"{out}: want a site as this tool made it, found {name!r} edited since; remove it "
                "to have it made again, or name another folder with --out"
            )


def _listed(marker: Path) -> dict[str, str]:
    """Read which files were made, by name, with the SHA-256 of each."""
    with suppress(OSError, ValueError):
        found = json.loads(marker.read_bytes())
        if isinstance(found, dict) and isinstance(found.get("files"), dict):
            return {name: str(sha256) for name, sha256 in found["files"].items()}
    return {}


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
