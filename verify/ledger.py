"""The ledger: one JSON event a line, append-only, each holding the hash of the one before.

A line is the canonical JSON of its event and is checked byte for byte, so no byte can change
unseen; taking whole events off the end is seen only against a head kept elsewhere. A line that
a crash cut short was never finished: readers pass over it, the next append sets it aside.
"""

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from reproductions.files import sync_folder
from verify.digest import digest
from verify.environment import tool_version
from verify.errors import LedgerDamagedError, VerifyError
from verify.event import (
    NO_EVENT,
    SCHEMA,
    BadEventError,
    Event,
    Json,
    Kind,
    read_event,
    sha256_of,
    written,
)

__all__ = [
    "LEDGER",
    "NO_EVENT",
    "Event",
    "Kind",
    "Ledger",
    "combined_head",
    "open_ledgers",
    "read_ledgers",
]

LEDGER: Final = "ledger.jsonl"
_SET_ASIDE: Final = "ledger.torn-" + 12 * "[0-9a-f]"
_LOCK_WAIT_S: Final = 60
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Ledger:
    """The ledger of one class of machine.

    Several processes may append at the same time; within one process a ledger belongs to one
    thread. A folder without a ledger holds no events.
    """

    def __init__(self, folder: Path, *, tool: str | None = None) -> None:
        """Name the ledger; nothing is read yet.

        Args:
            folder: ``results/<machine>``; the first append creates it.
            tool: version written into events; by default that of this installation.
        """
        self.path = folder / LEDGER
        self._folder = folder
        self._tool = tool
        self._forget()

    def _forget(self) -> None:
        self._events: list[Event] = []
        self._size = 0  # bytes of the events; a torn tail stands after them
        self._torn = b""
        self._status: os.stat_result | None = None

    @property
    def torn(self) -> bool:
        """Whether the last look found an unfinished line after the events."""
        return bool(self._torn)

    def events(self) -> list[Event]:
        """Read all finished events and verify their chain.

        Raises:
            LedgerDamagedError: a line is not the event that belongs there.
            VerifyError: the ledger cannot be read.
        """
        try:
            self._look()
            if not self.torn:
                return list(self._events)
        except LedgerDamagedError:
            pass
        # Another process may be in the middle of a write: bad news counts under the lock.
        with ExitStack() as stack:
            # On a read-only file system there is no lock to be had, and nobody who writes.
            with suppress(VerifyError):
                stack.enter_context(self._lock())
            self._look()
            return list(self._events)

    def append(self, kind: Kind, body: Json, *, digests: Json, environment: Json) -> Event:
        """Write one event; it is on disk when this returns.

        A torn tail is first moved to a file of its own, which a ``note`` records. If writing
        fails the ledger is left as it was.

        Args:
            kind: type of the event.
            body: what happened; anything JSON can hold.
            digests: what the event rests on, by name.
            environment: where it happened, see ``verify.environment``.

        Raises:
            LedgerDamagedError: the chain does not hold; nothing was written.
            VerifyError: the event has no JSON form, or the ledger cannot be written.
        """
        with _explained(self._folder, "a folder to write to"):
            self._folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            self._look()
            for name in self._set_aside():
                self._write("note", self._described(name), {}, environment)
            return self._write(kind, body, digests, environment)

    def _lock(self) -> AbstractContextManager[object]:
        path = self._folder / "ledger.lock"
        from filelock import FileLock  # noqa: PLC0415 - readers need no lock, and it loads slowly

        with _explained(path, f"the lock within {_LOCK_WAIT_S} s"):
            return FileLock(path, timeout=_LOCK_WAIT_S, poll_interval=0.005).acquire()

    def _look(self) -> None:
        """Read and verify what was added since the last look; all of it if that is unclear."""
        with _explained(self.path, "a readable ledger"):
            try:
                file = self.path.open("rb")
            except FileNotFoundError:
                self._forget()
                return
            with file:
                status = os.fstat(file.fileno())
                if not self._only_grew(status):
                    self._forget()
                file.seek(self._size)
                lines, self._torn = _split(file.read())
        try:
            for line in lines:
                self._events.append(read_event(line, len(self._events), _head(self._events)))
                self._size += len(line) + 1
        except BadEventError as error:
            at = f"{self.path}:{len(self._events) + 1}"
            self._forget()
            raise LedgerDamagedError(f"{at}: {error}; restore it from version control") from error
        self._status = status

    def _only_grew(self, status: os.stat_result) -> bool:
        """Tell whether the events already known still stand in the file, by its status."""
        if self._status is None or not os.path.samestat(self._status, status):
            return False
        return status.st_size > self._size or status.st_mtime_ns == self._status.st_mtime_ns

    def _set_aside(self) -> list[str]:
        """Move a torn tail to a file of its own; return the files that no note records yet.

        A crash after any step leaves the tail in the ledger, or the file without its note:
        either is found and finished by the next append.
        """
        names = []
        with _explained(self._folder, "to set an unfinished line aside"):
            if self._torn:
                names.append(f"ledger.torn-{sha256_of(self._torn)[:12]}")
                with (self._folder / names[0]).open("wb", buffering=0) as file:
                    _write_all(file.fileno(), self._torn)
                sync_folder(self._folder)
                with self.path.open("r+b", buffering=0) as file:
                    _cut(file.fileno(), self._size)
                self._torn = b""
            present = sorted(path.name for path in self._folder.glob(_SET_ASIDE))
        if present:
            recorded = [event.body.get("set_aside") for event in self._events]
            names += [name for name in present if name not in [*recorded, *names]]
        return names

    def _described(self, name: str) -> dict[str, object]:
        with _explained(self._folder / name, "to read a line set aside"):
            torn = (self._folder / name).read_bytes()
        return {"set_aside": name, "length": len(torn), "sha256": sha256_of(torn)}

    def _write(self, kind: Kind, body: Json, digests: Json, environment: Json) -> Event:
        """Append one event to a ledger that is locked, looked at and without a torn tail."""
        fields = {
            "seq": len(self._events),
            "prev": _head(self._events),
            "schema": SCHEMA,
            "tool": self._tool or tool_version(),  # not at once, as readers have no use for it
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "type": kind,
            "digests": dict(digests),
            "environment": dict(environment),
            "body": dict(body),
        }
        line = written(fields)
        try:
            event = read_event(line, len(self._events), _head(self._events))
        except BadEventError as error:
            raise VerifyError(f"{self.path}: an event cannot be written: {error}") from error
        if written({name: event.fields[name] for name in fields}) != line:
            raise VerifyError(f"{self.path}: an event cannot be written: want text as keys of it")
        with _explained(self.path, "to write an event"):
            self._status = _append(self.path, line + b"\n", self._size)
        self._events.append(event)
        self._size += len(line) + 1
        return event


