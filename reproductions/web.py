"""One request for a file and what a server says to it: redirects, tokens, ranges, troubles.

Proxies and certificates are taken from the usual environment variables. A token is sent to the
one origin it is for, and to no other that this one redirects to. Addresses are never quoted in
messages, since they may hold secrets; servers are.
"""

import http.client
import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from reproductions.errors import ReproductionError
from reproductions.part_file import Part

__all__ = ["TOKENS", "Answer", "DownloadError", "Limits", "TransientError"]

TOKENS = {"https://huggingface.co": "HF_TOKEN"}
"""Origin to the environment variable with the token that is sent there."""

_CHUNK_BYTES = 1 << 16
_STALLED_BYTES = 1 << 10
_MOST_REDIRECTS = 10
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_OK, _PARTIAL, _BEYOND_THE_END = 200, 206, 416
_DIGITS = 64
_IN_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (http.client.IncompleteRead, "less came than it announced"),
    (http.client.RemoteDisconnected, "it hung up without an answer"),
    (http.client.HTTPException, "its answer is no HTTP"),
    (ValueError, "it cut the file into pieces without a length that can be read"),
)
"""Troubles that have no words of their own to be quoted; the first that fits."""


class DownloadError(ReproductionError):
    """A file could not be fetched; one sentence."""


class TransientError(Exception):
    """Trouble that may pass; a clause."""

    def __init__(self, clause: str, after_s: float = 0.0) -> None:
        super().__init__(clause)
        self.after_s = after_s
        """How long the server wants to be left alone."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How patient to be; tests are less so."""

    connect_s: float = 15.0
    read_s: float = 30.0
    """For any single byte."""
    stall_s: float = 60.0
    """For a kilobyte: a server may also hang by trickling."""
    tries: int = 5
    """In a row, without a megabyte of progress."""
    pause_s: float = 1.0
    """Before the second try; twice as long before each one after that."""
    sleep: Callable[[float], None] = time.sleep


