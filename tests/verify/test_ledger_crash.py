"""Crashes, crowds and full disks: nothing finished is lost and nothing half done is believed."""

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from stat import S_ISDIR

import pytest
from filelock import FileLock

from verify import ledger as module
from verify.errors import LedgerDamagedError, VerifyError
from verify.ledger import Event, Ledger

REPOSITORY = Path(__file__).parents[2]
SEED = 20
STEPS = (
    "write the copy",
    "fsync the copy",
    "fsync the folder",
    "ftruncate the ledger",
    "fsync the ledger cut",
    "write the note",
    "fsync the note",
    "write the event",
    "fsync the event",
)
"""Every change of the disk while a torn line is set aside and an event appended."""
WRITER = """
import sys
from pathlib import Path
from verify.ledger import Ledger

ledger, name, count = Ledger(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(count):
    body = {"name": name, "number": number, "filler": "x" * 5000}
    ledger.append("measured", body, digests={}, environment={})
    print(number, flush=True)
"""
FILLING = """
import resource, sys
from pathlib import Path
from verify.errors import VerifyError
from verify.ledger import Ledger

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
ledger = Ledger(Path(sys.argv[1]))
try:
    while True:
        event = ledger.append("note", {"filler": "x" * 500}, digests={}, environment={})
        print(event.sha256, flush=True)
except VerifyError as error:
    sys.exit(str(error))
"""


class PowerCutError(BaseException):
    """Ends everything at once: no handler of the ledger catches it."""


def add(ledger: Ledger, name: str = "wanted") -> Event:
    """Append a ``measured`` event."""
    return ledger.append("measured", {"name": name}, digests={}, environment={})


