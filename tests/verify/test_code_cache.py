"""What is kept of parsed files: found by content alone, and never in the way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from verify.code_cache import CodeCache, Import, Parsed, code_cache

PARSED = Parsed("0" * 64, (Import(3, 0, "torch", ("nn",)), Import(4, 1, "", ())))


def test_an_entry_is_found_in_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "new" / "code.json"
    cache = CodeCache(path)
    cache.put(b"import torch", PARSED)
    cache.save()
    assert CodeCache(path).get(b"import torch") == PARSED


def test_a_file_with_another_content_has_no_entry(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path / "code.json")
    cache.put(b"import torch", PARSED)
    assert cache.get(b"import torch ") is None


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"[]", b'{"a": 1}', b'{"a": {"digest": 1, "imports": []}}', b"\xff"]
)
def test_a_damaged_cache_counts_as_empty_and_is_replaced(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "code.json"
    path.write_bytes(damaged)
    cache = CodeCache(path)
    assert cache.get(b"a") is None
    cache.put(b"a", PARSED)
    cache.save()
    assert CodeCache(path).get(b"a") == PARSED


def test_a_cache_that_cannot_be_written_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = CodeCache(tmp_path / "file" / "code.json")  # no folder can stand there
    cache.put(b"a", PARSED)
    cache.save()
    assert cache.get(b"a") == PARSED


def test_without_a_new_entry_nothing_is_written(tmp_path: Path) -> None:
    CodeCache(tmp_path / "code.json").save()
    assert list(tmp_path.iterdir()) == []


def test_another_version_of_the_parser_has_another_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, content in (("old.py", "1"), ("new.py", "2")):
        (tmp_path / name).write_text(content)
    old = code_cache(tmp_path / "old.py")
    old.put(b"a", PARSED)
    old.save()
    assert code_cache(tmp_path / "new.py").get(b"a") is None


DIGEST = (
    "import pathlib, sys; from verify.code_digest import code_digest; "
    "print(code_digest(['part'], {'part': pathlib.Path(sys.argv[1])}))"
)


def test_digests_are_the_same_with_and_without_a_cache_and_follow_every_change(
    tmp_path: Path,
) -> None:
    part = tmp_path / "part.py"

    def digest() -> str:
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
        command = [sys.executable, "-c", DIGEST, str(part)]
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout

    part.write_text("A = 1\n")
    status = part.stat()
    first, second = digest(), digest()
    assert first == second
    assert list((tmp_path / "vig-verify").iterdir())
    part.write_text("A = 2\n")  # as long, and as old
    os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digest() != first
