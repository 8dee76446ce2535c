"""From an artifact's name to a checked file in the cache. Imports no torch.

Nothing is recorded before the file has its digest and is of the kind it should be; one that is
not is removed. Two processes that want the same artifact take turns.
"""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from reproductions.artifact_cache import (
    Cache,
    Listing,
    Pin,
    Record,
    Stamp,
    Trust,
    key_of,
)
from reproductions.artifacts import Artifact, artifact, short
from reproductions.checkpoint_files import NOT_KEPT, damage, wrong_kind
from reproductions.downloads import Observer, download
from reproductions.errors import ReproductionError
from reproductions.files import sync_folder, write_whole
from reproductions.part_file import Digests, Part
from reproductions.timm_weights import timm_address
from reproductions.unpacking import DiskError, unpack
from reproductions.web import Limits

__all__ = ["Fetched", "fetch"]

_CHUNK_BYTES = 1 << 20
_WHOLE = 64
_GRACE_S = 0.2


@dataclass(frozen=True)
class Fetched:
    """An artifact that is in the cache now."""

    record: Record
    path: Path
    new: bool
    """Whether it was not there before."""
    pinned: bool
    """Whether its digest was pinned just now, being the first one seen."""


@dataclass(frozen=True)
class _Obtained:
    """A file in its part, not trusted yet."""

    part: Part
    digests: Digests
    origin: str
    """Who it is from, for messages."""
    url: str | None
    announced: str | None = None


def fetch(
    name: str,
    cache: Cache,
    observer: Observer,
    *,
    given: Path | None = None,
    limits: Limits | None = None,
) -> Fetched:
    """Have an artifact in the cache: find it there, download it or take it from a file.

    Args:
        name: as the catalogue has it.
        cache: where to.
        observer: who is told how far it is.
        given: a file that the user has already, or for a data set a folder.
        limits: how patient to be with servers.

    Raises:
        NotMeasurableError: its authors published none.
        ReproductionError: it cannot be had, or what came is not it; nothing of it is kept.
    """
    entry = artifact(name)
    with _turn(name, entry, cache, observer):
        record = cache.record(name, entry)
        whole = record is not None and cache.problem(record, entry) is None
        if record is not None and whole and given is None:
            return Fetched(record, cache.place(record, entry), new=False, pinned=False)
        try:
            if given is not None and given.is_dir():
                return _folder(name, entry, cache, given)
            if record is not None and given is None and _unpacks_again(name, entry, cache, record):
                observer.note(f"{name}: unpacked again")
                return Fetched(record, cache.place(record, entry), new=True, pinned=False)
            obtained = _obtain(name, entry, cache, observer, given, limits)
            return _keep(name, entry, cache, observer, obtained)
        except OSError as error:
            raise _disk_error(name, cache, error) from error


@contextmanager
def _turn(name: str, entry: Artifact, cache: Cache, observer: Observer) -> Iterator[None]:
    """Wait until no other process fetches the same."""
    path = cache.root / "locks" / f"{key_of(name, entry)}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=_GRACE_S)
        except Timeout:
            observer.note(f"{name}: another process is fetching it; waiting")
            lock.acquire()
    except OSError as error:
        raise _disk_error(name, cache, error) from error
    try:
        yield
    finally:
        lock.release()


# -- getting it -------------------------------------------------------------------------


def _obtain(
    name: str,
    entry: Artifact,
    cache: Cache,
    observer: Observer,
    given: Path | None,
    limits: Limits | None,
) -> _Obtained:
    place = cache.root / "parts" / key_of(name, entry)
    if given is not None:
        return _copied(name, given, place, observer)
    if entry.login is not None:
        raise ReproductionError(
            f"{name}: {entry.login}; then run `verify fetch {short(name)} --from FILE`"
        )
    url = entry.url or timm_address(str(entry.timm))
    with Part(place, url) as part:
        came = download(part, name, observer, limits)
    return _Obtained(part, came.digests, came.host, url, came.announced_sha256)


def _copied(name: str, given: Path, place: Path, observer: Observer) -> _Obtained:
    """Copy the user's file, which may change later, and digest what was copied."""
    try:
        stream = given.open("rb")
    except OSError as error:
        raise ReproductionError(
            f"{given}: want a file that can be read, found: {error.strerror}; correct --from"
        ) from error
    with stream, Part(place, given.resolve().as_uri()) as part:
        part.restart()
        observer.began(name, 0, given.stat().st_size)
        try:
            while chunk := stream.read(_CHUNK_BYTES):
                part.write(chunk)
                observer.advanced(part.size)
            part.sync()
        except OSError:
            part.remove()  # the user has it still
            raise
    return _Obtained(part, part.digests, str(given), None)


def _folder(name: str, entry: Artifact, cache: Cache, given: Path) -> Fetched:
    """Note a folder of the user: it stays where it is, only its listing is held."""
    if name.startswith("weights/"):
        raise ReproductionError(f"{given}: want a file of weights, found a folder; name the file")
    folder = given.resolve()
    try:
        listing = Listing.of(folder)
    except OSError as error:
        raise ReproductionError(
            f"{given}: want a folder that can be read, found: {error.strerror} "
            f"({error.filename}); correct --from"
        ) from error
    if listing.files == 0:
        raise ReproductionError(f"{given}: want a folder with {entry.what}, found no file in it")
    record = Record(
        name=name,
        source=entry.source,
        trust="as given",
        url=None,
        sha256=None,
        md5=None,
        stamp=None,
        listing=listing,
        folder=str(folder),
    )
    write_whole(cache.record_path(name, entry), record.model_dump_json(indent=1).encode())
    return Fetched(record, folder, new=True, pinned=False)