def _split(tail: bytes) -> tuple[list[bytes], bytes]:
    """Part finished lines, without their ends, from what a crash left after them."""
    *lines, torn = tail.split(b"\n")
    if lines and not torn:
        try:
            json.loads(lines[-1])
        except (ValueError, RecursionError):
            torn = lines.pop() + b"\n"
    return lines, torn


def _head(events: Sequence[Event]) -> str:
    return events[-1].sha256 if events else NO_EVENT


@contextmanager
def _explained(place: Path, wanted: str) -> Iterator[None]:
    """Word what the system refuses."""
    try:
        yield
    except OSError as error:
        waited = isinstance(error, TimeoutError) and error.errno is None  # the lock's own
        found = "another process holding it" if waited else error.strerror
        remedy = "free space" if error.errno in _FULL else "correct that"
        raise VerifyError(
            f"{place}: want {wanted}, found {found}; nothing was lost; {remedy} and run again"
        ) from error


def _append(path: Path, line: bytes, size: int) -> os.stat_result:
    """Write ``line`` at the end of a file of ``size`` bytes, all of it or nothing."""
    with path.open("ab", buffering=0) as file:
        try:
            if size == 0:
                sync_folder(path.parent)
            _write_all(file.fileno(), line)
        except OSError:
            # Should this fail as well, the rest is a torn tail, which the next append sets aside.
            with suppress(OSError):
                _cut(file.fileno(), size)
                if size == 0:
                    path.unlink()  # an empty ledger is one that lost its events
            raise
        return os.fstat(file.fileno())


def _write_all(file: int, content: bytes) -> None:
    """Write to disk; the system takes all at once unless it is about to refuse the rest."""
    while content:
        content = content[os.write(file, content) :]
    os.fsync(file)


def _cut(file: int, size: int) -> None:
    os.ftruncate(file, size)
    os.fsync(file)


def open_ledgers(results: Path) -> dict[str, Ledger]:
    """Name every ``results/<machine>/ledger.jsonl`` by machine, sorted; nothing is read yet."""
    with _explained(results, "a folder of ledgers"):
        try:
            folders = sorted(results.iterdir())
        except FileNotFoundError:
            return {}
        return {folder.name: Ledger(folder) for folder in folders if (folder / LEDGER).exists()}


def read_ledgers(results: Path) -> dict[str, list[Event]]:
    """Read every ``results/<machine>/ledger.jsonl``.

    Returns:
        The finished events by machine, sorted by name; nothing for a missing folder.

    Raises:
        VerifyError: something cannot be read; LedgerDamagedError where a chain does not hold.
    """
    return {machine: ledger.events() for machine, ledger in open_ledgers(results).items()}


def combined_head(ledgers: Mapping[str, Sequence[Event]]) -> str | None:
    """Return the hash that stands for all events of all machines; None if there are none.

    It is the last event's hash where one machine has events, else the digest of the last
    hashes by machine.
    """
    heads = {machine: events[-1].sha256 for machine, events in ledgers.items() if events}
    return next(iter(heads.values())) if len(heads) == 1 else digest(heads) if heads else None
