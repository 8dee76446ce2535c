"""Files are written whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from verify.errors import VerifyError
from verify.files import remove, write_atomically


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_a_file_is_written_with_its_folders(tmp_path):
    write_atomically(tmp_path / "a/b/page.md", "größer\n")
    assert (tmp_path / "a/b/page.md").read_bytes() == "größer\n".encode()


def test_a_file_may_be_read_by_others(tmp_path):
    write_atomically(tmp_path / "page.md", "text")
    assert (tmp_path / "page.md").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failing_write_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, step):
    page = tmp_path / "page.md"
    page.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    target = {"fsync": os, "replace": Path}[step]
    monkeypatch.setattr(target, step, fail)
    with pytest.raises(VerifyError, match=r"page\.md: cannot be written \(No space left"):
        write_atomically(page, "new")
    monkeypatch.undo()
    assert page.read_text() == "old"
    assert names(tmp_path) == ["page.md"]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    (tmp_path / "page.md").write_text("old")
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from verify.files import write_atomically\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_atomically(Path(sys.argv[1]), 'x' * 5000)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "page.md")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "VerifyError" in ran.stderr
    assert names(tmp_path) == ["page.md"]
    assert (tmp_path / "page.md").read_text() == "old"


def test_a_file_where_a_folder_should_be_is_refused(tmp_path):
    (tmp_path / "a").write_text("in the way")
    with pytest.raises(VerifyError, match="cannot be written"):
        write_atomically(tmp_path / "a/page.md", "text")


def test_a_folder_where_a_file_should_be_is_refused_and_left(tmp_path):
    (tmp_path / "page.md").mkdir()
    with pytest.raises(VerifyError, match="cannot be written"):
        write_atomically(tmp_path / "page.md", "text")
    assert names(tmp_path) == ["page.md"]
    with pytest.raises(VerifyError, match="cannot be removed"):
        remove(tmp_path / "page.md")


def test_removing_removes(tmp_path):
    (tmp_path / "page.md").write_text("old")
    remove(tmp_path / "page.md")
    assert names(tmp_path) == []
