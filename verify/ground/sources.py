"""The documents in a folder: known by their SHA-256, or with a warning by their title."""

import codecs
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from verify.errors import VerifyError
from verify.ground.blocks import lines_of
from verify.ground.document import Document, parse, parse_lines
from verify.ground.latex import has_tables, is_latex, latex_lines
from verify.ground.normal import key
from verify.ground.pages import has_page_tables, is_page, page_lines, with_page_tables
from verify.index import Source

_LARGEST_BYTES = 20_000_000
_HEAD = 6000
_SHORTEST_TITLE = 12


@dataclass(frozen=True)
class Reading:
    """What became of one document of ``claims.yaml``."""

    document: Document | None
    warning: str | None = None
    """What to know about it: another digest, missing, not text."""


def read_sources(folder: Path, sources: Mapping[str, Source]) -> dict[str, Reading]:
    """Find and parse documents in a folder.

    Args:
        folder: Where the documents lie.
        sources: Those wanted, by name.

    Raises:
        VerifyError: the folder is none, or cannot be read.
    """
    files = _files(folder)
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    known = {source.sha256 for source in sources.values()}
    strangers = {path: files[path] for path, digest in digests.items() if digest not in known}
    readings = {}
    for name, source in sources.items():
        path = next((p for p, digest in digests.items() if digest == source.sha256), None)
        if path is not None:
            readings[name] = _parsed(name, files[path], path)
        else:
            readings[name] = _by_structure(name, source, strangers, folder)
    return readings


def read_file(path: Path) -> Document:
    """Read and parse one document.

    Raises:
        VerifyError: it cannot be read or is no UTF-8 text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VerifyError(
            f"{path}: want a readable document, got {error.strerror}; correct the path"
        ) from error
    reading = _parsed(path.name, data, path)
    if reading.document is None:
        raise VerifyError(str(reading.warning))
    return reading.document


def _files(folder: Path) -> dict[Path, bytes]:
    if not folder.is_dir():
        found = "a file" if folder.is_file() else "nothing"
        raise VerifyError(
            f"{folder}: want a folder with the documents, found {found}; correct --sources"
        )
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
        return {p: p.read_bytes() for p in paths if p.stat().st_size <= _LARGEST_BYTES}
    except OSError as error:
        raise VerifyError(
            f"{folder}: want readable documents, got {error.strerror}; mend the permissions"
        ) from error


def _by_structure(
    name: str, source: Source, strangers: Mapping[Path, bytes], folder: Path
) -> Reading:
    """Take the one file that begins with the document's title, whatever its digest."""
    titled = [path for path, data in strangers.items() if _has_title(data, source.title)]
    same_name = [path for path in strangers if path.name == source.file]
    found = [path for path in titled if path in same_name] or titled
    wanted = f"want {source.title!r} (SHA-256 {source.sha256})"
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        return Reading(None, f"{folder}: {wanted}, got {names} with that title; keep one")
    if not found and not same_name:
        return Reading(None, f"{folder}: {wanted}, found no such file; put {source.file} there")
    path = (found or same_name)[0]
    digest = hashlib.sha256(strangers[path]).hexdigest()
    reading = _parsed(name, strangers[path], path)
    if reading.document is None:
        return reading
    altered = f"{path}: {wanted}, got a file with SHA-256 {digest}"
    if not found:
        return Reading(None, f"{altered} without that title; put the right one there")
    return Reading(reading.document, f"{altered}; used, being so titled: the text may differ")


def _has_title(data: bytes, title: str) -> bool:
    wanted = key(title)
    head = _head(data)
    return len(wanted) >= _SHORTEST_TITLE and wanted in key(head)


def _parsed(name: str, data: bytes, path: Path) -> Reading:
    try:
        text = data.decode(_declared(data) if is_page(path.name, _head(data)) else "utf-8")
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x} at offset {error.start}"
        return Reading(None, f"{path}: want UTF-8 text, got {found}; convert it to UTF-8")
    if "\0" in text:
        return Reading(None, f"{path}: want UTF-8 text, got a NUL character; convert it to UTF-8")
    if is_page(path.name, text):
        return Reading(parse_lines(name, page_lines(text)))
    if is_latex(path.name):
        return Reading(parse_lines(name, latex_lines(text, whole=True)))
    if has_tables(text):
        return Reading(parse_lines(name, with_page_tables(latex_lines(text, whole=False))))
    if has_page_tables(text):
        lines = [(line, number) for number, line in enumerate(lines_of(text), start=1)]
        return Reading(parse_lines(name, with_page_tables(lines)))
    return Reading(parse(name, text))


def _head(data: bytes) -> str:
    return data[:_HEAD].decode("utf-8", errors="ignore")


def _declared(data: bytes) -> str:
    """Give the encoding a page says it has; UTF-8 where it says none that is known."""
    found = re.search(r"(?:charset|encoding)\s*=\s*[\"']?([\w-]+)", _head(data), re.IGNORECASE)
    try:
        return codecs.lookup(found[1]).name if found is not None else "utf-8"
    except LookupError:
        return "utf-8"


def warnings_of(readings: Iterable[Reading]) -> list[str]:
    """List what there is to know about the documents."""
    return [reading.warning for reading in readings if reading.warning is not None]
