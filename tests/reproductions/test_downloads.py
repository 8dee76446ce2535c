"""Downloads against a server that resumes, stalls, truncates, redirects and lies."""

import contextlib
import errno
import hashlib
import json
import os
import random
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from reproductions import downloads, web
from reproductions.downloads import download
from reproductions.part_file import Part
from reproductions.web import DownloadError, Limits

_SPEC = spec_from_file_location("file_server", Path(__file__).parents[1] / "file_server.py")
host = module_from_spec(_SPEC)
_SPEC.loader.exec_module(host)
server = host.server

BODY = bytes(range(256)) * 40  # 10,240 bytes
OTHER = BODY[::-1]
HALF = 5000
MONDAY, TUESDAY = "Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"


class Watcher:
    """Keeps what it hears."""

    def __init__(self):
        self.begun, self.done, self.notes = [], 0, []

    def began(self, name, done, total):
        self.begun.append((done, total))

    def advanced(self, done):
        self.done = done

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def watcher():
    return Watcher()


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def limits(pauses):
    return Limits(connect_s=5, read_s=5, stall_s=5, tries=3, pause_s=1, sleep=pauses.append)


@pytest.fixture
def fetch(tmp_path, watcher, limits):
    """Download one address to its end, as a process of its own would take it up."""

    def run(url, **patience):
        given = Limits(**{**vars(limits), **patience})
        with Part(tmp_path / "parts" / "file", url) as part:
            came = download(part, "weights/toy", watcher, given)
        content = part.path.read_bytes()
        assert came.digests.sha256 == hashlib.sha256(content).hexdigest()
        assert came.digests.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert came.digests.size == len(content)
        return content

    return run


def kept(tmp_path):
    path = tmp_path / "parts" / "file"
    return path.read_bytes() if path.exists() else None


def test_a_file_comes_whole_with_its_digests(server, fetch, watcher):
    assert fetch(server.put("/file", BODY)) == BODY
    assert watcher.begun == [(0, len(BODY))]
    assert watcher.done == len(BODY)
    assert server.headers("Range") == [None]
    assert server.headers("Accept-Encoding") == ["identity"]


def test_what_broke_off_goes_on_where_it_stopped(server, fetch, watcher, pauses):
    url = server.put("/file", BODY)
    server.script("/file", host.truncated(HALF))
    assert fetch(url) == BODY
    assert server.headers("Range") == [None, f"bytes={HALF}-"]
    assert server.headers("If-Range") == [None, '"one"']
    assert watcher.begun == [(0, len(BODY)), (HALF, len(BODY))]
    assert pauses == [1]
    [note] = watcher.notes
    assert note == (
        f"weights/toy: 127.0.0.1:{server.port} announced {len(BODY)} bytes and sent {HALF}; "
        "again in 1 s"
    )


def test_a_later_process_goes_on_where_an_earlier_one_stopped(server, fetch, tmp_path):
    url = server.put("/file", BODY)
    server.script("/file", *[host.truncated(0)] * 2, host.truncated(HALF))
    with pytest.raises(DownloadError, match=rf"; {HALF} bytes are kept for the next run; try "):
        fetch(url)
    assert kept(tmp_path) == BODY[:HALF]
    assert fetch(url) == BODY
    assert server.headers("Range")[-1] == f"bytes={HALF}-"


def test_what_was_never_on_the_disk_for_sure_is_not_built_upon(server, fetch, tmp_path):
    url = server.put("/file", BODY)
    server.script("/file", *[host.truncated(0)] * 2, host.truncated(HALF))
    with pytest.raises(DownloadError, match="kept"):
        fetch(url)
    with (tmp_path / "parts" / "file").open("ab") as stream:
        stream.write(b"\0" * 100)  # what a power cut may leave
    assert fetch(url) == BODY


def test_a_note_that_promises_more_than_is_there_starts_anew(server, fetch, tmp_path):
    url = server.put("/file", BODY)
    server.script("/file", *[host.truncated(0)] * 2, host.truncated(HALF))
    with pytest.raises(DownloadError, match="kept"):
        fetch(url)
    os.truncate(tmp_path / "parts" / "file", HALF - 1)
    assert fetch(url) == BODY
    assert server.headers("Range")[-1] is None