class Answer:
    """What a server says to a request for a file, or for the rest of it."""

    def __init__(self, session: requests.Session, part: Part, name: str, limits: Limits) -> None:
        self.name, self.part, self.limits = name, part, limits
        self.announced: str | None = None
        self.asked_from = part.size if part.validator is not None else 0
        self.response = self._open(session)
        self.headers = self.response.headers
        self.host = urlsplit(self.response.url).netloc.rpartition("@")[2]
        self.complete = self.goes_on = False
        self.total: int | None = None

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes as they come, and give up on a server that hangs.

        Raises:
            TransientError: the connection broke or nearly nothing came for long.
        """
        since, lately = time.monotonic(), 0
        while True:
            try:
                chunk = self.response.raw.read1(_CHUNK_BYTES, decode_content=False)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                ended = isinstance(_innermost(error), http.client.IncompleteRead)
                if ended and self.total is not None:
                    return  # who knows the whole length can say how much is lacking
                raise TransientError(f"{self.host} broke off ({_said(error)})") from error
            if not chunk:
                return
            yield chunk
            lately += len(chunk)
            now = time.monotonic()
            if now - since > self.limits.stall_s:
                if lately < _STALLED_BYTES:
                    raise TransientError(f"{self.host} sent {lately} bytes in {now - since:.0f} s")
                since, lately = now, 0

    def _open(self, session: requests.Session) -> requests.Response:
        """Ask, and follow redirects by hand: a token goes to its own origin alone."""
        headers = {"Accept-Encoding": "identity", "User-Agent": "vig-verify"}
        if self.asked_from:
            headers |= {
                "Range": f"bytes={self.asked_from}-",
                "If-Range": str(self.part.validator),
            }
        url = self.part.url
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._ask(session, url, headers)
            linked = response.headers.get("X-Linked-ETag", "").strip('"')
            if len(linked) == _DIGITS and not set(linked) - set("0123456789abcdef"):
                self.announced = self.announced or linked
            if not response.is_redirect:
                return response
            response.close()
            url = self._redirected(url, response.headers["Location"])
        raise DownloadError(f"{self.name}: {_host(url)} redirects without end; report it there")

    def _ask(
        self, session: requests.Session, url: str, headers: Mapping[str, str]
    ) -> requests.Response:
        host = _host(url)
        try:
            return session.get(
                url,
                headers=headers,
                stream=True,
                allow_redirects=False,
                auth=_Token(),
                timeout=(self.limits.connect_s, self.limits.read_s),
            )
        except requests.exceptions.SSLError as error:
            if isinstance(_innermost(error), ssl.SSLCertVerificationError):
                raise DownloadError(
                    f"{self.name}: the certificate of {host} is not to be trusted "
                    f"({_said(error)}); REQUESTS_CA_BUNDLE names other authorities"
                ) from error
            raise TransientError(f"{host} broke off ({_said(error)})") from error
        except requests.exceptions.Timeout as error:
            raise TransientError(f"{host} does not answer") from error
        except requests.exceptions.ConnectionError as error:
            raise TransientError(f"{host} cannot be reached ({_said(error)})") from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise DownloadError(
                f"{self.name}: {host} cannot be asked ({type(error).__name__}); correct the address"
            ) from error

    def _redirected(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        scheme = urlsplit(target).scheme
        if scheme not in {"http", "https"} or (scheme, urlsplit(url).scheme) == ("http", "https"):
            raise DownloadError(
                f"{self.name}: {_host(url)} redirects from {urlsplit(url).scheme} to {scheme}; "
                "it was not followed, fetch the file by hand and give it with --from FILE"
            )
        return target

    def examine(self) -> None:
        """Find out from status and headers what will come: ``complete``, ``goes_on``, ``total``.

        Raises:
            TransientError, DownloadError: nothing of use.
        """
        status = self.response.status_code
        begin, total = _content_range(self.headers.get("Content-Range", ""))
        self.complete = status == _BEYOND_THE_END and total == self.part.size > 0
        self.goes_on = status == _PARTIAL
        self.total = total
        if self.complete:
            return
        if (
            status == _BEYOND_THE_END
            or (self.goes_on and self._is_another())
            or (self.goes_on and not begin == self.asked_from == self.part.size)
        ):
            self.part.restart()
            raise TransientError(f"{self.host} has another file than before, from the start")
        if status not in {_OK, _PARTIAL}:
            raise self._refusal(status)
        if self.headers.get("Content-Encoding", "identity") != "identity":
            raise DownloadError(
                f"{self.name}: {self.host} sends it encoded as "
                f"{self.headers['Content-Encoding']!r}, which was not asked for; fetch it by hand "
                "and give it with --from FILE"
            )
        if status == _OK:
            length = self.headers.get("Content-Length", "")
            self.total = int(length) if length.isdecimal() else None

    def _is_another(self) -> bool:
        """Tell by what names a version that the rest is of another file than the beginning."""
        named = {"etag": self.headers.get("ETag"), "modified": self.headers.get("Last-Modified")}
        known = self.part.version
        return any(now and known.get(name) and now != known[name] for name, now in named.items())

    def _refusal(self, status: int) -> Exception:
        said = f"{self.host} answers {status} {self.response.reason or ''}".rstrip()
        if status in _TRANSIENT:
            after = self.headers.get("Retry-After", "")
            return TransientError(said, float(after) if after.isdecimal() else 0.0)
        variable = TOKENS.get(_origin(self.part.url))
        do = "the address may have changed: fetch it by hand and give it with --from FILE"
        if status in {401, 403} and variable is not None:
            do = f"accept its terms there and set {variable} to a token of yours"
        return DownloadError(f"{self.name}: {said}; {do}")


class _Token(AuthBase):
    """Adds the token of an origin to what is sent there; stands, too, against ``.netrc``."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        variable = TOKENS.get(_origin(str(request.url)))
        token = os.environ.get(variable, "").strip() if variable else ""
        if token:
            if not token.isascii() or not token.isprintable():
                raise DownloadError(f"{variable}: want printable ASCII, got something else in it")
            request.headers["Authorization"] = f"Bearer {token}"
        return request


def _origin(url: str) -> str:
    """Give scheme, host and port, the port only where it is not the usual one."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    try:
        port = f":{parts.port}" if parts.port not in {None, usual} else ""
    except ValueError:  # no number; no token is for such an address
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}"


def _host(url: str) -> str:
    """Name a server; the rest of an address may hold secrets."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _content_range(text: str) -> tuple[int | None, int | None]:
    """Read ``bytes 7-99/100`` or ``bytes */100`` as where it begins and the length of all."""
    span, _, total = text.removeprefix("bytes ").partition("/")
    begin = span.partition("-")[0].strip()
    return (
        int(begin) if begin.isdecimal() else None,
        int(total) if total.strip().isdecimal() else None,
    )


def _innermost(error: BaseException) -> BaseException:
    """Go down to what made all the others."""
    while True:
        inside = [given for given in error.args if isinstance(given, BaseException)]
        reason = getattr(error, "reason", None)
        inside += [reason] if isinstance(reason, BaseException) else []
        below = inside[0] if inside else error.__cause__ or error.__context__
        if below is None:
            return error
        error = below


def _said(error: BaseException) -> str:
    """Say briefly what went wrong, without addresses."""
    inner = _innermost(error)
    if isinstance(inner, TimeoutError | urllib3.exceptions.TimeoutError):
        return "no byte for too long"
    told = getattr(inner, "strerror", None)
    known = (words for kind, words in _IN_WORDS if isinstance(inner, kind))
    return str(told or next(known, type(inner).__name__))
