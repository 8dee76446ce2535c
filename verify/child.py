"""The worker process as its parent sees it: started, fed, watched, replaced when it dies."""

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil
from pydantic import ValidationError

from reproductions.contract import Measurement
from verify.need import Need

_POLL_S = 0.1
_START_LIMIT_S = 180.0
_END_LIMIT_S = 10.0
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Outcome:
    """What came of one request: the worker's answer, or how the worker ended."""

    body: dict[str, Any]
    """``outcome`` and what belongs to it, ready for the ledger."""
    worker: dict[str, Any] | None
    """The worker's own environment; None if it never got ready."""


class _EndedError(Exception):
    """The worker died, hung or outgrew its limit; the reason is the message."""


@dataclass
class _Forked:
    """A process that another child has forked off, as ``subprocess.Popen`` shows its own."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    pid: int = 0
    """0 until it has told."""

    def poll(self) -> None:
        """Say that it runs: that it does not is heard when it is written to."""

    def kill(self) -> None:
        """End it."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait, once it is killed, until it is gone; only what it was forked off learns how."""
        while self.pid and self.stdout.read(_CHUNK):
            pass  # it had more to say
        return 0


class Worker:
    """One child process on one device. Restarts itself for the next request after a death."""

    def __init__(
        self,
        device: str,
        modules: Sequence[str],
        paths: Sequence[Path],
        artifacts: Path | None = None,
    ) -> None:
        self.device = device
        self.command = [sys.executable, "-P", "-m", "reproductions.worker", "--device", device]
        for module in modules:
            self.command += ["--module", module]
        for path in paths:
            self.command += ["--path", str(path)]
        if artifacts is not None:
            self.command += ["--artifacts", str(artifacts)]
        self.process: subprocess.Popen[bytes] | _Forked | None = None
        self.ready: dict[str, Any] | None = None
        self.complaints: IO[bytes] | None = None
        self.pending = b""
        self.requests = 0
        self.other: Worker | None = None
        """What ``split`` has started."""

    def measure(
        self, need: Need, is_enough: Callable[[Measurement], bool] | None = None
    ) -> Outcome:
        """Run one reproduction within its time and memory limits.

        Never raises for what the child does: a death, a hang or a refusal is an outcome.

        Args:
            need: What to measure.
            is_enough: Asked by reproductions that can end early whether what is known is enough;
                None has them go to the end.
        """
        started = time.monotonic()
        try:
            self._start()
            self.requests += 1
            params = need.params.model_dump(mode="json")
            asks = {} if is_enough is None else {"ask": True}
            self._send({"id": self.requests, "name": need.reproduction, "params": params, **asks})
            limit_bytes = int(need.spec.memory_limit_gib * 2**30)
            deadline = time.monotonic() + need.spec.time_limit_s
            answer = self._receive(deadline, need.spec.time_limit_s, limit_bytes)
            while is_enough is not None and "so_far" in answer:
                self._send({"enough": is_enough(_read_measurement(answer["so_far"]))})
                answer = self._receive(deadline, need.spec.time_limit_s, limit_bytes)
            if answer.pop("id", None) != self.requests:
                raise _EndedError(f"the worker answered {answer!r:.200}, which was not asked")
        except _EndedError as error:
            self._drop()
            answer = {"outcome": "error", "exception": "WorkerEnded", "message": str(error)}
        answer.setdefault("duration_s", round(time.monotonic() - started, 3))
        if answer["outcome"] == "error":
            answer["reason"] = f"{answer['exception']}: {_one_line(answer['message'])}"
        return Outcome(answer, self.ready)

    def close(self) -> None:
        """End the child, and what it forked off, however they are; waits until it is gone."""
        self._drop()
        if self.other is not None:
            self.other.close()
            self.other = None

    def _drop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout, self.complaints):
                if stream is not None:
                    stream.close()
        self.process = None
        self.pending = b""

    def _start(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self._spawn()

    def split(self) -> "Worker | None":
        """Have the child fork off another one, which shares what it has imported.

        Returns:
            The other one, which is closed with this; the one there is, if there is; None if either
            does not start.
        """
        if self.other is not None:
            return self.other
        their_requests, our_requests = os.pipe()
        our_answers, their_answers = os.pipe()
        streams = os.fdopen(our_requests, "wb", buffering=0), os.fdopen(our_answers, "rb", 0)
        other = copy(self)
        other.process, other.complaints, other.pending = _Forked(*streams), None, b""
        try:
            self._spawn(their_requests, their_answers)
            other.ready = other._hear_ready()
        except _EndedError:
            other.close()
            return None
        finally:
            os.close(their_requests)
            os.close(their_answers)
        self.other = other
        return other

    def kill(self) -> None:
        """End the child at once, so that whoever waits for its answer hears of it."""
        process = self.process
        if process is not None:
            process.kill()

    def _spawn(self, *beside: int) -> None:
        """Start a child, which forks off another one for these ends of two pipes, if given."""
        self._drop()
        self.complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        # A session of its own: Ctrl-C reaches the parent, which ends the child in order.
        self.process = subprocess.Popen(
            [*self.command, *(["--beside", *map(str, beside)] if beside else [])],
            pass_fds=beside,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            bufsize=0,
            start_new_session=True,
        )
        self.ready = None
        self.ready = self._hear_ready()

    def _hear_ready(self) -> dict[str, Any]:
        deadline = time.monotonic() + _START_LIMIT_S
        ready = self._receive(deadline, _START_LIMIT_S, None)["ready"]
        if isinstance(self.process, _Forked):
            self.process.pid = ready["pid"]
        # The process number says nothing about the measurement.
        return {key: value for key, value in ready.items() if key != "pid"}

    def _send(self, request: dict[str, Any]) -> None:
        if self.process is None or self.process.stdin is None:
            raise _EndedError("the worker is not running")
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise _EndedError(self._last_words("took no request")) from error

    def _receive(
        self, deadline: float, time_limit_s: float, memory_limit: int | None
    ) -> dict[str, Any]:
        """Wait for one line, watching the clock and the child's resident memory."""
        while b"\n" not in self.pending:
            if time.monotonic() > deadline:
                raise _EndedError(f"no answer within the limit of {time_limit_s:g} s")
            self._check_memory(memory_limit)
            self._read_some()
        line, _, self.pending = self.pending.partition(b"\n")
        try:
            answer: dict[str, Any] = dict(json.loads(line))
        except (TypeError, ValueError) as error:
            raise _EndedError(f"the worker answered {line[:200]!r}, no JSON object") from error
        return answer

    def _read_some(self) -> None:
        if self.process is None or self.process.stdout is None:
            raise _EndedError("the worker is not running")
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if selector.select(_POLL_S):
                chunk = os.read(self.process.stdout.fileno(), _CHUNK)
                if not chunk:
                    raise _EndedError(self._last_words("ended"))
                self.pending += chunk

    def _check_memory(self, limit: int | None) -> None:
        if limit is None or self.process is None:
            return
        try:
            used = psutil.Process(self.process.pid).memory_info().rss
        except psutil.Error:
            return  # it has just ended; reading its pipe tells how
        if used > limit:
            gib = limit / 2**30
            raise _EndedError(f"resident memory passed the limit of {gib:g} GiB")

    def _last_words(self, what: str) -> str:
        said = ""
        if self.complaints is not None:
            self.complaints.seek(0)
            lines = self.complaints.read().decode(errors="replace").strip().splitlines()
            said = f"; it said last: {lines[-1][:300]}" if lines else ""
        return f"the worker {what} ({self._end()}){said}"

    def _end(self) -> str:
        """Say how the process ended; its pipes are closed, so it has or is about to."""
        if self.process is None:
            return "not running"
        if isinstance(self.process, _Forked):
            return "how is known to the process alone that it was forked off"
        try:
            code = self.process.wait(timeout=_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            return "its pipes closed, still running"
        if code < 0:
            return f"killed by signal {-code}, {signal.strsignal(-code)}"
        return f"exit status {code}"


def _one_line(message: str) -> str:
    """Write a message as one sentence; pydantic's has several lines and an address."""
    return " ".join(re.sub(r"For further information visit \S+", "", message).split())


def _read_measurement(answer: Any) -> Measurement:
    try:
        return Measurement.model_validate(answer)
    except ValidationError as error:
        raise _EndedError(f"the worker answered {answer!r:.200}, no measurement") from error
