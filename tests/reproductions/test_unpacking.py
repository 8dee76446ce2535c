"""Archives: what is in them comes out, whole or not at all, and never beside its folder."""

import errno
import io
import os
import stat
import tarfile
import zipfile

import pytest

from reproductions import unpacking
from reproductions.errors import ReproductionError
from reproductions.unpacking import unpack

CONTENT = {"val/n01/a.jpg": b"one", "val/n02/b.jpg": b"two" * 5000}


@pytest.fixture
def target(tmp_path):
    return tmp_path / "contents" / "abc"


def tar(path, *members, mode="w"):
    """Write a tar of (name, what): bytes for a file, None for a folder, else fields of TarInfo."""
    with tarfile.open(path, mode) as archive:
        for name, what in members:
            info = tarfile.TarInfo(name)
            if isinstance(what, bytes):
                info.size = len(what)
                archive.addfile(info, io.BytesIO(what))
                continue
            fields = {"type": tarfile.DIRTYPE} if what is None else what
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info)
    return path


def zipped(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, what in members:
            archive.writestr(name, what)
    return path


ARCHIVES = {
    "tar": lambda path: tar(path, *CONTENT.items()),
    "tar.gz": lambda path: tar(path, ("val", None), *CONTENT.items(), mode="w:gz"),
    "zip": lambda path: zipped(path, ("val/", b""), *CONTENT.items()),
}


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def nothing_left(target):
    return not target.exists() and not list(target.parent.glob("*"))


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
def test_everything_comes_out(tmp_path, target, make):
    unpack(make(tmp_path / "archive"), target, "data/toy")
    assert tree(target) == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
def test_again_gives_the_same_and_mends_what_was_there(tmp_path, target, make):
    archive = make(tmp_path / "archive")
    unpack(archive, target, "data/toy")
    (target / "val/n01/a.jpg").unlink()
    (target / "stray").write_text("x")
    unpack(archive, target, "data/toy")
    assert tree(target) == CONTENT


def test_what_a_killed_process_left_does_not_matter(tmp_path, target):
    left = target.parent / f".unpacking-data-toy-{target.name}"
    left.mkdir(parents=True)
    (left / "stray").write_text("x")
    unpack(ARCHIVES["zip"](tmp_path / "archive"), target, "data/toy")
    assert tree(target) == CONTENT
    assert not left.exists()


def _link(path):
    info = zipfile.ZipInfo("link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return path


def _encrypted(path):
    zipped(path, ("a", b"x"))
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + offset] |= 1
    path.write_bytes(bytes(raw))
    return path


HOSTILE = {
    "up": (lambda p: tar(p, ("../out", b"x")), "'../out', which is a path out of its folder"),
    "up inside": (
        lambda p: tar(p, ("a/../../out", b"x")),
        "'a/../../out', which is a path out of its folder",
    ),
    "absolute": (lambda p: tar(p, ("/outside", b"x")), "'/outside', which is a path out of its"),
    "folder up": (
        lambda p: tar(p, ("../out", None)),
        "'../out', which is a path out of its folder",
    ),
    "symbolic link": (
        lambda p: tar(p, ("link", {"type": tarfile.SYMTYPE, "linkname": "/etc"}), ("link/x", b"")),
        "'link', which is a link to '/etc'",
    ),
    "link inside": (
        lambda p: tar(p, ("a", b"x"), ("link", {"type": tarfile.SYMTYPE, "linkname": "a"})),
        "'link', which is a link to 'a'",
    ),
    "hard link": (
        lambda p: tar(p, ("link", {"type": tarfile.LNKTYPE, "linkname": "../../x"})),
        "'link', which is a link to '../../x'",
    ),
    "device": (
        lambda p: tar(p, ("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})),
        "'null', which is a device or a pipe",
    ),
    "pipe": (lambda p: tar(p, ("pipe", {"type": tarfile.FIFOTYPE})), "which is a device or a pipe"),
    "zip up": (
        lambda p: zipped(p, ("../out", b"x")),
        "'../out', which is a path out of its folder",
    ),
    "zip absolute": (
        lambda p: zipped(p, ("/out", b"x")),
        "'/out', which is a path out of its folder",
    ),
    "zip backslash": (
        lambda p: zipped(p, ("..\\out", b"x")),
        r"which is a path out of its folder",
    ),
    "zip link": (_link, "'link', which is a link"),
    "zip encrypted": (_encrypted, "'a', which is encrypted"),
    "twice": (lambda p: tar(p, ("a", b"x"), ("a", b"y")), "want each name once in the archive"),
    "file below a file": (lambda p: tar(p, ("a", b"x"), ("a/b", b"y")), "cannot be unpacked"),
}


@pytest.mark.parametrize(("make", "message"), HOSTILE.values(), ids=HOSTILE)
def test_what_a_data_set_needs_not_hold_is_refused_whole(tmp_path, target, make, message):
    archive = make(tmp_path / "archive")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ReproductionError, match=r"^data/toy: ") as caught:
        unpack(archive, target, "data/toy")
    assert message in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert nothing_left(target)
    assert set(tmp_path.rglob("*")) - before == {target.parent}


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])
    return path


DAMAGED = {
    "no archive": lambda p: (p.write_bytes(b"<!doctype html>" * 100), p)[1],
    "empty": lambda p: (p.write_bytes(b""), p)[1],
    "tar cut": lambda p: cut(ARCHIVES["tar"](p), 2000),
    "tar cut between members": lambda p: cut(ARCHIVES["tar"](p), 1024),
    "tar without its end": lambda p: cut(ARCHIVES["tar"](p), 1024 + 512 + 15360),
    "tar.gz cut": lambda p: cut(ARCHIVES["tar.gz"](p), -20),
    "zip cut": lambda p: cut(ARCHIVES["zip"](p), -30),
}


@pytest.mark.parametrize("make", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_archive_is_one_sentence(tmp_path, target, make):
    with pytest.raises(ReproductionError, match=r"^data/toy: want a tar or zip archive, found a d"):
        unpack(make(tmp_path / "archive"), target, "data/toy")
    assert nothing_left(target)


def test_a_flipped_bit_is_noticed_in_a_zip(tmp_path, target):
    archive = zipped(tmp_path / "archive", ("a", os.urandom(5000)))
    raw = bytearray(archive.read_bytes())
    raw[2000] ^= 1
    archive.write_bytes(bytes(raw))
    with pytest.raises(ReproductionError, match="found a damaged one"):
        unpack(archive, target, "data/toy")
    assert nothing_left(target)


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, target, make, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unpacking.shutil, "copyfileobj", full)
    with pytest.raises(ReproductionError, match="the disk is full while unpacking; make room"):
        unpack(make(tmp_path / "archive"), target, "data/toy")
    assert nothing_left(target)


def test_what_is_larger_than_the_disk_is_not_begun(tmp_path, target, monkeypatch):
    class Usage:
        free = 14_999

    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda _: Usage)
    archive = ARCHIVES["zip"](tmp_path / "archive")
    with pytest.raises(ReproductionError, match="the disk is full while unpacking"):
        unpack(archive, target, "data/toy")
    assert nothing_left(target)
    Usage.free = 15_000
    unpack(archive, target, "data/toy")
    assert tree(target) == CONTENT
