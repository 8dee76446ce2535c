"""Where fetched weights and data sets lie, and whether they are still what was fetched.

Files are kept by their SHA-256 in one folder for all projects and processes::

    objects/<sha256>            a file, as it was fetched
    contents/<sha256>/          what an archive held
    records/<key>.json          which file an artifact is, and where it came from
    pins/<key>.json             the digest it had on first use, where none was published whole
    parts/, locks/              what is being fetched

A file's digest is worked out when it is fetched, and again when its size, its time of change or
its inode are others than then. Of an unpacked archive the number of files and bytes is held to
what was unpacked. Imports no torch.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from reproductions.artifacts import Artifact, artifact, short
from reproductions.errors import NotMeasurableError, ReproductionError
from reproductions.files import write_whole

Trust = Literal["published", "first use", "as given"]
"""``published``: the file has the digest that was published with it. ``first use``: nobody
published one; it has the digest of the first file that was fetched. ``as given``: a folder of the
user, of which only the listing is held."""

_HEAD_BYTES = 8


class Stamp(BaseModel):
    """What tells, without reading a file, that it is the one that was read before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """Take the stamp of a file."""
        status = path.stat()
        return cls(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)


class Listing(BaseModel):
    """How much a folder holds, all levels together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: int
    bytes: int

    @classmethod
    def of(cls, folder: Path) -> "Listing":
        """Count the files of a folder."""
        sizes = [entry.stat().st_size for entry in _files(folder)]
        return cls(files=len(sizes), bytes=sum(sizes))

    def __str__(self) -> str:
        """Say it for people."""
        return f"{self.files} files of {self.bytes} bytes"


class Record(BaseModel):
    """Which file an artifact is, and how it is known to be the right one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    trust: Trust
    url: str | None
    """Where it was fetched from; None for a file of the user whose digest nobody published."""
    sha256: str | None
    """None for a folder of the user."""
    md5: str | None
    stamp: Stamp | None
    listing: Listing | None
    """What was unpacked, or what the user's folder held."""
    folder: str | None = None
    """The user's folder."""


class Pin(BaseModel):
    """The digest of the first file that was fetched, and when that was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    sha256: str
    first_used: str


class Cache:
    """The folder of fetched files, to be read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def object(self, sha256: str) -> Path:
        """Give the place of a file."""
        return self.root / "objects" / sha256

    def contents(self, sha256: str) -> Path:
        """Give the place of what an archive held."""
        return self.root / "contents" / sha256

    def record_path(self, name: str, entry: Artifact) -> Path:
        """Give the place of an artifact's record."""
        return self.root / "records" / f"{key_of(name, entry)}.json"

    def pin_path(self, name: str, entry: Artifact) -> Path:
        """Give the place of an artifact's pin."""
        return self.root / "pins" / f"{key_of(name, entry)}.json"

    def record(self, name: str, entry: Artifact) -> Record | None:
        """Read which file an artifact is; None if it was not fetched, or as something else."""
        text = _read(self.record_path(name, entry))
        try:
            record = Record.model_validate_json(text) if text is not None else None
        except ValidationError:
            return None  # whatever wrote it, fetching writes it anew
        return record if record is not None and _fits(record, entry) else None

    def pin(self, name: str, entry: Artifact) -> Pin | None:
        """Read the digest that an artifact had on first use.

        Raises:
            ReproductionError: what stands there is no pin; overlooking it would be to trust anew.
        """
        path = self.pin_path(name, entry)
        text = _read(path)
        if text is None:
            return None
        try:
            return Pin.model_validate_json(text)
        except ValidationError as error:
            raise ReproductionError(
                f"{path}: want the digest of {name} on first use, found something else; remove "
                "the file to trust the next download"
            ) from error

    def fetched(self) -> int:
        """Count what was fetched, by its records."""
        return len(list((self.root / "records").glob("*.json")))

    def problem(self, record: Record, entry: Artifact) -> str | None:
        """Say in one clause what is wrong with a fetched artifact; None if nothing is.

        Reads the file only if its stamp is not the one it had when it was read last.
        """
        if record.folder is not None:
            return _listing_problem(Path(record.folder), record.listing)
        problem = self.file_problem(record, entry)
        if problem is None and entry.layout == "archive":
            return _listing_problem(self.contents(str(record.sha256)), record.listing)
        return problem

    def file_problem(self, record: Record, entry: Artifact) -> str | None:
        """Say in one clause what is wrong with the file itself; None if nothing is."""
        file = self.object(str(record.sha256))
        try:
            if Stamp.of(file) != record.stamp:
                found = sha256_of(file)
                if found != record.sha256:
                    return f"a copy that has changed (SHA-256 {found[:8]}..., want {record.sha256})"
                self._restamp(record, entry)
        except OSError as error:
            return f"none where it was put ({error.strerror})"
        return None

    def place(self, record: Record, entry: Artifact) -> Path:
        """Give what a measurement is to read."""
        if record.folder is not None:
            return Path(record.folder)
        if entry.layout != "archive":
            return self.object(str(record.sha256))
        return self.contents(str(record.sha256)) / (entry.root or "")

    def _restamp(self, record: Record, entry: Artifact) -> None:
        """Note that the file was read again; in a cache of somebody else it will be next time."""
        again = record.model_copy(update={"stamp": Stamp.of(self.object(str(record.sha256)))})
        with suppress(OSError):
            write_whole(
                self.record_path(record.name, entry), again.model_dump_json(indent=1).encode()
            )