def test_a_part_of_another_address_is_not_built_upon(server, fetch):
    server.put("/file", BODY)
    server.script("/file", *[host.truncated(0)] * 2, host.truncated(HALF))
    with pytest.raises(DownloadError, match="kept"):
        fetch(server.url("/file"))
    assert fetch(server.put("/other", OTHER)) == OTHER


def test_a_server_that_ignores_ranges_is_heard_from_the_start(server, fetch):
    url = server.put("/file", BODY)
    server.script("/file", host.truncated(HALF), host.ignoring_range)
    assert fetch(url) == BODY


def test_a_file_that_changes_between_two_parts_is_fetched_anew(server, fetch):
    url = server.put("/file", BODY)

    def changing(handler, served):
        host.truncated(HALF)(handler, served)
        server.put("/file", OTHER, etag='"two"')

    server.script("/file", changing)
    assert fetch(url) == OTHER
    assert server.headers("If-Range") == [None, '"one"']


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"etag": '"one"'}, {"etag": '"two"'}),
        ({"etag": None, "modified": MONDAY}, {"etag": None, "modified": TUESDAY}),
    ],
    ids=["tag", "date"],
)
def test_a_rest_of_another_version_is_not_added_to_the_first(server, fetch, one, two):
    url = server.put("/file", BODY, **one)

    def changing(handler, served):
        host.truncated(HALF)(handler, served)
        server.put("/file", OTHER, **two)

    server.script("/file", changing, host.truncated(len(BODY)))  # it overlooks If-Range
    assert fetch(url) == OTHER
    assert server.headers("Range") == [None, f"bytes={HALF}-", None]


def test_a_rest_that_begins_elsewhere_is_not_added(server, fetch):
    url = server.put("/file", BODY)
    span = f"bytes {HALF - 1}-{len(BODY) - 1}/{len(BODY)}"
    shifted = host.status(206, Content_Range=span, Content_Length="0")
    server.script("/file", host.truncated(HALF), shifted)
    assert fetch(url) == BODY
    assert server.headers("Range") == [None, f"bytes={HALF}-", None]


def test_a_rest_that_nobody_asked_for_is_not_added(server, fetch):
    url = server.put("/file", BODY, etag=None)  # without a version, everything is asked for
    span = f"bytes 0-{HALF - 1}/{len(BODY)}"
    server.script("/file", host.truncated(HALF), host.status(206, Content_Range=span))
    assert fetch(url) == BODY
    assert server.headers("Range") == [None, None, None]


@pytest.mark.parametrize(
    ("about", "validator"),
    [
        ({"etag": 'W/"one"', "modified": MONDAY}, "date"),
        ({"etag": None, "modified": MONDAY}, "date"),
        ({"etag": 'W/"one"'}, None),
        ({"etag": None}, None),
    ],
    ids=["weak tag and date", "date", "weak tag", "nothing"],
)
def test_only_what_is_sure_to_tell_versions_apart_is_relied_on(server, fetch, about, validator):
    url = server.put("/file", BODY, **about)
    server.script("/file", host.truncated(HALF))
    assert fetch(url) == BODY
    wanted = about["modified"] if validator == "date" else None
    assert server.headers("If-Range") == [None, wanted]
    assert server.headers("Range") == [None, wanted and f"bytes={HALF}-"]


def test_a_part_that_is_whole_already_is_not_fetched_again(server, fetch, tmp_path):
    url = server.put("/file", BODY)
    assert fetch(url) == BODY
    server.asked.clear()
    assert fetch(url) == BODY
    assert server.headers("Range") == [f"bytes={len(BODY)}-"]


def test_a_part_longer_than_the_file_starts_anew(server, fetch):
    url = server.put("/file", BODY)
    assert fetch(url) == BODY
    server.put("/file", BODY[:HALF])
    assert fetch(url) == BODY[:HALF]


