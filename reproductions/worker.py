"""A long-lived child process that measures, fed by its parent over a pipe.

``python -m reproductions.worker --device cpu [--module NAME ...] [--path DIR ...]
[--artifacts FILE] [--beside READ WRITE]``

One JSON object a line. The worker first writes ``{"ready": {...}}``, its environment.
Then it reads ``{"id": 7, "name": "parameter_count", "params": {...}}`` from stdin and
writes one answer each, in order: ``outcome`` is ``ok`` (with ``measurement``), ``blocked``
(with ``reason``) or ``error`` (with ``exception``, ``message``, ``traceback``), ``id`` the
number asked with, or null where the request could not be read.

A request with ``"ask": true`` may be answered by ``{"id": 7, "so_far": {...}}`` first, a
measurement that could end there: the worker waits for ``{"enough": true}`` or false.

With ``--beside`` it forks off another worker, which is fed through these two file descriptors,
once what both need is imported; so that this takes time and memory once.

It sees names and params, never a claim. Answers go to what was stdout; file descriptors
0 and 1 then point elsewhere, so that no library reads requests or writes between
answers. When stdin ends, the parent is gone and the process exits at once, even in the
middle of a measurement. Ctrl-C is the parent's to handle.
"""

import argparse
import ctypes
import gc
import json
import os
import platform
import resource
import runpy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, JsonValue

from reproductions.artifacts import use_catalogue
from reproductions.asking import answered_by
from reproductions.devices import processors
from reproductions.errors import NotMeasurableError
from reproductions.measure import import_modules, measure, parse_params

Answer = dict[str, JsonValue]

_HEAVY = ("torch", "timm", "vig_models.pyg")
"""Take seconds and hundreds of megabytes; none runs anything when it is imported."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    id: int
    name: str
    params: dict[str, JsonValue]
    ask: bool = False
    """Whether somebody waits who knows when a measurement may end early."""


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    enough: bool


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer requests until stdin ends; does not return."""
    options = _parser().parse_args(arguments)
    requests, answers = _take_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:0] = options.path
    use_catalogue(options.artifacts)
    if options.beside:
        requests, answers = _fork(requests, answers, *options.beside)
    queue: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, queue), daemon=True).start()
    _write(answers, {"ready": _environment(options.device)})
    while True:
        line = queue.get()

        def ask(so_far: Answer) -> bool:
            _write(answers, so_far)
            return _Reply.model_validate_json(queue.get()).enough

        _write(answers, _answer(line, options.module, options.device, ask))
        _give_back_memory()


def _give_back_memory() -> None:
    """Return what the measurement has freed to the system, which glibc keeps for later."""
    trim = sys.platform == "linux" and getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reproductions.worker", description=__doc__)
    parser.add_argument("--device", required=True)
    parser.add_argument("--module", action="append", default=[], metavar="NAME")
    parser.add_argument("--path", action="append", default=[], metavar="DIR")
    parser.add_argument("--artifacts", type=Path, metavar="FILE")
    parser.add_argument("--beside", type=int, nargs=2, metavar=("READ", "WRITE"))
    return parser


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _fork(
    requests: BinaryIO, answers: BinaryIO, others_requests: int, others_answers: int
) -> tuple[BinaryIO, BinaryIO]:
    """Import what measurements need, fork, and give each of the two processes its own pipes."""
    for name in _HEAVY:
        with suppress(ImportError, OSError, RuntimeError):  # each job will say what is wrong
            import_module(name)
    gc.freeze()  # a collection would write to, and so copy, the memory that both share
    if os.fork():
        os.close(others_requests)
        os.close(others_answers)
        return requests, answers
    requests.close()
    answers.close()
    return os.fdopen(others_requests, "rb"), os.fdopen(others_answers, "wb")


def _read(requests: BinaryIO, queue: SimpleQueue[bytes]) -> None:
    for line in requests:
        queue.put(line)
    os._exit(0)


def _write(answers: BinaryIO, answer: Answer) -> None:
    answers.write(json.dumps(answer, allow_nan=False).encode() + b"\n")
    answers.flush()


def _answer(
    line: bytes, modules: Sequence[str], device: str, ask: Callable[[Answer], bool]
) -> Answer:
    job: Answer = {"id": None}
    try:
        request = _Request.model_validate_json(line)
        job["id"] = request.id
        import_modules(modules)
        if not request.ask:
            return job | _measured(request, device)
        with answered_by(lambda so_far: ask(job | {"so_far": so_far.model_dump(mode="json")})):
            return job | _measured(request, device)
    except NotMeasurableError as obstacle:
        return job | {"outcome": "blocked", "reason": str(obstacle)}
    except Exception as error:  # noqa: BLE001  # whatever went wrong is the answer
        return job | {
            "outcome": "error",
            "exception": type(error).__name__,
            "message": str(error),
            "traceback": _traceback(error),
        }


def _traceback(error: Exception) -> str:
    """Format a traceback whose files are named by folder and name, without this machine's paths."""
    formatted = traceback.TracebackException.from_exception(error)
    for frame in formatted.stack:
        frame.filename = "/".join(Path(frame.filename).parts[-2:])
    return "".join(formatted.format())


def _measured(request: _Request, device: str) -> Answer:
    params = parse_params(request.name, request.params)
    start = time.perf_counter()
    measurement = measure(request.name, params, device)
    return {
        "outcome": "ok",
        "measurement": measurement.model_dump(mode="json"),
        "duration_s": time.perf_counter() - start,
        "peak_rss_bytes": _peak_rss_bytes(),
    }


def _peak_rss_bytes() -> int:
    """Read the most memory this process has held so far.

    Not ``getrusage`` where it can be helped: on Linux its figure starts from the parent's.
    """
    status = Path("/proc/self/status")
    lines = status.read_bytes().splitlines() if status.exists() else []
    for line in lines:
        if line.startswith(b"VmHWM:"):
            return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _environment(device: str) -> Answer:
    """Describe this process. Only to name a GPU is torch imported."""
    torch = _torch_version()
    return {
        "pid": os.getpid(),
        "device": device,
        "python": platform.python_version(),
        "torch": torch.get("__version__"),
        "cuda": torch.get("cuda"),
        "gpu": None if device == "cpu" else _gpu(device),
        "threads": processors(),
    }


def _torch_version() -> Answer:
    """Run the file in which torch states its version and the CUDA version it was built for."""
    torch = find_spec("torch")
    if torch is None or torch.origin is None:
        return {}
    return runpy.run_path(str(Path(torch.origin).with_name("version.py")))


def _gpu(device: str) -> str | None:
    try:
        name: str = import_module("torch").cuda.get_device_name(device)
    except (ImportError, OSError, RuntimeError, AssertionError, ValueError):
        return None  # each job on this device will say what is wrong with it
    return name


if __name__ == "__main__":
    main()
