"""A file that is being fetched: it grows, is digested as it grows, and outlives its process."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproductions.files import write_whole

__all__ = ["Digests", "Part"]

_SYNC_BYTES = 32 << 20
_SYNC_S = 1.0
"""How much a power cut or a kill may cost: what came since, in bytes or in time."""


@dataclass(frozen=True)
class Digests:
    """What a file came out as."""

    sha256: str
    md5: str
    size: int


class Part:
    """A file that is growing, its digests so far, and which version of the remote file it is of."""

    def __init__(self, path: Path, url: str) -> None:
        self.path, self.url = path, url
        self.note_path = path.with_name(f"{path.name}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.version: dict[str, Any] = self._known_version()
        self.size = self.synced = 0
        self._synced_at = time.monotonic()
        self._hashes = (hashlib.sha256(), hashlib.md5(usedforsecurity=False))
        self.file = path.open("r+b" if path.exists() else "w+b", buffering=0)
        synced = self.version.get("synced")
        self._take_up(synced if isinstance(synced, int) and synced > 0 else 0)

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what is noted already stays true
            if self.size > self.synced:
                self.sync()
        self.file.close()
        if self.size == 0:
            self.remove()

    @property
    def validator(self) -> str | None:
        """What ``If-Range`` takes: a strong entity tag, or a date."""
        tag = self.version.get("etag")
        strong = isinstance(tag, str) and not tag.startswith("W/")
        return tag if strong else self.version.get("modified")

    @property
    def digests(self) -> Digests:
        """Give the digests of what is there."""
        sha256, md5 = (state.hexdigest() for state in self._hashes)
        return Digests(sha256, md5, self.size)

    def restart(self, headers: Mapping[str, str] | None = None) -> None:
        """Throw away what is there; ``headers`` say which version comes now."""
        headers = headers or {}
        self._hashes = (hashlib.sha256(), hashlib.md5(usedforsecurity=False))
        self.file.seek(0)
        self.file.truncate()
        self.size = self.synced = 0
        self.version = {
            "url": self.url,
            "etag": headers.get("ETag"),
            "modified": headers.get("Last-Modified"),
        }
        self._write_note()

    def write(self, chunk: bytes) -> None:
        """Take more."""
        rest = memoryview(chunk)
        while rest:
            rest = rest[self.file.write(rest) :]
        for state in self._hashes:
            state.update(chunk)
        self.size += len(chunk)
        late = time.monotonic() - self._synced_at >= _SYNC_S
        if late or self.size - self.synced >= _SYNC_BYTES:
            self.sync()

    def sync(self) -> None:
        """Have all of it on the disk, and that noted: so much a later process can rely on."""
        os.fsync(self.file.fileno())
        self.synced, self._synced_at = self.size, time.monotonic()
        self._write_note()

    def remove(self) -> None:
        """Leave nothing."""
        self.synced = self.size
        self.path.unlink(missing_ok=True)
        self.note_path.unlink(missing_ok=True)

    def _known_version(self) -> dict[str, Any]:
        try:
            version = json.loads(self.note_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        same = isinstance(version, dict) and version.get("url") == self.url
        return version if same else {}

    def _take_up(self, length: int) -> None:
        if os.fstat(self.file.fileno()).st_size < length:
            self.restart()  # somebody else has shortened it
            return
        self.file.truncate(length)  # what was never synced may be anything
        while chunk := self.file.read(_SYNC_BYTES):
            for state in self._hashes:
                state.update(chunk)
            self.size += len(chunk)
        self.synced = self.size

    def _write_note(self) -> None:
        write_whole(self.note_path, json.dumps(self.version | {"synced": self.synced}).encode())
