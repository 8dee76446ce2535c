"""Planted mistakes through the real loader and ledger: each must be refused in one sentence."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from verify import ledger, ledger_check
from verify.errors import VerifyError
from verify.load import load
from verify.root import find_root
from verify.selftest.lab import Wrong
from verify.selftest.planted import CLAIM, PLANTED, Planted

BAD_INPUT, DAMAGED = 2, 4


@dataclass(frozen=True)
class Tampered:
    """An edit of a ledger of three events, and the sentence it must be refused with."""

    name: str
    edit: Callable[[bytes], bytes]
    sentence: str
    head: str | None = None
    """A head to check against."""
    code: int = DAMAGED


def _line(number: int, old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        if old not in lines[number]:
            raise ValueError(f"want {old!r} in line {number} of the ledger to be changed")
        lines[number] = lines[number].replace(old, new, 1)
        return b"".join(lines)

    return edit


def _order(*numbers: int) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        return b"".join(lines[number] for number in numbers)

    return edit


def _same(content: bytes) -> bytes:
    return content


TAMPERED = (
    Tampered("a byte of a body", _line(1, b'"n":1', b'"n":7'), "found it changed"),
    Tampered("a hash", _line(2, b'"sha256":"', b'"sha256":"0'), "found it changed"),
    Tampered("an event taken out", _order(0, 2), "want seq 1, found 2"),
    Tampered("events swapped", _order(0, 2, 1), "want seq 1, found 2"),
    Tampered("the first event taken off", _order(1, 2), "want seq 0, found 1"),
    Tampered("an event twice", _order(0, 1, 1, 2), "want seq 2, found 1"),
    Tampered("another chain", _line(1, b'"prev":"', b'"prev":"0'), "want prev"),
    Tampered("a space", _line(1, b'"n":1', b'"n": 1'), "found it changed"),
    Tampered("another schema", _line(1, b'"schema":', b'"schema":9'), "want schema"),
    Tampered("an unknown type", _line(1, b'"note"', b'"moat"'), "want a type of"),
    Tampered("a field too many", _line(1, b'{"', b'{"a":1,"'), "want the fields"),
    Tampered("no JSON", _line(1, b"{", b"["), "want one canonical JSON object"),
    Tampered("an unfinished line", lambda content: content + b'{"body":', "want a finished line"),
    Tampered("events taken off the end", _order(0), "restore the ledgers", "the head"),
    Tampered("another head", _same, "restore the ledgers", "0" * 64),
    Tampered("a short head", _same, "want 12 to 64 hex digits", "0123", BAD_INPUT),
)


def refusals() -> tuple[int, list[Wrong]]:
    """Plant every mistake in a temporary folder.

    Returns:
        How many there were, and those that were accepted or refused otherwise.
    """
    wrong = []
    attempts = list(_attempts())
    for name, expected, code, attempt in attempts:
        found = _refusal(attempt)
        if found is None:
            wrong.append(Wrong("", "refusal", name, f"{code} {expected}", "accepted"))
        elif found[0] != code or expected not in found[1] or "\n" in found[1]:
            wrong.append(Wrong("", "refusal", name, f"{code} {expected}", f"{found[0]} {found[1]}"))
    return len(attempts), wrong


def _refusal(attempt: Callable[[Path], None]) -> tuple[int, str] | None:
    """Try in an empty folder; give the exit code and the sentence, None if nothing was refused."""
    modules = list(sys.path)
    try:
        with TemporaryDirectory(prefix="verify-selftest-") as folder:
            attempt(Path(folder))
    except VerifyError as error:
        return error.exit_code, str(error)
    finally:
        sys.path[:] = modules
    return None


Attempt = tuple[str, str, int, Callable[[Path], None]]


def _attempts() -> Iterator[Attempt]:
    for planted in PLANTED:
        yield planted.name, planted.sentence, BAD_INPUT, _loading(planted)
    yield "no project", "want a folder with claims.yaml", BAD_INPUT, _find
    for tampered in TAMPERED:
        yield tampered.name, tampered.sentence, tampered.code, _checking(tampered)
    yield "an event with NaN", "want finite numbers", BAD_INPUT, _append_nan


def _loading(planted: Planted) -> Callable[[Path], None]:
    def attempt(root: Path) -> None:
        (root / "claims").mkdir()
        files = {"claims/toyvig.yaml": planted.claim, **planted.files}
        if planted.index is not None:
            files["claims.yaml"] = planted.index
        for name, content in files.items():
            raw = content if isinstance(content, bytes) else content.encode()
            (root / name).write_bytes(raw)
        load(root)

    return attempt


def _find(root: Path) -> None:
    (root / "claims").mkdir()
    (root / "claims" / "toyvig.yaml").write_text(CLAIM)
    find_root(root)


def _checking(tampered: Tampered) -> Callable[[Path], None]:
    def attempt(root: Path) -> None:
        written = ledger.Ledger(root / "machine", tool="selftest")
        for number in range(3):
            written.append("note", {"n": number}, digests={}, environment={})
        head = ledger.combined_head(ledger.read_ledgers(root))
        written.path.write_bytes(tampered.edit(written.path.read_bytes()))
        ledger_check.check(root, head if tampered.head == "the head" else tampered.head)

    return attempt


def _append_nan(root: Path) -> None:
    written = ledger.Ledger(root / "machine", tool="selftest")
    written.append("note", {"n": float("nan")}, digests={}, environment={})
