"""One file over HTTP, to the end: resumed, tried again, digested on the way. Imports no torch.

What has arrived stays in a part file beside a note of which version of the remote file it is of.
A later try asks for the rest on condition that this version still stands (``If-Range``); a server
that has another one, or does not resume, sends it from the start.
"""

import errno
import shutil
from dataclasses import dataclass
from typing import Protocol

import requests

from reproductions.part_file import Digests, Part
from reproductions.web import Answer, DownloadError, Limits, TransientError

__all__ = ["Downloaded", "Observer", "download"]

_PROGRESS_BYTES = 1 << 20
"""A try that brought so much was worth it: the count of tries begins anew."""
_LONGEST_PAUSE_S = 60.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Observer(Protocol):
    """Who is told how far it is."""

    def began(self, name: str, done: int, total: int | None) -> None:
        """Hear that bytes will come, from ``done`` on."""

    def advanced(self, done: int) -> None:
        """Hear how many bytes are there."""

    def note(self, text: str) -> None:
        """Hear of something that a person may want to know."""


@dataclass(frozen=True)
class Downloaded:
    """A file that arrived whole, as far as its server says."""

    digests: Digests
    host: str
    """Who sent it, behind all redirects."""
    announced_sha256: str | None
    """The digest that the host of the address itself announced, if it did."""


def download(part: Part, name: str, observer: Observer, limits: Limits | None = None) -> Downloaded:
    """Fetch ``part.url`` into its part, from where it stands, to the end.

    Args:
        part: what is there by now; it keeps whatever arrives, also if this fails.
        name: what messages call it.
        observer: who is told how far it is.
        limits: how patient to be.

    Raises:
        DownloadError: it cannot be had, or not now; says which.
    """
    limits = limits or Limits()
    tries = 0
    with requests.Session() as session:
        while True:
            before = part.size
            try:
                return _attempt(session, part, name, observer, limits)
            except TransientError as trouble:
                tries = 1 if part.size - before >= _PROGRESS_BYTES else tries + 1
                if tries >= limits.tries:
                    kept = f"; {part.size} bytes are kept for the next run" if part.size else ""
                    raise DownloadError(
                        f"{name}: {trouble}, {tries} times in a row{kept}; try again later"
                    ) from trouble
                pause = max(limits.pause_s * 2 ** (tries - 1), trouble.after_s)
                pause = min(pause, _LONGEST_PAUSE_S)
                observer.note(f"{name}: {trouble}; again in {pause:g} s")
                limits.sleep(pause)
            except OSError as error:
                raise _disk_error(name, part, error) from error


def _attempt(
    session: requests.Session, part: Part, name: str, observer: Observer, limits: Limits
) -> Downloaded:
    """Ask once and take what comes.

    Raises:
        TransientError: another try may do better.
        DownloadError: no try will.
        OSError: the disk.
    """
    with Answer(session, part, name, limits) as answer:
        answer.examine()
        if answer.complete:
            return Downloaded(part.digests, answer.host, answer.announced)
        if not answer.goes_on:
            part.restart(answer.headers)
        _require_room(name, part, answer.total)
        observer.began(name, part.size, answer.total)
        for chunk in answer.chunks():
            part.write(chunk)
            observer.advanced(part.size)
        if answer.total is not None and part.size != answer.total:
            raise TransientError(
                f"{answer.host} announced {answer.total} bytes and sent {part.size}"
            )
        part.sync()
    return Downloaded(part.digests, answer.host, answer.announced)


def _require_room(name: str, part: Part, total: int | None) -> None:
    if total is None:
        return
    free = shutil.disk_usage(part.path.parent).free
    if total - part.size > free:
        raise DownloadError(
            f"{name}: {part.path.parent}: want {total - part.size} bytes of disk, found {free} "
            "free; make room or name another cache with --cache DIR"
        )


def _disk_error(name: str, part: Part, error: OSError) -> DownloadError:
    if error.errno in _FULL:
        return DownloadError(
            f"{name}: {part.path.parent}: the disk is full after {part.size} bytes; make room and "
            f"run again, which goes on at {part.synced}, or name another cache with --cache DIR"
        )
    return DownloadError(
        f"{name}: {part.path.parent}: cannot be written ({error.strerror}); make it writable or "
        "name another cache with --cache DIR"
    )
