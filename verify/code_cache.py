"""What was read of Python files, kept from one command to the next.

Parsing the code that measurements rest on would take a fifth of ``verify list``. An entry is
found by the SHA-256 of the whole file, so that no clock and no path is trusted: a changed file
is another file. The cache is a convenience: where it cannot be read or written the files are
parsed again.
"""

import atexit
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from verify.errors import VerifyError
from verify.files import write_atomically


@dataclass(frozen=True, slots=True)
class Import:
    """One ``import`` or ``from`` statement; ``names`` is empty for a plain ``import``."""

    line: int
    level: int
    module: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a code digest wants of one file."""

    digest: str
    """Of its syntax tree."""
    imports: tuple[Import, ...]


_FORM = TypeAdapter(dict[str, Parsed])

_MOST = 4000
"""Entries kept; a cache that would hold more starts again."""


class CodeCache:
    """Entries by the SHA-256 of a file."""

    def __init__(self, path: Path | None) -> None:
        """Read the entries that stand at ``path``; none where it holds no such thing.

        Args:
            path: the file; None keeps entries for this process alone.
        """
        self._path = path
        self._entries: dict[str, Parsed] = {}
        self._is_changed = False
        if path is None:
            return
        with suppress(OSError, ValueError):
            self._entries = _FORM.validate_json(path.read_bytes(), strict=True)

    def get(self, content: bytes) -> Parsed | None:
        """Find the entry of a file by its content; None where it was never read."""
        return self._entries.get(_key(content))

    def put(self, content: bytes, entry: Parsed) -> None:
        """Keep an entry until the process ends, and from then on at the path."""
        if len(self._entries) >= _MOST:
            self._entries.clear()
        if not self._is_changed:
            atexit.register(self.save)
        self._is_changed = True
        self._entries[_key(content)] = entry

    def save(self) -> None:
        """Write the entries, if one is new; nothing happens where that is refused."""
        if self._is_changed and self._path is not None:
            with suppress(VerifyError):
                write_atomically(self._path, _FORM.dump_json(self._entries).decode())
            self._is_changed = False


@cache
def code_cache(maker: Path) -> CodeCache:
    """Open the cache of this user for entries as the module at ``maker`` makes them.

    Another version of that module has another cache.
    """
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user without a home
        return CodeCache(None)
    name = f"code-{hashlib.sha256(maker.read_bytes()).hexdigest()[:16]}.json"
    return CodeCache(home / "vig-verify" / name)


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
