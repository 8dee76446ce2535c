"""The worker: one answer per request, whatever a reproduction does, and no orphan."""

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest

TOY = """
import os, subprocess, sys, time
from reproductions.asking import is_asked, is_enough
from reproductions.contract import Convention, Measurement, NotMeasurableError, Params, Quantity
from reproductions.contract import Spec, declare, reproduction

class ToyBehaviorParams(Params):
    behavior: str

declare(Spec(
    name="toy_behavior", module=__name__, params=ToyBehaviorParams, unit="param",
    conventions=(Convention(name="all", counts="everything"),), better="none", protocol=1,
    cost_s=0, time_limit_s=9, memory_limit_gib=1,
))

@reproduction
def toy_behavior(params, device):
    if params.behavior == "print":
        print("a line of a library")
        os.write(1, b"bytes of a C library\\n")
        subprocess.run([sys.executable, "-c", "print(input())"], stderr=subprocess.DEVNULL)
    elif params.behavior == "raise":
        raise ValueError("broken on purpose")
    elif params.behavior == "blocked":
        raise NotMeasurableError(f"wants a CUDA device, found {device}")
    elif params.behavior == "ask":
        for part in range(1, 4):
            if is_enough(Measurement(values={"all": Quantity.exact(part, "param")})):
                return Measurement(values={"all": Quantity.exact(part, "param")})
        return Measurement(values={"all": Quantity.exact(100 + is_asked(), "param")})
    elif params.behavior == "sleep":
        print("asleep", file=sys.stderr, flush=True)
        time.sleep(60)
    return Measurement(values={"all": Quantity.exact(1, "param")})
"""


class Worker:
    """A worker process and the two ends of its pipes."""

    def __init__(self, folder):
        command = [sys.executable, "-m", "reproductions.worker", "--device", "cpu"]
        self.process = subprocess.Popen(
            [*command, "--module", "toy_project", "--path", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.ready = self.receive()["ready"]

    def send(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def receive(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, behavior, *, number=7, name="toy_behavior", **more):
        params = {"behavior": behavior}
        self.send(json.dumps({"id": number, "name": name, "params": params, **more}))

    def answer(self, behavior, **request):
        self.ask(behavior, **request)
        return self.receive()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "toy_project.py").write_text(TOY, encoding="utf-8")
    return folder


@contextmanager
def _running(folder):
    worker = Worker(folder)
    with worker.process:
        try:
            yield worker
        finally:
            worker.process.kill()


@pytest.fixture(scope="module")
def shared_worker(folder):
    """One worker for all tests that leave it alive: that it stays so is part of each."""
    with _running(folder) as worker:
        yield worker


@pytest.fixture
def own_worker(folder):
    with _running(folder) as worker:
        yield worker


def test_the_first_line_describes_the_process(shared_worker):
    ready = shared_worker.ready
    assert ready["pid"] == shared_worker.process.pid
    assert (ready["device"], ready["gpu"]) == ("cpu", None)
    assert ready["threads"] > 0
    assert set(ready) == {"pid", "device", "python", "torch", "cuda", "gpu", "threads"}


def test_a_measurement_comes_with_its_cost(shared_worker):
    answer = shared_worker.answer("return", number=12)
    assert (answer["id"], answer["outcome"]) == (12, "ok")
    assert answer["measurement"]["values"]["all"]["value"] == 1
    assert 0 <= answer["duration_s"] < 60
    assert answer["peak_rss_bytes"] > 1_000_000


def value(answer, key="measurement"):
    return answer[key]["values"]["all"]["value"]


@pytest.mark.parametrize(("enough_at", "found"), [(1, 1), (3, 3), (9, 101)])
def test_a_measurement_that_may_end_asks_and_waits_for_the_answer(shared_worker, enough_at, found):
    shared_worker.ask("ask", ask=True)
    for part in range(1, min(enough_at, 3) + 1):
        asked = shared_worker.receive()
        assert (asked["id"], set(asked)) == (7, {"id", "so_far"})
        assert value(asked, "so_far") == part
        shared_worker.send(json.dumps({"enough": part == enough_at}))
    answer = shared_worker.receive()
    assert (answer["outcome"], value(answer)) == ("ok", found)


def test_nobody_is_asked_who_did_not_say_that_he_waits(shared_worker):
    assert value(shared_worker.answer("ask")) == 100


def test_an_answer_that_is_none_is_an_error_and_the_worker_lives_on(shared_worker):
    shared_worker.ask("ask", ask=True)
    shared_worker.receive()
    shared_worker.send(json.dumps({"enough": "perhaps"}))
    answer = shared_worker.receive()
    assert (answer["outcome"], answer["exception"]) == ("error", "ValidationError")
    assert value(shared_worker.answer("ask")) == 100


def test_what_a_reproduction_prints_does_not_reach_the_pipe(shared_worker):
    shared_worker.ask("print", number=1)
    shared_worker.ask("return", number=2)
    answers = [shared_worker.receive(), shared_worker.receive()]
    assert [(answer["id"], answer["outcome"]) for answer in answers] == [(1, "ok"), (2, "ok")]


def test_an_exception_is_an_answer_and_the_worker_lives_on(shared_worker):
    answer = shared_worker.answer("raise")
    assert (answer["id"], answer["outcome"]) == (7, "error")
    assert (answer["exception"], answer["message"]) == ("ValueError", "broken on purpose")
    assert 'raise ValueError("broken on purpose")' in answer["traceback"]
    files = re.findall(r'File "(.*?)"', answer["traceback"])
    assert files
    assert not any(file.startswith("/") or file.count("/") > 1 for file in files)
    assert shared_worker.answer("return")["outcome"] == "ok"


def test_an_obstacle_is_no_error(shared_worker):
    assert shared_worker.answer("blocked") == {
        "id": 7,
        "outcome": "blocked",
        "reason": "wants a CUDA device, found cpu",
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "Invalid JSON"),
        ("[]", "should be an object"),
        ('{"id": 7, "name": "toy_behavior"}', "Field required"),
        ('{"id": 7, "name": "toy_behavior", "params": {}, "claim": 1}', "not permitted"),
    ],
    ids=["no JSON", "no object", "no params", "a claim"],
)
def test_a_malformed_request_is_an_error_of_no_job(shared_worker, line, message):
    shared_worker.send(line)
    answer = shared_worker.receive()
    assert (answer["id"], answer["outcome"]) == (None, "error")
    assert message in answer["message"]
    assert shared_worker.answer("return")["outcome"] == "ok"


