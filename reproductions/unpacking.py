"""Archives, unpacked whole or not at all and never outside their folder. Imports no torch.

Only files and folders are taken. A link, a device, an absolute path or one with ``..`` is reason
to refuse all of it: no data set needs them, and a check that follows links is easily led astray.
"""

import errno
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from reproductions.errors import ReproductionError

__all__ = ["DiskError", "unpack"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_ENCRYPTED = 0x1
_UNIX = 3
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


class DiskError(ReproductionError):
    """There is no room for what an archive holds, or no right to write it; the archive is fine."""


class _Open(Protocol):
    def __call__(self) -> IO[bytes]: ...


@dataclass(frozen=True)
class _Member:
    """What an archive holds under one name."""

    name: str
    problem: str | None
    """What it is instead of a file or a folder."""
    open: _Open | None
    """None for a folder."""
    size: int
    """Bytes, as the archive says; no more of it is ever written."""


def unpack(archive: Path, target: Path, name: str) -> None:
    """Unpack a tar, a compressed tar or a zip into a new folder.

    Args:
        archive: the file; told apart by its content.
        target: the folder to be; it is not there before everything is in it.
        name: what messages call the archive.

    Raises:
        DiskError: the disk is full, or cannot be written.
        ReproductionError: it is damaged, or holds what it should not. In any case nothing is left.
    """
    # Named after both, so that what a killed process left is found and removed.
    beside = target.parent / f".unpacking-{name.replace('/', '-')}-{target.name}"
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        with _members(archive) as members:
            for member in members:
                _take(member, beside, name)
        os.sync()  # once for all: there may be tens of thousands of files
        if target.exists():  # renaming takes no folder that holds something
            shutil.rmtree(target)
        beside.replace(target)
    except _DAMAGED as error:
        raise ReproductionError(
            f"{name}: want a tar or zip archive, found a damaged one or another kind of file "
            f"({_told(error)}); fetch it again"
        ) from error
    except OSError as error:
        raise _disk_error(name, target, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    """Open an archive and go through what it holds.

    By its first bytes: a tar that holds a zip would pass for one by its last.
    """
    with archive.open("rb") as stream:
        is_zip = stream.read(2) == b"PK"
    if is_zip:
        with zipfile.ZipFile(archive) as opened:
            yield _zipped(opened)
    else:
        with tarfile.open(archive, "r:*") as tar:
            yield _tarred(tar)


def _zipped(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
        problem = None
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            problem = "a link" if kind == stat.S_IFLNK else "no file"
        elif info.flag_bits & _ENCRYPTED:
            problem = "encrypted"
        opener = None if info.is_dir() else partial(archive.open, info)
        yield _Member(info.orig_filename, problem, opener, info.file_size)


def _tarred(archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:
        problem = None
        if info.issym() or info.islnk():
            problem = f"a link to {info.linkname!r}"
        elif not (info.isreg() or info.isdir()):
            problem = "a device or a pipe"
        opener = None if info.isdir() else partial(_opened, archive, info)
        yield _Member(info.name, problem, opener, info.size)
    if archive.fileobj is not None:
        archive.fileobj.seek(archive.offset)
        if archive.fileobj.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            # tarfile takes one that was cut between two members for a whole one.
            raise tarfile.ReadError("it ends without the mark of its end")


def _opened(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info)
    if stream is None:
        raise tarfile.ReadError(f"no content for {info.name!r}")
    return stream


def _take(member: _Member, inside: Path, name: str) -> None:
    """Write one member where it belongs."""
    path = PurePosixPath(member.name)
    problem = member.problem
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        problem = "a path out of its folder"
    if problem is not None:
        raise ReproductionError(
            f"{name}: want files and folders alone in the archive, found {member.name!r}, which is "
            f"{problem}; nothing was unpacked, do not use this file"
        )
    target = inside.joinpath(*path.parts)
    if member.open is None:
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.size > shutil.disk_usage(inside).free:  # before it is full for everybody
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    try:
        with member.open() as stream, target.open("xb") as out:
            shutil.copyfileobj(stream, out, 1 << 20)
    except FileExistsError as error:
        raise ReproductionError(
            f"{name}: want each name once in the archive, found {member.name!r} twice; nothing was "
            "unpacked, do not use this file"
        ) from error


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _disk_error(name: str, target: Path, error: OSError) -> DiskError:
    if error.errno in _FULL:
        return DiskError(
            f"{name}: {target.parent}: the disk is full while unpacking; make room and run again, "
            "nothing is fetched twice"
        )
    return DiskError(
        f"{name}: {target.parent}: cannot be unpacked ({error.strerror or _told(error)}); make the "
        "folder writable, or fetch the file again"
    )
