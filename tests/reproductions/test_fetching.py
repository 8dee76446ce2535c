"""From a name to a checked file: digests, pins, archives, the user's own files, two at once."""

import errno
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from reproductions import artifact_cache, fetching, unpacking
from reproductions.artifact_cache import Cache, cache_folder, evidence, locate
from reproductions.artifacts import CatalogueFile, artifact, use_catalogue
from reproductions.errors import NotMeasurableError, ReproductionError
from reproductions.fetching import fetch
from reproductions.web import Limits

_SPEC = spec_from_file_location("file_server", Path(__file__).parents[1] / "file_server.py")
host = module_from_spec(_SPEC)
_SPEC.loader.exec_module(host)
server, cache_home, soon = host.server, host.cache_home, host.soon


def legacy(content):
    """Save as torch did before it wrote zips."""
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


WEIGHTS = legacy({"weight": torch.arange(2560.0)})
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
MD5 = hashlib.md5(WEIGHTS, usedforsecurity=False).hexdigest()
FETCHING = """
import sys
from pathlib import Path
from reproductions.artifact_cache import Cache, cache_folder
from reproductions.artifacts import use_catalogue
from reproductions.fetching import fetch

class Silent:
    def began(self, *_): pass
    def advanced(self, *_): pass
    def note(self, text): print(text, file=sys.stderr, flush=True)

use_catalogue(Path(sys.argv[1]))
got = fetch(sys.argv[2], Cache(cache_folder()), Silent())
print(got.new, got.record.sha256)
"""


class Silent:
    def __init__(self):
        self.notes = []

    def began(self, *_):
        pass

    def advanced(self, *_):
        pass

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(autouse=True)
def forget():
    yield
    use_catalogue(None)


@pytest.fixture
def observer():
    return Silent()


@pytest.fixture
def toy(server, cache_home, tmp_path):
    """Declare artifacts that the server has; give back how to fetch one."""

    def declare(name="weights/toy", body=WEIGHTS, path="/toy", **fields):
        entry = {
            "what": "a toy",
            "url": server.put(path, body),
            "license": "MIT",
            "serves": ("vig_s",),
            "layout": "checkpoint" if name.startswith("weights/") else "archive",
            **fields,
        }
        given = {key: value for key, value in entry.items() if value is not None}
        catalogue = CatalogueFile.model_validate({"schema": 1, "artifacts": {name: given}})
        use_catalogue(tmp_path / "own.yaml", catalogue)
        return name

    return declare


@pytest.fixture
def run(observer):
    patience = Limits(connect_s=5, read_s=5, stall_s=5, tries=2, sleep=lambda _: None)

    def fetched(name, **given):
        return fetch(name, Cache(cache_folder()), observer, limits=patience, **given)

    return fetched


def files():
    """List everything in the cache but locks."""
    root = cache_folder()
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    )