def test_a_busy_server_is_asked_again_later_each_time(server, fetch, pauses):
    url = server.put("/file", BODY)
    server.script("/file", *[host.status(503)] * 2)
    assert fetch(url) == BODY
    assert pauses == [1, 2]


@pytest.mark.parametrize(("asked", "waits"), [("7", 7), ("0", 1), ("600", 60), ("soon", 1)])
def test_a_server_may_say_when_to_come_back(server, fetch, pauses, asked, waits):
    url = server.put("/file", BODY)
    server.script("/file", host.status(429, Retry_After=asked))
    assert fetch(url) == BODY
    assert pauses == [waits]


def test_a_server_that_stays_busy_is_given_up_on(server, fetch, pauses, tmp_path):
    url = server.put("/file", BODY)
    server.script("/file", *[host.status(503)] * 3)
    message = (
        rf"^weights/toy: 127\.0\.0\.1:{server.port} answers 503 Service Unavailable, 3 times in a "
        r"row; try again later$"
    )
    with pytest.raises(DownloadError, match=message):
        fetch(url)
    assert pauses == [1, 2]
    assert list((tmp_path / "parts").iterdir()) == []


@pytest.mark.parametrize(("progress", "tries"), [(1 << 20, 4), ((1 << 20) - 1, 3)])
def test_tries_count_anew_after_a_megabyte(server, fetch, pauses, progress, tries):
    url = server.put("/file", b"x" * (3 << 20))
    server.script("/file", host.status(503), host.truncated(progress), *[host.status(503)] * 2)
    with pytest.raises(DownloadError, match=r"3 times in a row; \d+ bytes are kept"):
        fetch(url)
    assert len(server.asked) == tries


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_a_refusal_is_not_asked_about_again(server, fetch, code):
    url = server.put("/file", BODY)
    server.script("/file", host.status(code))
    with pytest.raises(DownloadError, match=rf"answers {code} .*give it with --from FILE$"):
        fetch(url)
    assert len(server.asked) == 1


@pytest.mark.parametrize("code", [401, 403])
def test_where_a_token_would_help_it_is_said(server, fetch, monkeypatch, code):
    monkeypatch.setitem(web.TOKENS, server.url("").rstrip("/"), "TOY_TOKEN")
    url = server.put("/file", BODY)
    server.script("/file", host.status(code))
    with pytest.raises(DownloadError, match="accept its terms there and set TOY_TOKEN to a token"):
        fetch(url)


def test_a_server_that_hangs_is_left_and_asked_for_the_rest(server, fetch, watcher):
    url = server.put("/file", BODY)
    server.script("/file", host.hanging(server, HALF))
    assert fetch(url, read_s=0.1) == BODY
    assert server.headers("Range") == [None, f"bytes={HALF}-"]
    assert "broke off (no byte for too long)" in watcher.notes[0]


def garbled(handler, _):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"no length\r\nand no file\r\n")


def hung_up(handler, _):
    handler.connection.close()


def no_http(handler, _):
    handler.wfile.write(b"220 toy.example.org ready\r\n\r\n")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (garbled, "broke off (it cut the file into pieces without a length that can be read)"),
        (hung_up, "cannot be reached (it hung up without an answer)"),
        (no_http, "cannot be reached (its answer is no HTTP)"),
    ],
)
def test_what_a_server_does_wrong_is_said_in_words(server, fetch, watcher, script, words):
    url = server.put("/file", BODY)
    server.script("/file", script)
    assert fetch(url) == BODY
    assert words in watcher.notes[0]


def test_a_server_that_never_answers_is_given_up_on(server, fetch):
    url = server.put("/file", BODY)
    server.script("/file", *[lambda *_: server.over.wait()] * 3)
    with pytest.raises(DownloadError, match="does not answer, 3 times in a row; try again later"):
        fetch(url, read_s=0.1)