def test_an_unknown_reproduction_is_an_error(shared_worker):
    answer = shared_worker.answer("return", name="toy_behaviour")
    assert answer["exception"] == "ReproductionError"
    assert "did you mean 'toy_behavior'?" in answer["message"]


def test_ctrl_c_is_left_to_the_parent(own_worker):
    own_worker.process.send_signal(signal.SIGINT)
    assert own_worker.answer("return")["outcome"] == "ok"


def test_a_module_that_cannot_be_imported_is_an_error_of_each_job(tmp_path):
    (tmp_path / "toy_project.py").write_text("import no_such_package", encoding="utf-8")
    with _running(tmp_path) as worker:
        for _ in range(2):
            assert worker.answer("return")["exception"] == "ModuleNotFoundError"


def test_the_end_of_stdin_ends_the_worker_in_the_middle_of_a_measurement(own_worker):
    own_worker.ask("sleep")
    assert own_worker.process.stderr.readline() == b"asleep\n"
    own_worker.process.stdin.close()
    assert own_worker.process.wait(timeout=10) == 0


PARENT = """
import subprocess, sys, time
worker = subprocess.Popen(
    [sys.executable, "-m", "reproductions.worker", "--device", "cpu"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
)
worker.stdout.readline()
print(worker.pid, flush=True)
time.sleep(60)
"""


def test_killing_the_parent_ends_the_worker():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        worker = int(parent.stdout.readline())
        assert _runs(worker)
        parent.kill()
    deadline = time.monotonic() + 10
    while _runs(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(worker)


def _runs(process):
    """Tell whether a process runs; one that ended and nobody waited for does not."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