def packed(content):
    """Pack a tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    return buffer.getvalue()


SET = packed({"toyset/val/a.jpg": b"one", "toyset/val/b.jpg": b"two", "toyset/labels.txt": b"0 1"})

# -- digests and trust ------------------------------------------------------------------


def test_what_was_fetched_is_found_with_its_evidence(toy, run):
    name = toy(sha256=SHA256[:8])
    got = run(name)
    assert (got.new, got.pinned) == (True, True)
    assert locate(name) == got.path
    assert got.path.read_bytes() == WEIGHTS
    assert got.path == cache_folder() / "objects" / SHA256
    assert evidence(name) == {
        "name": name,
        "sha256": SHA256,
        "trust": "published",
        "url": artifact(name).url,
        "published": f"sha256:{SHA256[:8]}",
    }


def test_what_is_there_is_not_fetched_again(toy, run, server):
    name = toy()
    run(name)
    again = run(name)
    assert (again.new, again.pinned) == (False, False)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("published", "trust", "told"),
    [
        ({"sha256": SHA256}, "published", f"sha256:{SHA256}"),
        ({"sha256": SHA256[:8]}, "published", f"sha256:{SHA256[:8]}"),
        ({"md5": MD5}, "published", f"md5:{MD5}"),
        ({}, "first use", None),
    ],
    ids=["whole", "beginning", "md5", "none"],
)
def test_evidence_says_what_the_digest_was_held_to(toy, run, published, trust, told):
    name = toy(**published)
    got = run(name)
    assert (got.record.trust, evidence(name)["published"]) == (trust, told)
    assert got.pinned == ("sha256" not in published or len(published["sha256"]) < 64)


WRONG = {
    "sha256": ({"sha256": "0" * 64}, f"want the SHA-256 published, {'0' * 64}, got {SHA256} for "),
    "beginning": ({"sha256": "00000000"}, f"want the SHA-256 published, 00000000..., got {SHA256}"),
    "md5": ({"md5": "0" * 32}, f"want the MD5 published, {'0' * 32}, got {MD5} for "),
    "size": ({"size": len(WEIGHTS) + 1}, f"want {len(WEIGHTS) + 1} bytes, got {len(WEIGHTS)} from"),
}


@pytest.mark.parametrize(("published", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_removed_and_said_in_one_sentence(toy, run, published, message):
    name = toy(**published)
    with pytest.raises(ReproductionError, match=f"^{name}: {re.escape(message)}") as caught:
        run(name)
    assert "the file was not kept; try again" in str(caught.value)
    assert files() == []
    with pytest.raises(NotMeasurableError, match="found none in the cache"):
        locate(name)


def test_a_server_that_announces_less_is_caught_by_the_digest(toy, run, server):
    name = toy(sha256=SHA256[:8])
    server.script("/toy", host.announcing(100))
    with pytest.raises(ReproductionError, match=r"for 100 bytes from 127\.0\.0\.1"):
        run(name)
    assert run(name).path.read_bytes() == WEIGHTS


def test_what_the_host_itself_announces_is_held_to_it(toy, run, server):
    name = toy()
    server.put("/file", WEIGHTS)
    linked = {"Location": "/file", "X_Linked_ETag": f'"{"0" * 64}"'}
    server.script("/toy", host.status(302, **linked))
    with pytest.raises(ReproductionError, match=f"want the SHA-256 announced, {'0' * 64}, got"):
        run(name)
    linked["X_Linked_ETag"] = f'"{SHA256}"'
    server.script("/toy", host.status(302, **linked))
    assert run(name).record.sha256 == SHA256


def test_an_unknown_digest_is_pinned_on_first_use_and_held_to_after_that(toy, run, server):
    name = toy()
    assert run(name).pinned
    pin = Cache(cache_folder()).pin(name, artifact(name))
    assert (pin.name, pin.sha256) == (name, SHA256)
    locate(name).unlink()  # the pin outlives the file
    server.put("/toy", WEIGHTS + b"!")
    message = rf"want the SHA-256 of the first download, {SHA256}, .* pinned on \d{{4}}-\d\d-\d\d, "
    with pytest.raises(ReproductionError, match=message):
        run(name)
    server.put("/toy", WEIGHTS)
    again = run(name)
    assert (again.new, again.pinned, again.record.trust) == (True, False, "first use")


def test_a_pin_that_cannot_be_read_is_not_overlooked(toy, run):
    name = toy()
    run(name)
    Cache(cache_folder()).pin_path(name, artifact(name)).write_text("{}")
    locate(name).unlink()
    with pytest.raises(
        ReproductionError, match="want the digest of weights/toy on first use, found"
    ):
        run(name)


def test_another_address_is_another_artifact(toy, run, server):
    run(toy())
    name = toy(body=WEIGHTS + b"!", path="/other")
    with pytest.raises(NotMeasurableError, match="found none in the cache"):
        locate(name)
    assert run(name).path.read_bytes() == WEIGHTS + b"!"


def test_a_catalogue_that_learns_a_digest_no_longer_takes_another_file(toy, run):
    name = toy()
    run(name)
    toy(sha256="0" * 8)
    with pytest.raises(NotMeasurableError, match="found none in the cache"):
        locate(name)


def test_a_page_is_no_checkpoint_and_is_not_pinned(toy, run):
    name = toy(body=b"<!doctype html><title>Sign in</title>")
    message = (
        r"want a checkpoint of torch or safetensors, got a file from .* that begins with b'<!do"
    )
    with pytest.raises(ReproductionError, match=message):
        run(name)
    assert files() == []


def whole_zip(content=None):
    buffer = io.BytesIO()
    torch.save(content or {"weight": torch.arange(1000.0)}, buffer)
    return buffer.getvalue()


def whole_safetensors():
    return save({"weight": torch.arange(1000.0)})


@pytest.mark.parametrize("whole", [whole_zip, whole_safetensors])
def test_a_part_of_a_checkpoint_is_not_pinned_for_the_whole(toy, run, server, whole):
    """A server that announces less than it has would be believed, where no digest is known."""
    name = toy(body=whole()[:-100])
    with pytest.raises(ReproductionError, match=r"want a whole checkpoint, got \d+ bytes from 127"):
        run(name)
    assert files() == []
    server.put("/toy", whole())
    assert run(name).pinned


def flipped(raw, at):
    """Change one bit of one byte."""
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


WEIGHT = torch.tensor(999.0).numpy().tobytes()


def test_a_flipped_byte_is_not_pinned_as_another_weight(toy, run, server):
    raw = whole_zip()
    name = toy(body=flipped(raw, raw.index(WEIGHT)))
    message = (
        r"^weights/toy: want an undamaged checkpoint, got one from 127\.0\.0\.1:\d+ in which "
        r"'archive/data/0' is not what its checksum is of; the file was not kept; try again, or"
    )
    with pytest.raises(ReproductionError, match=message):
        run(name)
    assert files() == []
    server.put("/toy", raw)
    assert run(name).pinned


def test_a_damaged_list_of_members_is_one_sentence(toy, run):
    raw = whole_zip()
    name = toy(body=flipped(raw, raw.rindex(b"PK\x01\x02")))
    with pytest.raises(ReproductionError, match=r"in which its list of members \(Bad magic number"):
        run(name)
    assert files() == []


def test_what_was_saved_without_checksums_has_none_to_be_held_to(toy, run):
    """As ``set_crc32_options(False)`` has torch save."""
    torch.serialization.set_crc32_options(False)
    try:
        raw = whole_zip()
    finally:
        torch.serialization.set_crc32_options(True)
    assert zipfile.ZipFile(io.BytesIO(raw)).testzip() is not None
    assert run(toy(body=raw)).pinned


def test_a_published_digest_is_held_to_instead(toy, run):
    raw = whole_zip()
    odd = flipped(raw, raw.index(WEIGHT))
    assert run(toy(body=odd, sha256=hashlib.sha256(odd).hexdigest())).new


class Code:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize("saved", [legacy, whole_zip])
def test_what_can_never_be_loaded_is_not_pinned(toy, run, saved, capsys):
    name = toy(body=saved({"weight": torch.zeros(3), "extra": Code()}))
    message = r"^weights/toy: want weights alone, found 'print', whose making may run code; nothing"
    with pytest.raises(ReproductionError, match=message):
        run(name)
    assert files() == []
    assert capsys.readouterr().out == ""


def test_what_weights_are_made_of_is_for_who_loads_them(toy, run):
    assert run(toy(body=whole_zip([torch.zeros(3)]))).pinned


def test_a_part_of_an_old_checkpoint_is_found_by_reading_it(toy, run):
    name = toy(body=WEIGHTS[:-100])
    with pytest.raises(
        ReproductionError, match=r"^weights/toy: want a checkpoint of torch or safe"
    ):
        run(name)
    assert files() == []


# -- is it still what it was ------------------------------------------------------------


def test_a_damaged_copy_is_named_and_fetched_anew(toy, run, observer):
    name = toy(sha256=SHA256[:8])
    path = run(name).path
    path.write_bytes(b"\x80" + WEIGHTS[1:-1] + b"?")
    message = (
        r"^wants weights toy \(a toy\), found a copy that has changed \(SHA-256 \w{8}\.\.\., "
        rf"want {SHA256}\); run `verify fetch toy`$"
    )
    with pytest.raises(NotMeasurableError, match=message):
        locate(name)
    assert run(name).new
    assert locate(name).read_bytes() == WEIGHTS


def test_a_file_is_read_again_only_when_it_may_have_changed(toy, run, monkeypatch):
    name = toy()
    path = run(name).path
    read = []
    digest = artifact_cache.sha256_of
    monkeypatch.setattr(artifact_cache, "sha256_of", lambda file: read.append(file) or digest(file))
    locate(name)
    assert read == []
    os.utime(path)
    locate(name)
    locate(name)  # which the time before has noted
    assert read == [path]


def test_a_removed_file_is_missed(toy, run):
    name = toy()
    run(name).path.unlink()
    with pytest.raises(
        NotMeasurableError, match=r"found none where it was put \(No such file or d"
    ):
        locate(name)


def test_a_record_that_cannot_be_understood_counts_for_none(toy, run):
    name = toy()
    run(name)
    record = Cache(cache_folder()).record_path(name, artifact(name))
    record.write_text('{"name": "weights/toy"}')
    with pytest.raises(NotMeasurableError, match="found none in the cache"):
        locate(name)
    assert run(name).new
    assert locate(name).read_bytes() == WEIGHTS


# -- archives ---------------------------------------------------------------------------


def test_an_archive_is_handed_out_as_its_folder(toy, run):
    name = toy("data/toy", SET, root="toyset")
    got = run(name)
    assert got.path == locate(name)
    assert sorted(path.name for path in (got.path / "val").iterdir()) == ["a.jpg", "b.jpg"]
    assert evidence(name)["files"] == 3
    assert evidence(name)["sha256"] == hashlib.sha256(SET).hexdigest()


def test_a_picture_that_is_gone_is_missed_and_unpacked_again(toy, run, server):
    name = toy("data/toy", SET, root="toyset")
    picture = run(name).path / "val/a.jpg"
    picture.unlink()
    message = r"wants the data set toy \(a toy\), found 2 files of 6 bytes where there were 3 files"
    with pytest.raises(NotMeasurableError, match=message):
        locate(name)
    assert run(name).new
    assert picture.read_bytes() == b"one"
    assert len(server.asked) == 1


def test_a_hostile_archive_is_not_kept(toy, run):
    name = toy("data/toy", packed({"../out": b"x"}))
    with pytest.raises(ReproductionError, match=r"'\.\./out', which is a path out of its folder"):
        run(name)
    assert files() == []


def test_a_disk_too_full_to_unpack_is_not_reason_to_fetch_twice(toy, run, server, monkeypatch):
    name = toy("data/toy", SET, root="toyset")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(unpacking.shutil, "copyfileobj", full)
        with pytest.raises(ReproductionError, match="the disk is full while unpacking; make room"):
            run(name)
    assert [path.partition("/")[0] for path in files()] == ["parts", "parts"]
    assert (run(name).path / "labels.txt").read_bytes() == b"0 1"
    assert server.headers("Range") == [None, f"bytes={len(SET)}-"]  # which there is nothing of


def test_an_archive_without_its_folder_is_refused(toy, run):
    name = toy("data/toy", SET, root="otherset")
    with pytest.raises(
        ReproductionError, match="want the folder 'otherset' in the archive, found toys"
    ):
        run(name)
    assert files() == []


def test_what_is_used_as_it_is_is_not_unpacked(toy, run):
    name = toy("data/toy", SET, layout="file")
    assert run(name).path.read_bytes() == SET
    assert "contents" not in {path.name for path in cache_folder().iterdir()}


# -- the user's own ---------------------------------------------------------------------


@pytest.mark.parametrize("published", [{"sha256": SHA256[:8]}, {}], ids=["published", "first use"])
def test_a_file_of_the_user_is_checked_and_copied(toy, run, server, tmp_path, published):
    name = toy(**published)
    given = tmp_path / "mine.pth"
    given.write_bytes(WEIGHTS)
    got = run(name, given=given)
    given.write_bytes(b"changed later")
    assert locate(name).read_bytes() == WEIGHTS
    assert (got.record.url, server.asked) == (None, [])
    assert got.record.trust == ("published" if published else "first use")


def test_a_file_of_the_user_that_is_another_is_refused_and_stays(toy, run, tmp_path):
    name = toy(sha256=SHA256[:8])
    given = tmp_path / "mine.pth"
    given.write_bytes(WEIGHTS + b"!")
    with pytest.raises(ReproductionError, match=f"want the SHA-256 published, {SHA256[:8]}"):
        run(name, given=given)
    assert given.read_bytes() == WEIGHTS + b"!"
    assert files() == []


def test_an_empty_file_of_the_user_is_told_for_what_it_is(toy, run, tmp_path):
    given = tmp_path / "mine.pth"
    given.touch()
    with pytest.raises(
        ReproductionError, match=r"^weights/toy: want a file with something in it, got 0 bytes from"
    ):
        run(toy(), given=given)
    assert files() == []


def test_a_file_that_is_not_there_is_one_sentence(toy, run, tmp_path):
    with pytest.raises(
        ReproductionError, match="want a file that can be read, found: No such file"
    ):
        run(toy(), given=tmp_path / "none")


def test_what_only_who_signs_in_may_have_is_taken_from_a_file(toy, run, tmp_path):
    name = toy("data/toy", url=None, login="sign in at example.org and take toy.tar.gz")
    with pytest.raises(ReproductionError) as caught:
        run(name)
    told = "sign in at example.org and take toy.tar.gz; then run `verify fetch toy --from FILE`"
    assert str(caught.value) == f"{name}: {told}"
    with pytest.raises(
        NotMeasurableError, match=rf"found none in the cache; {re.escape(told[:-6])}"
    ):
        locate(name)
    given = tmp_path / "toy.tar.gz"
    given.write_bytes(SET)
    assert (run(name, given=given).path / "toyset/labels.txt").read_bytes() == b"0 1"


def test_a_folder_of_the_user_is_used_where_it_is(toy, run, tmp_path):
    name = toy("data/toy", url=None, login="sign in", md5="0" * 32, layout="file")
    folder = tmp_path / "val"
    (folder / "n01").mkdir(parents=True)
    (folder / "n01/a.jpg").write_bytes(b"one")
    got = run(name, given=folder)
    assert locate(name) == got.path == folder
    assert evidence(name) == {
        "name": name,
        "sha256": None,
        "trust": "as given",
        "url": None,
        "published": None,
        "files": 1,
        "bytes": 3,
    }
    (folder / "n01/b.jpg").write_bytes(b"two")
    told = rf"found in {folder} 2 files of 6 bytes where there were 1 files .* --from {folder}`$"
    with pytest.raises(NotMeasurableError, match=told):  # to download it would not mend the folder
        locate(name)
    run(name, given=folder)
    assert locate(name) == folder


def test_a_folder_with_a_link_to_nowhere_is_one_sentence(toy, run, tmp_path):
    folder = tmp_path / "val"
    folder.mkdir()
    (folder / "a.jpg").symlink_to(tmp_path / "gone")
    message = (
        rf"want a folder that can be read, found: No such file or directory \({folder}/a\.jpg\)"
    )
    with pytest.raises(ReproductionError, match=message):
        run(toy("data/toy"), given=folder)


def test_a_folder_is_no_weights_and_an_empty_one_no_data(toy, run, tmp_path):
    with pytest.raises(ReproductionError, match="want a file of weights, found a folder; name the"):
        run(toy(), given=tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ReproductionError, match="want a folder with a toy, found no file in it"):
        run(toy("data/toy"), given=empty)


# -- the disk and other processes -------------------------------------------------------


def test_a_disk_that_fills_up_while_copying_leaves_nothing(toy, run, tmp_path, monkeypatch):
    name = toy()
    given = tmp_path / "mine.pth"
    given.write_bytes(WEIGHTS)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching.Part, "write", full)
    with pytest.raises(ReproductionError, match=r"weights/toy: .*: the disk is full; make room or"):
        run(name, given=given)
    assert files() == []


def test_a_cache_that_cannot_be_made_is_one_sentence(toy, run, cache_home):
    cache_home.write_text("a file, no folder")
    with pytest.raises(
        ReproductionError, match=r"cannot be written \(.*\); make room or the folder"
    ):
        run(toy())


@pytest.fixture
def catalogue(server, tmp_path):
    path = tmp_path / "catalogue.yaml"
    path.write_text(
        "schema: 1\nartifacts:\n  weights/toy:\n    what: a toy\n"
        f"    url: {server.put('/toy', WEIGHTS)}\n"
        "    license: MIT\n    serves: [vig_s]\n    layout: checkpoint\n"
    )
    return path


def start(catalogue):
    command = [sys.executable, "-c", FETCHING, str(catalogue), "weights/toy"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes)


def ended(process):
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    return out.split(), err


def test_two_processes_fetch_the_same_once(server, cache_home, catalogue):
    gate = threading.Event()

    def slowly(handler, served):
        gate.wait()
        host.serve(handler, served)

    server.script("/toy", slowly)
    first = start(catalogue)
    soon(lambda: server.asked, "the first one asks")
    second = start(catalogue)
    assert "another process is fetching it; waiting" in second.stderr.readline()
    gate.set()
    assert ended(first)[0] == ["True", SHA256]
    assert ended(second)[0] == ["False", SHA256]
    assert len(server.asked) == 1


def test_a_killed_process_keeps_nobody_waiting(server, cache_home, catalogue):
    server.script("/toy", host.hanging(server, 5000))
    first = start(catalogue)
    soon(lambda: server.asked, "it asks")
    first.kill()
    first.communicate()
    assert ended(start(catalogue))[0] == ["True", SHA256]


def test_what_came_before_a_kill_is_not_fetched_again(server, cache_home, catalogue):
    server.script("/toy", host.trickling(server, 0.01))  # a hundred seconds for all of it
    first = start(catalogue)
    notes = cache_folder() / "parts"
    try:
        soon(
            lambda: any(json.loads(n.read_text())["synced"] for n in notes.glob("*.json")),
            "some of it is on the disk",
        )
    finally:
        first.kill()
        first.communicate()
    assert ended(start(catalogue))[0] == ["True", SHA256]
    assert int(server.headers("Range")[-1].removeprefix("bytes=").rstrip("-")) > 0


# -- where it lies ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ("/caches", "/caches/vig-verify"),
        ("", "HOME/.cache/vig-verify"),
        ("rel", "HOME/.cache/vig-verify"),
    ],
    ids=["absolute", "empty", "relative"],
)
def test_the_cache_is_where_caches_are(monkeypatch, tmp_path, given, folder):
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(cache_folder()) == folder.replace("HOME", str(tmp_path))


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch, tmp_path):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(artifact_cache.Path, "home", homeless)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(ReproductionError, match=r"found no home of this user; set XDG_CACHE_HOME$"):
        cache_folder()
    assert cache_folder(tmp_path) == tmp_path / "vig-verify"
