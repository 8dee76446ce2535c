"""A web server on this machine that behaves as badly as a test wants. Loaded by path."""

import threading
import time
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest


@dataclass
class Served:
    """A file as the server has it."""

    body: bytes
    etag: str | None = '"one"'
    modified: str | None = None

    @property
    def headers(self):
        given = {"ETag": self.etag, "Last-Modified": self.modified}
        return {name: value for name, value in given.items() if value is not None}


class FileServer:
    """Serves ``files``; answers that were scripted for a path come first, one a request."""

    def __init__(self):
        self.files = {}
        self.scripts = defaultdict(deque)
        self.asked = []
        """Path and headers of every request, in order."""
        self.over = threading.Event()
        """Set when the test ends: whoever hangs, lets go."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # the name that http.server calls
                path = urlsplit(self.path).path
                server.asked.append((self.path, dict(self.headers)))
                script = server.scripts[path].popleft() if server.scripts[path] else serve
                self.close_connection = True
                with suppress(BrokenPipeError, ConnectionResetError):  # the client had enough
                    script(self, server.files.get(path))

            def end_headers(self):
                self.send_header("Connection", "close")
                super().end_headers()

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def put(self, path, body, **about):
        """Have a file; give its address."""
        self.files[path] = Served(body, **about)
        return self.url(path)

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def script(self, path, *answers):
        self.scripts[path].extend(answers)

    def headers(self, name):
        """List what every request had for a header."""
        return [headers.get(name) for _, headers in self.asked]

    def close(self):
        self.over.set()
        self.http.shutdown()
        self.http.server_close()


def answer(handler, status, body=b"", **headers):
    """Send an answer; ``Content_Length`` and the like stand for the header's name."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **named}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def serve(handler, served):
    """Behave: the whole, the rest of what has not changed, or nothing beyond the end."""
    if served is None:
        return answer(handler, 404)
    wanted = handler.headers.get("Range")
    unchanged = handler.headers.get("If-Range") in {None, served.etag, served.modified}
    if wanted is None or not unchanged:
        return answer(handler, 200, served.body, **served.headers)
    begin, size = int(wanted.removeprefix("bytes=").rstrip("-")), len(served.body)
    if begin >= size:
        return answer(handler, 416, Content_Range=f"bytes */{size}")
    span = f"bytes {begin}-{size - 1}/{size}"
    return answer(handler, 206, served.body[begin:], Content_Range=span, **served.headers)


def status(code, **headers):
    """Script a refusal or a redirect."""
    return lambda handler, _: answer(handler, code, **headers)


def redirect(url):
    return status(302, Location=url)


def ignoring_range(handler, served):
    """Send the whole, whatever was asked for."""
    answer(handler, 200, served.body, **served.headers)


def truncated(length):
    """Announce the whole, or the rest, send so many bytes of it and hang up."""

    def script(handler, served):
        wanted = handler.headers.get("Range")
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        size = len(served.body)
        handler.send_response(206 if begin else 200)
        handler.send_header("Content-Length", str(size - begin))
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
        for name, value in served.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(served.body[begin : begin + length])

    return script


def announcing(length):
    """Announce another length than the file has, and send the file."""
    return lambda handler, served: answer(
        handler, 200, served.body, Content_Length=str(length), **served.headers
    )


def chunked(length, *, whole):
    """Announce no length and send so many bytes; with or without the mark of the end."""

    def script(handler, served):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n%s\r\n" % (length, served.body[:length]))
        handler.wfile.write(b"0\r\n\r\n" if whole else b"")

    return script


def hanging(server, length):
    """Send so many bytes and then nothing, without hanging up."""

    def script(handler, served):
        truncated(length)(handler, served)
        handler.wfile.flush()
        server.over.wait()

    return script


def trickling(server, pause_s):
    """Send byte after byte, with a pause after each."""

    def script(handler, served):
        truncated(0)(handler, served)
        for position in range(len(served.body)):
            handler.wfile.write(served.body[position : position + 1])
            handler.wfile.flush()
            if server.over.wait(pause_s):
                return

    return script


@pytest.fixture
def server(monkeypatch):
    """A server, and no proxy between it and the test."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    running = FileServer()
    yield running
    running.close()


@pytest.fixture
def cache_home(tmp_path, monkeypatch):
    """A cache of the test's own, in place of the user's."""
    home = tmp_path / "cache-home"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    return home


def soon(condition, what, patience_s=20.0):
    """Wait for something that happens in another thread or process."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain until {what}")
        time.sleep(0.005)