def test_a_server_that_trickles_hangs_too(server, fetch, watcher):
    url = server.put("/file", BODY)
    server.script("/file", host.trickling(server, 0.02))
    assert fetch(url, stall_s=0.1) == BODY
    assert "bytes in 0 s" in watcher.notes[0]


def test_a_server_that_announces_more_than_it_has_is_not_believed(server, fetch):
    url = server.put("/file", BODY)
    server.script("/file", *[host.announcing(len(BODY) + 1)] * 3)
    told = f"announced {len(BODY) + 1} bytes and sent {len(BODY)}, 3 times in a row"
    with pytest.raises(DownloadError, match=told):
        fetch(url)


def test_a_server_that_announces_less_is_taken_at_its_word_for_the_digest_to_tell(server, fetch):
    url = server.put("/file", BODY)
    server.script("/file", host.announcing(HALF))
    assert fetch(url) == BODY[:HALF]


def test_a_file_without_a_length_ends_at_its_mark(server, fetch, watcher):
    url = server.put("/file", BODY)
    server.script("/file", host.chunked(HALF, whole=False), host.chunked(len(BODY), whole=True))
    assert fetch(url) == BODY
    assert watcher.begun == [(0, None), (0, None)]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_servers_do_no_mixture_is_ever_taken_for_the_file(server, fetch, seed):
    """Any sequence of troubles, over several versions and runs, ends with one version whole."""
    draw = random.Random(seed)
    versions = [bytes([version]) * draw.randint(100, 9000) for version in range(3)]

    def changing(after):
        def script(handler, served):
            after(handler, served)
            version = draw.randrange(3)
            server.put("/file", versions[version], etag=f'"{version}"')

        return script

    def trouble():
        length = draw.randint(0, 9000)
        kinds = [
            host.truncated(length),
            host.status(503),
            host.ignoring_range,
            host.chunked(min(length, 100), whole=False),
            changing(host.truncated(length)),
            changing(host.serve),
        ]
        return draw.choice(kinds)

    url = server.put("/file", versions[0], etag='"0"')
    for _ in range(5):
        server.script("/file", *[trouble() for _ in range(draw.randint(0, 4))])
        with contextlib.suppress(DownloadError):
            assert fetch(url) in versions
    server.scripts.clear()
    assert fetch(url) == server.files["/file"].body


def test_an_encoding_nobody_asked_for_is_refused(server, fetch):
    url = server.put("/file", BODY)
    server.script("/file", host.status(200, Content_Encoding="gzip"))
    with pytest.raises(DownloadError, match="sends it encoded as 'gzip', which was not asked for"):
        fetch(url)


def test_nobody_at_home_is_one_sentence(server, fetch):
    server.close()
    message = rf"127\.0\.0\.1:{server.port} cannot be reached \(Connection refused\), 3 times"
    with pytest.raises(DownloadError, match=message):
        fetch(server.url("/file"))


def test_redirects_are_followed_with_the_range(server, fetch):
    server.put("/file", BODY)
    server.script("/old", *[host.redirect("/file")] * 2)
    server.script("/file", host.truncated(HALF))
    assert fetch(server.url("/old")) == BODY
    assert [path for path, _ in server.asked] == ["/old", "/file"] * 2
    assert server.headers("Range") == [None, None, *[f"bytes={HALF}-"] * 2]


def test_a_token_goes_to_its_own_origin_and_to_no_other(server, fetch, monkeypatch):
    monkeypatch.setitem(web.TOKENS, server.url("").rstrip("/"), "TOY_TOKEN")
    monkeypatch.setenv("TOY_TOKEN", " secret\n")
    server.put("/file", BODY)
    server.script("/old", host.redirect("/mid"))
    server.script("/mid", host.redirect(server.url("/file", "localhost")))
    assert fetch(server.url("/old")) == BODY
    assert [path for path, _ in server.asked] == ["/old", "/mid", "/file"]
    assert server.headers("Authorization") == ["Bearer secret", "Bearer secret", None]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://huggingface.co/a", "https://huggingface.co"),
        ("https://HuggingFace.co:443/a", "https://huggingface.co"),
        ("http://huggingface.co/a", "http://huggingface.co"),
        ("https://huggingface.co:8443/a", "https://huggingface.co:8443"),
        ("https://huggingface.co@example.org/a", "https://example.org"),
        ("https://huggingface.co.example.org/a", "https://huggingface.co.example.org"),
        ("https://cdn.huggingface.co/a", "https://cdn.huggingface.co"),
        ("https://huggingface.co:no/a", ""),
    ],
)
def test_the_hub_is_told_from_what_only_looks_like_it(url, origin):
    assert web._origin(url) == origin
    assert (origin in web.TOKENS) == (origin == "https://huggingface.co")


