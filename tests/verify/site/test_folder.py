"""The site's folder is written whole or not at all, and never over somebody else's files."""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from verify.errors import VerifyError
from verify.publish.site import folder

FILES = [("index.html", "<p>1</p>"), ("claims/a.html", "<p>2</p>")]


def names(path):
    return sorted(found.relative_to(path).as_posix() for found in path.rglob("*"))


def refused(result):
    assert result.code == 2
    assert result.err.startswith("verify: ")
    assert result.err.count("\n") == 1
    return result.err


def test_a_site_is_written_with_a_list_of_its_files(tmp_path):
    out = tmp_path / "deep" / "site"
    assert folder.write(out, FILES) == 2
    assert names(out) == ["claims", "claims/a.html", "index.html", folder.MARKER]
    assert json.loads((out / folder.MARKER).read_text())["files"] == {
        name: hashlib.sha256(text.encode()).hexdigest() for name, text in FILES
    }
    assert out.stat().st_mode & 0o777 == 0o755
    assert names(out.parent) == ["site", *(f"site/{name}" for name in names(out))]


def test_a_site_takes_the_place_of_the_one_before(tmp_path):
    folder.write(tmp_path / "site", FILES)
    folder.write(tmp_path / "site", [("index.html", "new")])
    assert names(tmp_path / "site") == ["index.html", folder.MARKER]
    assert (tmp_path / "site" / "index.html").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_an_empty_folder_is_taken_and_a_link_to_one_followed(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    folder.write(tmp_path / "link", FILES)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "index.html").is_file()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda out: (out / "thesis.tex").write_text("mine"), id="a file"),
        pytest.param(lambda out: (out / "index.html").write_text("mine"), id="of the same name"),
        pytest.param(lambda out: (out / "mine").mkdir(), id="an empty folder"),
        pytest.param(lambda out: (out / "mine").symlink_to("/"), id="a link"),
        pytest.param(lambda out: (out / ".git").mkdir(), id="hidden"),
        pytest.param(lambda out: (out / folder.MARKER).write_text("[]"), id="no marker of ours"),
    ],
)
def test_foreign_files_are_never_replaced(tmp_path, make):
    out = tmp_path / "site"
    out.mkdir()
    make(out)
    if (out / folder.MARKER).exists():
        (out / "index.html").touch()
    before = names(tmp_path)
    with pytest.raises(VerifyError, match=r"want an empty folder or a site made by this tool"):
        folder.write(out, FILES)
    assert names(tmp_path) == before


def test_a_foreign_file_within_a_site_is_not_replaced_either(site):
    (site.out / "CNAME").write_text("example.org")
    before = site.files()
    err = refused(site.publish())
    assert "found 'CNAME'; move it away or name another folder with --out" in err
    assert site.files() == before


def test_a_file_in_the_folders_place_is_refused(site):
    shutil.rmtree(site.out)
    site.out.write_text("mine")
    assert "want a folder, found a file" in refused(site.publish())
    assert site.out.read_text() == "mine"


def test_a_folder_below_a_file_is_refused(site):
    (site.toy.root / "file").write_text("")
    for arguments in ((), ("--check",)):
        err = refused(site.publish("--out", str(site.toy.root / "file" / "site"), *arguments))
        assert f"want a folder, found the file {site.toy.root / 'file'} on the way; name" in err


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x" * 300, "File name too long"),
        (f"{'x' * 300}/site", "File name too long"),
        ("loop", "Too many levels of symbolic links"),
        ("loop/site", "Too many levels of symbolic links"),
    ],
    ids=["too long", "below too long", "loop", "below a loop"],
)
def test_a_name_that_no_folder_can_have_is_refused(site, name, why):
    (site.toy.root / "loop").symlink_to("loop")
    before = site.toy.files()
    for arguments in ((), ("--check",)):
        err = refused(site.publish("--out", str(site.toy.root / name), *arguments))
        assert f"found an unusable name ({why}); name another one with --out" in err
    assert site.toy.files() == before


def test_a_page_that_was_edited_is_not_replaced_until_it_is_removed(site):
    edited(site, "index.html", "What holds", "What I say")
    before = site.files()
    err = refused(site.publish())
    assert "found 'index.html' edited since; remove it to have it made again" in err
    assert site.files() == before
    (site.out / "index.html").unlink()
    assert site.publish().code == 0
    assert site.publish("--check").code == 0


