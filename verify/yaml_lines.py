"""YAML to plain data that remembers its lines. Refuses what YAML would settle in silence."""

import math
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: slower, same results
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

Path_ = tuple[str | int, ...]

_DEEPEST = 40
_TOO_DEEP = f"want at most {_DEEPEST} levels, got more; flatten it"
_SHOWN = 60


@dataclass(frozen=True, order=True)
class Problem:
    """One refused thing: where it stands and one sentence."""

    file: str
    line: int
    field: str
    sentence: str

    def __str__(self) -> str:
        """Give ``file:line: field: sentence``."""
        named = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.line}: {named}{self.sentence}"


@dataclass
class Document:
    """One YAML file: its data, and the line every key and item stands on."""

    name: str
    """The file as messages name it, relative to the project."""
    data: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: Path_, sentence: str) -> Problem:
        """Say what is wrong at ``path``, on the line of its nearest ancestor that has one."""
        known = path
        while known not in self.lines and known:
            known = known[:-1]
        return Problem(
            self.name, self.lines.get(known, 1), ".".join(str(part) for part in path), sentence
        )


@dataclass(frozen=True)
class Place:
    """Where in a file something is written, for messages."""

    document: Document
    path: Path_ = ()
    block: Path_ | None = None
    """The table block a row belongs to; what the row leaves out is written there."""

    def problem(self, path: Path_, sentence: str) -> Problem:
        """Say what is wrong with a part, named as in the single form of a claim."""
        return self.document.problem(self._written(path), sentence)

    def _written(self, path: Path_) -> Path_:
        """Find where a table row or its block writes what the single form has at ``path``."""
        lines = self.document.lines
        if self.block is not None and path:
            for written in ((*self.path, *path), (*self.path, *path[1:])):
                if written in lines and written != self.path:
                    return written
            if (*self.block, path[0]) in lines:
                return (*self.block, *path)
        return (*self.path, *path)

    @property
    def where(self) -> str:
        """``file:line``."""
        problem = self.document.problem(self.path, "")
        return f"{problem.file}:{problem.line}"


def shown(found: object) -> str:
    """Write refused data briefly, for the end of a sentence."""
    if found is None:
        return "nothing"
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, int | float):
        return f"the number {_cut(str(found))}"
    if isinstance(found, str):
        return _cut(repr(found))
    if isinstance(found, dict):
        return f"a mapping of {_cut(', '.join(found))}" if found else "an empty mapping"
    return "a list" if found else "an empty list"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def read(path: Path, name: str) -> Document:
    """Read one file; what is wrong with it stands in ``problems``, never raised."""
    document = Document(name)
    try:
        raw = path.read_bytes()
        raw.decode("utf-8")
        _Builder(document, raw).build()
    except OSError as error:
        sentence = f"want a readable file, found: {error.strerror}; put a file there"
        document.problems.append(Problem(name, 1, "", sentence))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        sentence = f"want UTF-8 text, got the byte 0x{raw[error.start]:02x}; save it as UTF-8"
        document.problems.append(Problem(name, line, "", sentence))
    except yaml.reader.ReaderError as error:
        line = raw.count(b"\n", 0, error.position) + 1
        sentence = f"want printable text, got the character {error.character:#04x}; remove it"
        document.problems.append(Problem(name, line, "", sentence))
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax_problem(name, error, raw))
    return document


def _syntax_problem(name: str, error: yaml.MarkedYAMLError, raw: bytes) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    text = b"".join(raw.splitlines()[line : line + 1])
    if b"\t" in text[: len(text) - len(text.lstrip())]:
        return Problem(name, line + 1, "", "want spaces before the text, got a tab; replace it")
    if "nesting depth" in (error.problem or ""):  # newer parsers have a limit of their own
        return Problem(name, line + 1, "", _TOO_DEEP)
    since = f" {error.context}" if error.context else ""
    if error.context_mark and error.context_mark.line != line:
        since += f" that begins on line {error.context_mark.line + 1}"
    found = f"got an error{since}: {error.problem}; look at quotes, colons and indentation"
    return Problem(name, line + 1, "", f"want well-formed YAML, {found}")