def cache_folder(caches: Path | None = None) -> Path:
    """Name the folder of fetched files: ``vig-verify`` in the user's cache, or in ``caches``.

    The user's is ``$XDG_CACHE_HOME``, or ``~/.cache`` where it is not set.

    Raises:
        ReproductionError: it is not set, and the user has no home.
    """
    base = caches or Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (base if base.is_absolute() else Path.home() / ".cache") / "vig-verify"
    except RuntimeError as error:
        raise ReproductionError(
            "want a folder for weights and data, found no home of this user; set XDG_CACHE_HOME"
        ) from error


def locate(name: str, *, listed: bool = True) -> Path:
    """Find fetched weights or a data set, as they were fetched.

    Args:
        name: as the catalogue has it, such as ``weights/vig_s`` or ``data/imagenet_a``.
        listed: hold folders to how much they held; not for who has a manifest, which names files.

    Returns:
        The file; of an archive the folder of what it held; the user's folder where one was given.

    Raises:
        NotMeasurableError: it was not fetched, it is damaged, or its authors published none.
        ReproductionError: nothing is called so.
    """
    entry, record = _found(name, listed=listed)
    return Cache(cache_folder()).place(record, entry)


def evidence(name: str, *, listed: bool = True) -> dict[str, JsonValue]:
    """Say of a fetched artifact what a ledger should record; ``listed`` is as for ``locate``.

    Returns:
        ``name``, ``sha256`` (None for a folder of the user), ``trust`` (see ``Trust``), ``url``,
        and what the digest was held to: ``published``, such as ``sha256:081bb44c``, or None.
        A folder has ``files`` and ``bytes`` too.

    Raises:
        NotMeasurableError, ReproductionError: as ``locate``.
    """
    entry, record = _found(name, listed=listed)
    found: dict[str, JsonValue] = {
        "name": name,
        "sha256": record.sha256,
        "trust": record.trust,
        "url": record.url,
        "published": entry.published if record.folder is None else None,
    }
    if record.listing is not None:
        found |= {"files": record.listing.files, "bytes": record.listing.bytes}
    return found


def held(name: str) -> str | None:
    """Say in a word which file or folder is held as an artifact, without reading it again.

    Returns:
        Its SHA-256; of the user's folder how much it held; None if nothing was fetched.
    """
    try:
        entry = artifact(name)
        record = Cache(cache_folder()).record(name, entry)
    except ReproductionError:
        return None
    return None if record is None else record.sha256 or str(record.listing)


def _found(name: str, *, listed: bool) -> tuple[Artifact, Record]:
    entry = artifact(name)
    cache = Cache(cache_folder())
    record = cache.record(name, entry)
    problem = "none in the cache" if record is None else cache.problem(record, entry)
    if record is not None and not listed and cache.place(record, entry).is_dir():
        problem = None if record.folder else cache.file_problem(record, entry)
    if record is not None and record.folder is not None and problem is not None:
        raise NotMeasurableError(
            f"wants the data set {short(name)} ({entry.what}), found in {record.folder} {problem}; "
            f"put back what it held, or run `verify fetch {short(name)} --from {record.folder}`"
        )
    if record is None or problem is not None:
        raise NotMeasurableError(wanted(name, entry, str(problem)))
    return entry, record


def wanted(name: str, entry: Artifact, found: str) -> str:
    """Say what is missing and how to get it, in one sentence."""
    kind = "weights" if name.startswith("weights/") else "the data set"
    source = " --from FILE" if entry.login is not None else ""
    sign_in = f"{entry.login}; then " if entry.login is not None else ""
    return (
        f"wants {kind} {short(name)} ({entry.what}), found {found}; "
        f"{sign_in}run `verify fetch {short(name)}{source}`"
    )


def key_of(name: str, entry: Artifact) -> str:
    """Give a file name for an artifact; another source is another artifact."""
    mark = hashlib.sha256(f"{name}\n{entry.source}".encode()).hexdigest()[:12]
    return f"{name.replace('/', '-')}-{mark}"


def sha256_of(file: Path) -> str:
    """Digest a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_safetensors(file: Path) -> bool:
    """Tell by the header, the length of which stands in eight bytes before a JSON object."""
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES + 1)
    length = int.from_bytes(head[:_HEAD_BYTES], "little")
    return head[_HEAD_BYTES:] == b"{" and length < file.stat().st_size


def _fits(record: Record, entry: Artifact) -> bool:
    """Hold what was fetched to what the catalogue says by now."""
    if record.folder is not None:
        return True
    sha256 = entry.sha256 is None or str(record.sha256).startswith(entry.sha256)
    return sha256 and (entry.md5 is None or record.md5 == entry.md5)


def _listing_problem(folder: Path, listing: Listing | None) -> str | None:
    try:
        found = Listing.of(folder)
    except OSError as error:
        return f"no folder where it was ({error.strerror})"
    return None if found == listing else f"{found} where there were {listing}"


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(Path(entry.path))
            else:
                yield entry


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:  # to go on without a pin would be to trust anew
        raise ReproductionError(
            f"{path}: want a file that can be read, found: {error.strerror}; make it readable"
        ) from error