def notes(folder: Path) -> list[str]:
    """List the files that notes say were set aside."""
    events = Ledger(folder).events()
    return [event.body["set_aside"] for event in events if event.type == "note"]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger of one event."""
    add(Ledger(tmp_path), "first")
    return Ledger(tmp_path)


def _tear(ledger: Ledger, tail: bytes) -> None:
    with ledger.path.open("ab") as file:
        file.write(tail)


@pytest.mark.parametrize(
    "tail",
    [b'{"body":', b"\0\0\0", b'{"half": "\n', b'{"whole": 1}', b"\xff\xfe", b"\n"],
    ids=["half", "zeros", "half, ended", "whole, not ended", "no text", "empty"],
)
def test_a_torn_line_is_passed_over_then_set_aside_and_recorded(
    ledger: Ledger, tmp_path: Path, tail: bytes
) -> None:
    _tear(ledger, tail)
    before = ledger.path.read_bytes()
    assert len(ledger.events()) == 1
    assert ledger.torn
    assert ledger.path.read_bytes() == before
    add(ledger)
    sha256 = hashlib.sha256(tail).hexdigest()
    name = f"ledger.torn-{sha256[:12]}"
    first, note, wanted = Ledger(tmp_path).events()
    assert (first.body, wanted.body) == ({"name": "first"}, {"name": "wanted"})
    assert note.body == {"set_aside": name, "length": len(tail), "sha256": sha256}
    assert (tmp_path / name).read_bytes() == tail
    assert not ledger.torn


def test_a_ledger_that_is_one_torn_line_starts_anew(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_bytes(b'{"body"')
    add(Ledger(tmp_path))
    assert [event.type for event in Ledger(tmp_path).events()] == ["note", "measured"]


def test_the_same_torn_line_is_recorded_each_time_it_happens(
    ledger: Ledger, tmp_path: Path
) -> None:
    for _ in range(2):
        _tear(ledger, b"{")
        add(ledger)
    assert len(notes(tmp_path)) == 2
    assert len(set(notes(tmp_path))) == 1


@pytest.mark.parametrize("half", [False, True], ids=["before", "in the middle of"])
@pytest.mark.parametrize("fatal", range(len(STEPS)), ids=STEPS)
def test_a_crash_at_any_step_of_an_append_is_made_good_by_the_next_append(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fatal: int, *, half: bool
) -> None:
    tail = b'{"body": {"half'
    _tear(ledger, tail)
    with monkeypatch.context() as patch:
        steps = _crash_at(patch, fatal, half=half)
        with pytest.raises(PowerCutError):
            add(ledger)
    assert steps == [step.partition(" ")[0] for step in STEPS[: fatal + 1]]
    add(Ledger(tmp_path), "again")
    present = sorted(path.name for path in tmp_path.glob("ledger.torn-*"))
    assert sorted(notes(tmp_path)) == present
    assert tail in [(tmp_path / name).read_bytes() for name in present]
    assert len(present) == 1 or half
    bodies = [event.body.get("name") for event in Ledger(tmp_path).events()]
    assert bodies[0] == "first"
    assert bodies[-1] == "again"


def _crash_at(patch: pytest.MonkeyPatch, fatal: int, *, half: bool) -> list[str]:
    """Let the power go at one of the ``STEPS``; return those that were reached."""
    reached: list[str] = []

    def wrapped(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def step(file: int, *rest: bytes | int) -> object:
            reached.append(name)
            if len(reached) > fatal:
                halves = [item[: len(item) // 2] for item in rest if isinstance(item, bytes)]
                if half and halves:
                    call(file, *halves)
                raise PowerCutError
            return call(file, *rest)

        return step

    for name in ("write", "fsync", "ftruncate"):
        patch.setattr(os, name, wrapped(name, getattr(os, name)))
    return reached


@pytest.mark.parametrize("bad", ["torn", "damaged"])
def test_a_reader_believes_bad_news_only_under_the_lock(
    ledger: Ledger, tmp_path: Path, bad: str
) -> None:
    whole = ledger.path.read_bytes()
    found: list[Event] = []
    reader = threading.Thread(target=lambda: found.extend(ledger.events()))
    with FileLock(tmp_path / "ledger.lock"):
        ledger.path.write_bytes(whole[:-9] if bad == "torn" else b"?\n" + whole)
        reader.start()
        time.sleep(0.2)
        ledger.path.write_bytes(whole)
    reader.join()
    assert len(found) == 1
    assert not ledger.torn


@pytest.mark.parametrize("text", [b'{"torn', b"?\n{}\n"], ids=["torn", "damaged"])
def test_a_ledger_is_read_where_no_lock_can_be_had(
    ledger: Ledger, tmp_path: Path, text: bytes
) -> None:
    _tear(ledger, text)
    (tmp_path / "ledger.lock").unlink()
    (tmp_path / "ledger.lock").mkdir()
    if text.startswith(b"?"):
        with pytest.raises(LedgerDamagedError, match="jsonl:2:"):
            ledger.events()
    else:
        assert len(ledger.events()) == 1
        assert ledger.torn


def test_an_append_says_that_another_process_holds_the_lock(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_WAIT_S", 0.05)
    with (
        FileLock(tmp_path / "ledger.lock"),
        pytest.raises(VerifyError, match=r"ledger\.lock: .* another process holding it"),
    ):
        add(ledger)


def test_no_finished_append_is_lost_by_kill_9(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    finished = 0
    for life in range(6):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(life), "100000"]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            told = writer.stdout.readline()
            time.sleep(rng.uniform(0, 0.1))
            writer.send_signal(signal.SIGKILL)
            told += writer.stdout.read()
        done = told.count(b"\n")
        finished += done
        events = Ledger(tmp_path).events()
        kept = [event.body["number"] for event in events if event.body.get("name") == str(life)]
        assert kept[:done] == list(range(done))
        # One event may be on disk that was not told of.
        assert len(kept) <= done + 1
    add(Ledger(tmp_path))
    assert finished >= 6
    assert len(Ledger(tmp_path).events()) > finished


def test_events_of_processes_that_append_at_once_are_all_kept(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name, "25"],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
        )
        for name in "abc"
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    events = Ledger(tmp_path).events()
    for name in "abc":
        kept = [event.body["number"] for event in events if event.body["name"] == name]
        assert kept == list(range(25))
    assert len(events) == 75


@pytest.mark.parametrize("limit", [100, 3000, 3333])
def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path: Path, limit: int) -> None:
    command = [sys.executable, "-c", FILLING, str(tmp_path), str(limit)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "ledger.jsonl: want to write an event, found File too large" in done.stderr
    assert "nothing was lost; free space and run again" in done.stderr
    ledger = Ledger(tmp_path)
    assert [event.sha256 for event in ledger.events()] == done.stdout.split()
    assert not ledger.torn
    add(ledger)
    assert len(Ledger(tmp_path).events()) == len(done.stdout.split()) + 1


def test_a_disk_too_full_to_set_a_torn_line_aside_keeps_it_in_place(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_bytes(b"x" * 1000)
    command = [sys.executable, "-c", FILLING, str(tmp_path), "400"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "nothing was lost; free space and run again" in done.stderr
    assert (tmp_path / "ledger.jsonl").read_bytes() == b"x" * 1000
    add(Ledger(tmp_path))
    assert [(tmp_path / name).read_bytes() for name in notes(tmp_path)] == [b"x" * 1000]


def test_an_event_that_cannot_be_flushed_is_taken_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ledger.path.read_bytes()

    def fail(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(VerifyError, match=r"No space left on device; .* free space"):
            add(ledger)
    assert ledger.path.read_bytes() == before
    assert add(ledger).seq == 1


def test_the_name_of_a_new_ledger_is_put_on_disk_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda file: flushed.append(S_ISDIR(os.fstat(file).st_mode)))
    ledger = Ledger(tmp_path)
    add(ledger)
    add(ledger)
    assert flushed == [True, False, False]


@pytest.mark.parametrize("obstacle", ["results", "results/h200", "results/h200/ledger.jsonl"])
def test_something_in_the_way_of_a_ledger_is_named(tmp_path: Path, obstacle: str) -> None:
    place = tmp_path / obstacle
    if obstacle.endswith("jsonl"):
        place.mkdir(parents=True)
    else:
        place.parent.mkdir(exist_ok=True)
        place.touch()
    with pytest.raises(VerifyError, match=f"{tmp_path}/results/h200.*: want .*, found ") as refused:
        add(Ledger(tmp_path / "results" / "h200"))
    assert refused.value.exit_code == 2


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="wants the sysfs of Linux")
def test_results_on_a_file_system_without_writing_are_named(tmp_path: Path) -> None:
    (tmp_path / "results").symlink_to("/sys")
    with pytest.raises(VerifyError, match="results/h200: want a folder to write to, found "):
        add(Ledger(tmp_path / "results" / "h200"))