def test_a_token_that_no_header_can_hold_is_refused_unseen(server, fetch, monkeypatch):
    monkeypatch.setitem(web.TOKENS, server.url("").rstrip("/"), "TOY_TOKEN")
    monkeypatch.setenv("TOY_TOKEN", "sec\nret")
    with pytest.raises(
        DownloadError, match=r"^TOY_TOKEN: want printable ASCII, got something else"
    ):
        fetch(server.put("/file", BODY))
    assert server.asked == []


def test_names_and_passwords_of_other_programs_are_not_sent(server, fetch, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert fetch(server.put("/file", BODY)) == BODY
    assert server.headers("Authorization") == [None]


def test_a_proxy_of_the_environment_is_used(server, fetch, monkeypatch):
    server.put("/file", BODY)
    monkeypatch.setenv("http_proxy", server.url(""))
    assert fetch("http://nowhere.invalid/file") == BODY
    assert server.asked[0][0] == "http://nowhere.invalid/file"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/file"])
def test_a_redirect_to_another_kind_of_address_is_refused(server, fetch, target):
    server.script("/file", host.redirect(target))
    with pytest.raises(DownloadError, match=r"redirects from http to \w+; it was not followed"):
        fetch(server.url("/file"))


def test_redirects_without_end_are_refused(server, fetch):
    server.script("/file", *[host.redirect("/file")] * 20)
    with pytest.raises(DownloadError, match="redirects without end"):
        fetch(server.url("/file"))
    assert len(server.asked) == 11


def test_what_stands_in_an_address_is_not_printed(server, fetch):
    server.script("/file", host.status(404))
    with pytest.raises(DownloadError) as caught:
        fetch(server.url("/file?signature=secret", "me:secret@127.0.0.1"))
    assert "secret" not in str(caught.value)


def test_a_full_disk_keeps_what_came_and_the_next_run_goes_on(server, fetch, monkeypatch, tmp_path):
    url = server.put("/file", BODY)
    write = Part.write

    def full(part, chunk):
        write(part, chunk[:HALF])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Part, "write", full)
    message = (
        rf"weights/toy: {tmp_path}/parts: the disk is full after {HALF} bytes; make room and run "
        "again"
    )
    with pytest.raises(DownloadError, match=message):
        fetch(url)
    monkeypatch.undo()
    assert fetch(url) == BODY
    assert server.headers("Range") == [None, f"bytes={HALF}-"]


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    server, fetch, monkeypatch, tmp_path
):
    class Usage:
        free = len(BODY) - 1

    url = server.put("/file", BODY)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: Usage)
    message = rf"want {len(BODY)} bytes of disk, found {Usage.free} free"
    with pytest.raises(DownloadError, match=message):
        fetch(url)
    assert list((tmp_path / "parts").iterdir()) == []
    Usage.free = len(BODY)
    assert fetch(url) == BODY


def test_an_interrupt_keeps_what_came(server, fetch, watcher, monkeypatch, tmp_path):
    url = server.put("/file", BODY)
    server.script("/file", host.hanging(server, HALF))

    def interrupted(done):
        if done == HALF:
            raise KeyboardInterrupt

    monkeypatch.setattr(watcher, "advanced", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(url)
    assert kept(tmp_path) == BODY[:HALF]
    note = json.loads((tmp_path / "parts" / "file.json").read_text())
    assert note["synced"] == HALF