@pytest.mark.parametrize("step", ["mkdtemp", "access"])
def test_a_read_only_folder_is_refused_in_one_sentence(site, monkeypatch, step):
    def denied(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def no(path, mode):
        return mode != os.W_OK or Path(path) != site.out

    before = site.files()
    if step == "mkdtemp":
        monkeypatch.setattr(folder.tempfile, "mkdtemp", denied)
    else:
        monkeypatch.setattr(folder.os, "access", no)
    err = refused(site.publish())
    assert "cannot be written (Permission denied); it stands as it was" in err
    monkeypatch.undo()
    assert site.files() == before


@pytest.mark.parametrize("step", ["write", "rename"])
def test_a_failing_write_leaves_the_old_site_and_nothing_beside_it(tmp_path, monkeypatch, step):
    out = tmp_path / "site"
    folder.write(out, FILES)

    def failing():
        yield "index.html", "new"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    rename = Path.rename

    def refuse(self, target):
        if Path(target) == out and self.name != "site":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    if step == "rename":
        monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(VerifyError, match=r"site: cannot be written"):
        folder.write(out, failing() if step == "write" else FILES)
    monkeypatch.undo()
    assert (out / "index.html").read_text() == "<p>1</p>"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_an_interruption_leaves_the_old_site_and_nothing_beside_it(tmp_path):
    def interrupted():
        yield "index.html", "new"
        raise KeyboardInterrupt

    out = tmp_path / "site"
    folder.write(out, FILES)
    with pytest.raises(KeyboardInterrupt):
        folder.write(out, interrupted())
    assert (out / "index.html").read_text() == "<p>1</p>"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_an_interruption_between_the_two_names_brings_the_old_site_back(tmp_path, monkeypatch):
    out = tmp_path / "site"
    folder.write(out, FILES)
    rename = Path.rename

    def interrupted(self, target):
        if Path(target) == out and self.name != "site":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        folder.write(out, [("index.html", "new")])
    monkeypatch.undo()
    assert (out / "index.html").read_text() == "<p>1</p>"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_check_says_that_all_is_the_ledgers(site):
    before = site.files()
    result = site.publish("--check")
    assert (result.code, result.out) == (0, "every page, file and number is the ledger's\n")
    assert site.publish("--check", "--json").json == {"would_change": []}
    assert site.files() == before


def edited(site, name, old, new):
    text = site.text(name)
    assert old in text
    (site.out / name).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [
        (
            "claims/toyvig.toy_count.toyvig_s.html",
            ">22.310<",
            ">22.301<",
            "measured reads '22.301', the ledger has '22.310'",
        ),
        ("index.html", '"all pass">7<', '"all pass">8<', "pass reads '8', the ledger has '7'"),
        ("documents/toyvig.html", ">160.200<", ">160.1<", "reads '160.1'"),
        ("claims.json", "22.31", "22.3", "claims.json: would change"),
        ("badge.svg", "7 hold", "9 hold", "badge.svg: would change"),
        ("claims.csv", "22.31,", "22.13,", "claims.csv: would change"),
        ("tables/toyvig-table-ii.csv", "22.31,", "22.13,", "would change"),
        ("junit.xml", 'tests="11"', 'tests="12"', "junit.xml: would change"),
        ("pictures/verdicts.csv", ",1,", ",2,", "verdicts.csv: would change"),
        ("pictures/claimed-toy-count.svg", "7 claims", "8 claims", "count.svg: would"),
        ("claims.schema.json", "2020-12", "2021-12", "claims.schema.json: would change"),
        ("style.css", "650", "651", "style.css: would change"),
        ("site.js", "250", "251", "site.js: would change"),
        ("made-by-vig-verify.json", "vig-verify 0", "vig-verify 9", "verify.json: would change"),
    ],
)
def test_check_finds_a_number_that_is_not_the_ledgers(site, name, old, new, found):
    edited(site, name, old, new)
    before = site.files()
    result = site.publish("--check")
    assert result.code == 1
    assert found in result.out
    assert f"{name}: would change" in result.out
    assert site.files() == before


def test_check_finds_what_is_missing_and_what_is_left_over(site):
    (site.out / "junit.xml").unlink()
    (site.out / "claims" / "old.html").touch()
    (site.out / "CNAME").write_text("example.org")
    marker = json.loads(site.text(folder.MARKER))
    marker["files"]["claims/old.html"] = hashlib.sha256(b"").hexdigest()
    (site.out / folder.MARKER).write_text(json.dumps(marker))
    result = site.publish("--check", "--json")
    assert result.code == 1
    assert result.json == {
        "would_change": [
            "junit.xml: missing",
            f"{folder.MARKER}: would change",
            "CNAME: not made by this tool",
            "claims/old.html: no longer made",
        ]
    }


def test_check_without_a_site_says_what_to_do(toy):
    assert "run `verify publish site` first" in refused(toy.verify("publish", "site", "--check"))


def test_check_names_twenty_and_counts_the_rest(site):
    for name in site.files():
        if name.endswith((".html", ".csv")):
            (site.out / name).write_text("")
    lines = site.publish("--check").out.splitlines()
    assert len(lines) == 21
    assert lines[-1].startswith("and ")


def test_a_folder_is_asked_of_a_site_only(toy):
    err = refused(toy.verify("publish", "tables", "--out", "x"))
    assert "--out: want it with `publish site`" in err


def test_a_damaged_ledger_is_refused_and_the_site_stands(site):
    path = site.toy.ledger
    path.write_bytes(path.read_bytes().replace(b"22.31", b"22.32", 1))
    before = site.files()
    for arguments in ((), ("--check",)):
        result = site.publish(*arguments)
        assert result.code == 4
        assert result.err.count("\n") == 1
        assert "restore it from version control" in result.err
    assert site.files() == before


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda content: content[:-20], "found one that a crash cut short"),
        (lambda content: b"{garbled", "ledger.jsonl:1: want a finished line"),
        (lambda content: b"not an event\n", "ledger.jsonl:1: want a finished line"),
        (lambda content: b"", "want events, found an empty file"),
    ],
    ids=["cut short", "garbled", "garbled line", "empty"],
)
def test_a_ledger_that_is_not_whole_is_not_published(site, damage, found):
    site.toy.ledger.write_bytes(damage(site.toy.bytes()))
    before, results = site.files(), site.toy.files()
    for what in ("site", "tables"):
        for arguments in ((), ("--check",)):
            result = site.toy.verify("publish", what, *arguments)
            assert (result.code, result.out) == (4, "")
            assert result.err.count("\n") == 1
            assert found in result.err
    assert site.files() == before
    assert site.toy.files() == results