class _Builder:
    """Turns YAML events into data.

    ``yaml.load`` would keep the last of two equal keys in silence, and composing nodes takes
    seven times as long and overflows the stack of the C parser on deep nesting.
    """

    def __init__(self, document: Document, raw: bytes) -> None:
        self.document = document
        self.next: Any = _Loader(raw).get_event

    def build(self) -> None:
        """Fill the document; at most one YAML document is allowed in it.

        Raises:
            yaml.YAMLError: it is not well formed.
        """
        self.next()  # the stream begins
        if isinstance(self.next(), yaml.StreamEndEvent):
            return
        self.document.lines[()] = 1
        self.document.data = self._value(self.next(), ())
        self.next()  # the document ends
        event = self.next()
        if not isinstance(event, yaml.StreamEndEvent):
            sentence = "want one YAML document, got a second one; split the file"
            line = event.start_mark.line + 1
            self.document.problems.append(Problem(self.document.name, line, "", sentence))

    def _value(self, event: Any, path: Path_) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(
                path, f"want the data written out, got the alias *{event.anchor}; repeat it"
            )
            return None
        self._refuse_tag(event, path)
        # Deeper is still read, to find its end, but by a loop: it cannot exhaust the stack.
        if len(path) >= _DEEPEST:
            self._refuse(path, _TOO_DEEP)
            self._skip()
            return None
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        return self._sequence(path)

    def _skip(self) -> None:
        depth = 1
        while depth:
            event = self.next()
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)

    def _sequence(self, path: Path_) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            here = (*path, len(found))
            self.document.lines[here] = event.start_mark.line + 1
            found.append(self._value(event, here))
        return found

    def _mapping(self, path: Path_) -> dict[str, Any]:
        found: dict[str, Any] = {}
        next_, lines = self.next, self.document.lines
        while not isinstance(event := next_(), yaml.MappingEndEvent):
            key = self._key(event, path)
            here = (*path, key)
            again = lines.get(here) if key in found else None
            lines[here] = event.start_mark.line + 1
            if again is not None:
                told = f"got {key!r} again (first on line {again})"
                self._refuse(here, f"want each key once, {told}; remove one")
            value = self._value(next_(), here)
            if again is None:
                found[key] = value
        return found

    def _key(self, event: Any, path: Path_) -> str:
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(path, "want a plain key, got a structure; write a word", line)
            if isinstance(event, yaml.CollectionStartEvent):
                self._skip()
            return f"the key on line {line}"
        if event.value == "<<" and event.implicit[0]:
            self._refuse(path, "want the keys written out, got a merge; repeat them", line)
        return str(event.value)

    def _scalar(self, event: yaml.ScalarEvent, path: Path_) -> Any:
        text: str = event.value
        if event.tag is not None:
            self._refuse_tag(event, path)
        if not event.implicit[0]:  # quoted, or a block of text
            return text
        try:
            value = _plain(text)
        except ValueError:
            self._refuse(path, f"want a plain value, got {shown(text)}; put quotes around it")
            return None
        if value.__class__ is float and not math.isfinite(value):
            self._refuse(path, f"want a finite number, got {text}; leave it out")
            return None
        return value

    def _refuse_tag(self, event: Any, path: Path_) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(path, f"want plain YAML, got the tag {shown(tag)}; remove it")

    def _refuse(self, path: Path_, sentence: str, line: int | None = None) -> None:
        problem = self.document.problem(path, sentence)
        self.document.problems.append(
            Problem(problem.file, line or problem.line, problem.field, sentence)
        )


_PLAIN: Any = yaml.SafeLoader("")
_KINDS = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str")}


@lru_cache(maxsize=4096)
def _plain(text: str) -> str | int | float | bool | None:
    """Give an unquoted scalar the meaning YAML 1.1 gives it, as ``yaml.safe_load`` does.

    Raises:
        ValueError: it is a date, or a number beyond Python's limits.
    """
    if text and text[0] not in _PLAIN.yaml_implicit_resolvers:
        return text  # no number, date, truth or nothing begins so
    node = yaml.ScalarNode(_PLAIN.resolve(yaml.ScalarNode, text, (True, False)), text)
    if node.tag not in _KINDS:
        raise ValueError(text)
    value: str | int | float | bool | None = _PLAIN.construct_document(node)
    return value
