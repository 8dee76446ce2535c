"""A project's own modules, imported: whatever one does meanwhile is told in a sentence."""

import importlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType

LIMIT_S = 60.0
"""Seconds the import of one module may take: whatever it measures, it measures later."""


def import_own(names: Sequence[str], root: Path) -> Iterator[tuple[int, str]]:
    """Import the modules that ``claims.yaml`` names under ``reproductions``.

    What they print goes to stderr: stdout is the command's.

    Args:
        names: Of the modules.
        root: The project's folder, in which they are looked for first.

    Yields:
        Of each that cannot be used: which it is, and a sentence.
    """
    if names and str(root) not in sys.path:
        sys.path.insert(0, str(root))
    for number, name in enumerate(names):
        try:
            with redirect_stdout(sys.stderr), _limited(LIMIT_S):
                module = importlib.import_module(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever it did is the answer
            yield number, _refusal(name, error)
            continue
        if other := _another(module, name, root):
            yield number, other


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer, where the system can: alarms ring in the main thread alone."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise TimeoutError(f"its import did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _refusal(name: str, error: BaseException) -> str:
    kind = type(error).__name__
    told = " ".join(str(error).split()) or "without a word"
    found = told if isinstance(error, ImportError | SyntaxError) else f"{kind}: {told}"
    return (
        f"want an importable module, got {name!r} ({found}); "
        "put it beside claims.yaml, install it or mend it"
    )


def _another(module: ModuleType, name: str, root: Path) -> str | None:
    """Say so where a file of the project is shadowed by a module that was loaded before."""
    own = root.joinpath(*name.split(".")).with_suffix(".py")
    file = module.__spec__.origin if module.__spec__ is not None else None
    if not own.is_file() or (file is not None and Path(file).resolve() == own.resolve()):
        return None
    return f"want {own.name} beside claims.yaml, got another module of that name; rename it"