# -- trusting it ------------------------------------------------------------------------


def _keep(
    name: str, entry: Artifact, cache: Cache, observer: Observer, obtained: _Obtained
) -> Fetched:
    """Check what came, put it in its place, unpack it, and only then record it."""
    pin = cache.pin(name, entry)
    problem = _wrong(entry, pin, obtained, cache.pin_path(name, entry))
    problem = problem or _no_checkpoint(name, entry, obtained)
    if problem is not None:
        obtained.part.remove()
        raise ReproductionError(f"{name}: {problem}")
    digests = obtained.digests
    listing = None
    if entry.layout == "archive":
        observer.note(f"{name}: unpacking")
        listing = _unpacked_part(name, entry, cache, obtained)
    place = cache.object(digests.sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    obtained.part.path.replace(place)
    obtained.part.remove()
    sync_folder(place.parent)
    pinned = pin is None and len(entry.sha256 or "") < _WHOLE
    if pinned:
        _pin(name, entry, cache, digests.sha256)
    trust: Trust = "first use" if entry.published is None else "published"
    record = Record(
        name=name,
        source=entry.source,
        trust=trust,
        url=obtained.url,
        sha256=digests.sha256,
        md5=digests.md5,
        stamp=Stamp.of(place),
        listing=listing,
    )
    write_whole(cache.record_path(name, entry), record.model_dump_json(indent=1).encode())
    return Fetched(record, cache.place(record, entry), new=True, pinned=pinned)


def _wrong(entry: Artifact, pin: Pin | None, obtained: _Obtained, pin_path: Path) -> str | None:
    """Hold a file to every digest that is known of it; say what is wrong, None if nothing is."""
    found, origin = obtained.digests, obtained.origin
    if found.size == 0:
        return f"want a file with something in it, got 0 bytes from {origin}; {NOT_KEPT}"
    if entry.size is not None and found.size != entry.size:
        return f"want {entry.size} bytes, got {found.size} from {origin}; {NOT_KEPT}"
    if entry.sha256 is not None and not found.sha256.startswith(entry.sha256):
        return _other("published", "SHA-256", entry.sha256, found.sha256, obtained)
    if entry.md5 is not None and found.md5 != entry.md5:
        return _other("published", "MD5", entry.md5, found.md5, obtained)
    if pin is not None and found.sha256 != pin.sha256:
        told = _other("of the first download", "SHA-256", pin.sha256, found.sha256, obtained)
        return f"{told}; it was pinned on {pin.first_used}, remove {pin_path} to trust the new one"
    if obtained.announced not in {None, found.sha256}:
        return _other("announced", "SHA-256", str(obtained.announced), found.sha256, obtained)
    return None


def _other(whose: str, kind: str, want: str, found: str, obtained: _Obtained) -> str:
    short_of = "..." if kind == "SHA-256" and len(want) < _WHOLE else ""
    return (
        f"want the {kind} {whose}, {want}{short_of}, got {found} for {obtained.digests.size} "
        f"bytes from {obtained.origin}; {NOT_KEPT}"
    )


def _no_checkpoint(name: str, entry: Artifact, obtained: _Obtained) -> str | None:
    """Say in what a file is not the weights it should be; None if nothing is wrong."""
    if entry.layout != "checkpoint":
        return None
    path, origin = obtained.part.path, obtained.origin
    problem = wrong_kind(path, origin)
    if problem is None and entry.published is None:  # a digest tells more than the file itself
        problem = damage(path, origin, name)
    return problem


def _unpacked_part(name: str, entry: Artifact, cache: Cache, obtained: _Obtained) -> Listing:
    """Unpack what came, which waits in its part: once it is whole, it is not fetched twice."""
    try:
        return _unpacked(name, entry, obtained.part.path, cache.contents(obtained.digests.sha256))
    except DiskError:
        if obtained.url is None:  # the user has it still
            obtained.part.remove()
        raise
    except ReproductionError:
        obtained.part.remove()
        raise


def _unpacked(name: str, entry: Artifact, archive: Path, target: Path) -> Listing:
    unpack(archive, target, name)
    if entry.root is not None and not (target / entry.root).is_dir():
        found = ", ".join(sorted(path.name for path in target.iterdir())[:5]) or "nothing"
        shutil.rmtree(target)
        raise ReproductionError(
            f"{name}: want the folder {entry.root!r} in the archive, found {found}; it is another "
            "archive, or its catalogue is mistaken"
        )
    return Listing.of(target)


def _unpacks_again(name: str, entry: Artifact, cache: Cache, record: Record) -> bool:
    """Mend what was unpacked from the file it came from, if that is whole."""
    if entry.layout != "archive" or record.sha256 is None:
        return False
    if cache.file_problem(record, entry) is not None:
        return False
    archive, target = cache.object(record.sha256), cache.contents(record.sha256)
    return _unpacked(name, entry, archive, target) == record.listing


def _pin(name: str, entry: Artifact, cache: Cache, sha256: str) -> None:
    today = datetime.now(UTC).date().isoformat()
    pin = Pin(name=name, source=entry.source, sha256=sha256, first_used=today)
    write_whole(cache.pin_path(name, entry), pin.model_dump_json(indent=1).encode())


def _disk_error(name: str, cache: Cache, error: OSError) -> ReproductionError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    found = "the disk is full" if full else f"cannot be written ({error.strerror or error})"
    return ReproductionError(
        f"{name}: {cache.root}: {found}; make room or the folder writable, or name another cache "
        "with --cache DIR"
    )
