"""Ledgers by any name a person has for them: a file, a folder, a machine, a commit."""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from verify.errors import LedgerDamagedError, VerifyError
from verify.ledger import LEDGER, Event, Ledger, combined_head, read_ledgers

_GIT_TIME_LIMIT_S = 60


@dataclass(frozen=True)
class Side:
    """Ledgers that are compared with others."""

    name: str
    """As it was asked for."""
    ledgers: Mapping[str, Sequence[Event]]
    """By machine."""

    @property
    def head(self) -> str | None:
        """The hash that stands for all events."""
        return combined_head(self.ledgers)

    @property
    def number(self) -> int:
        """How many events there are."""
        return sum(len(events) for events in self.ledgers.values())


def side(root: Path, name: str) -> Side:
    """Read the ledgers that a name stands for, the first of these that exists.

    A file; a folder with a ledger, with folders of machines or with ``results/``; a machine of
    this project; a commit, of which the ledgers as they stood in it.

    Args:
        root: Folder of the project.
        name: What was typed.

    Raises:
        LedgerDamagedError: a chain does not hold.
        VerifyError: it stands for no ledger.
    """
    for found in (Path(name), root / "results" / name):
        if name and _exists(found):
            ledgers = _below(found)
            if any(ledgers.values()):
                return Side(name, ledgers)
    # A branch may be called as a folder is: a folder without a ledger is no answer.
    commit = _commit(root, name)
    if commit is None:
        raise VerifyError(
            f"{name!r}: want a ledger file, a folder of ledgers, a machine of results/ or a "
            "commit, found none of them; correct it"
        )
    ledgers = _committed(root, commit, name)
    if not any(ledgers.values()):
        raise VerifyError(
            f"commit {name!r}: want a ledger below results/, found none; name another commit"
        )
    return Side(name, ledgers)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name no file can have, such as one with a NUL
        return False


def _below(path: Path) -> dict[str, list[Event]]:
    """Read the ledgers of a file or folder."""
    if path.is_file() and path.name != LEDGER:
        with tempfile.TemporaryDirectory() as folder:
            return _read_copies(Path(folder), {path.stem: _bytes_of(path)}, {path.stem: str(path)})
    if path.is_file():
        path = path.parent
    if (path / LEDGER).is_file():
        return {path.resolve().name: Ledger(path).events()}
    inner = path / "results"
    return read_ledgers(inner if inner.is_dir() else path)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VerifyError(
            f"{path}: want a readable ledger, found none ({error.strerror}); correct that"
        ) from error


def _read_copies(
    folder: Path, found: Mapping[str, bytes], names: Mapping[str, str]
) -> dict[str, list[Event]]:
    """Read ledgers that do not stand in a folder of their machine, by way of one that does.

    Args:
        folder: An empty one, for the copies.
        found: What they hold, by machine.
        names: What to call each where it is damaged.
    """
    for machine, content in found.items():
        (folder / machine).mkdir()
        (folder / machine / LEDGER).write_bytes(content)
    try:
        return read_ledgers(folder)
    except LedgerDamagedError as error:
        told = str(error)
        for machine, name in names.items():
            told = told.replace(str(folder / machine / LEDGER), name)
        raise LedgerDamagedError(told) from error


def _commit(root: Path, name: str) -> str | None:
    """Resolve a commit, a tag or a branch; never an option, whatever was typed."""
    spec = f"{name}^{{commit}}"
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", spec)
    return None if found is None else found.decode().strip()


def _committed(root: Path, commit: str, name: str) -> dict[str, list[Event]]:
    """Read the ledgers as they stood in a commit."""
    listed = _git(root, "ls-tree", "-r", "-z", "--name-only", commit, "--", "results") or b""
    found, names = {}, {}
    for raw in listed.split(b"\0"):
        path = Path(os.fsdecode(raw))
        if path.name == LEDGER:
            content = _git(root, "show", f"{commit}:./{path.as_posix()}")
            if content is None:
                raise VerifyError(f"commit {name!r}: {path} cannot be read; fetch it and run again")
            found[path.parent.name] = content
            names[path.parent.name] = f"commit {name!r}, {path.as_posix()}"
    with tempfile.TemporaryDirectory() as folder:
        return _read_copies(Path(folder), found, names)


def _git(root: Path, *arguments: str) -> bytes | None:
    """Return what git prints in ``root``; None where it refuses or is missing."""
    # A git hook exports GIT_DIR and GIT_INDEX_FILE, which would win over ``root``.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(
            ["git", "--no-optional-locks", *arguments],
            cwd=root,
            env=clean,
            capture_output=True,
            check=True,
            timeout=_GIT_TIME_LIMIT_S,
        ).stdout
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
