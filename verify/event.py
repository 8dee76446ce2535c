"""One event of a ledger, and the line that it stands on.

A command asks few events what is in them, so that reading a line only checks it, and keeps
what ledgers are searched by; the rest is made when it is asked for.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal, get_args

from pydantic_core import SchemaValidator, ValidationError, core_schema, from_json

from verify.digest import canonical_json

Kind = Literal["run_started", "measured", "judged", "run_finished", "superseded", "note"]
Json = Mapping[str, Any]

SCHEMA: Final = 1
NO_EVENT: Final = 64 * "0"
"""What stands for the hash of an event that there is none of."""

_FORM: Final = {
    "seq": "int",
    "prev": "str",
    "schema": "int",
    "tool": "str",
    "time": "str",
    "type": "str",
    "digests": "dict",
    "environment": "dict",
    "body": "dict",
    "sha256": "str",
}
"""The fields of an event and the types of what they hold."""


class BadEventError(Exception):
    """A line is not the event that belongs at its place: what was wanted, what was found."""


@dataclass(frozen=True)
class Event:
    """One line of a ledger."""

    seq: int
    """0, 1, 2 ... within its ledger."""
    prev: str
    """``sha256`` of the event before; 64 zeros in the first."""
    schema: int
    tool: str
    """Version of the tool that wrote it."""
    time: str
    """UTC, to the second, ISO 8601."""
    type: Kind
    sha256: str
    """Over the canonical JSON of all other fields."""
    about: str | None
    """Key of the measurement or id of the claim that its body names."""
    outcome: str | None
    """How a measurement ended, by its body."""
    line: bytes = field(repr=False)
    """What it was read from."""

    @cached_property
    def fields(self) -> Json:
        """All that the line says, by the names of ``Event``'s parts, in the order of the form."""
        found = _decoded(self.line)
        return {name: found[name] for name in _FORM}

    @property
    def digests(self) -> Json:
        """What the event rests on, by name."""
        return self._part("digests")

    @property
    def environment(self) -> Json:
        """Where it happened, see ``verify.environment``."""
        return self._part("environment")

    @property
    def body(self) -> Json:
        """What happened."""
        return self._part("body")

    def _part(self, name: str) -> Json:
        part: Json = self.fields[name]
        return part


def read_event(line: bytes, seq: int, prev: str) -> Event:
    """Read the line of the event that has this number and this one before it.

    Raises:
        BadEventError: it is not canonical JSON, or does not belong there.
    """
    found = _glanced(line)
    if found is None or found["seq"] != seq or found["prev"] != prev:
        found = _studied(line, seq, prev)
    # Not from the fields, as writing them again would take half of all reading.
    before, after = _around_sha256(line)
    signed = hashlib.sha256(before)
    signed.update(after)
    if signed.hexdigest() != found["sha256"]:
        raise BadEventError(f"want what sha256 {found['sha256']!r} stands for, found it changed")
    event = Event.__new__(Event)
    vars(event).update(found, line=line)  # as ``__init__`` of what is frozen does, but at once
    return event


def written(fields: Json) -> bytes:
    """Write the line of an event, without its end, from all fields but ``sha256``."""
    signed = canonical_json(fields)
    # By hand, as encoding twice would take a third of all reading: "time" is the key that
    # follows "sha256", and in the strings after it a quote is escaped, so the last is the key.
    before, after = signed.rsplit(b',"time":', 1)
    return b'%s,"sha256":"%s","time":%s' % (before, sha256_of(signed).encode(), after)


def sha256_of(content: bytes) -> str:
    """Give the SHA-256 of bytes, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def _around_sha256(line: bytes) -> tuple[bytes, bytes]:
    """Take the field ``sha256`` out of the line of an event.

    Fields are sorted and those behind it hold short text, in which a quote is escaped: the last
    thing that looks like it is it.
    """
    before, _, after = line.rpartition(b',"sha256":"')
    return before, after[len(NO_EVENT) + 1 :]


# -- what a line holds ------------------------------------------------------------------

_TEXT = core_schema.str_schema(strict=True)
_ANYTHING = core_schema.typed_dict_schema({}, extra_behavior="ignore")
_WANTED = {
    "seq": core_schema.int_schema(strict=True),
    "schema": core_schema.int_schema(strict=True, ge=SCHEMA, le=SCHEMA),
    "type": core_schema.literal_schema(list(get_args(Kind))),
    **dict.fromkeys(("digests", "environment", "body"), _ANYTHING),
}
_ABOUT: list[list[str | int]] = [["body", "key"], ["body", "claim"]]
_OUTCOME: list[str | int] = ["body", "outcome"]
_GLANCE = SchemaValidator(
    core_schema.typed_dict_schema(
        {
            **{
                name: core_schema.typed_dict_field(_WANTED.get(name, _TEXT), required=True)
                for name in _FORM
            },
            "about": core_schema.typed_dict_field(
                core_schema.with_default_schema(_TEXT, default=None),
                validation_alias=_ABOUT,
            ),
            "outcome": core_schema.typed_dict_field(
                core_schema.with_default_schema(_TEXT, default=None),
                validation_alias=_OUTCOME,
            ),
        },
        extra_behavior="forbid",
    )
)
"""Reads a whole line and checks its form, but makes nothing of what is inside of its parts."""


def _glanced(line: bytes) -> dict[str, Any] | None:
    """Give the short fields of a line that has the form of an event; None where in doubt."""
    # Read as numbers, which JSON does not have. A letter alone is found much faster than a word.
    if (b"N" in line and b"NaN" in line) or (b"I" in line and b"Infinity" in line):
        return None
    try:
        found: dict[str, Any] = _GLANCE.validate_json(line)
    except ValidationError:
        return None
    del found["digests"], found["environment"], found["body"]
    return found


def _studied(line: bytes, seq: int, prev: str) -> dict[str, Any]:
    """Give the same by making everything, and say what is wrong."""
    try:
        fields = _decoded(line)
        _require_form(fields)
    except ValueError as error:
        raise BadEventError(f"want one canonical JSON object, found {line[:40]!r}") from error
    for name, wanted in (("seq", seq), ("prev", prev)):
        if fields[name] != wanted:
            raise BadEventError(f"want {name} {wanted!r}, found {fields[name]!r}")
    body = fields["body"]
    named = {"about": body.get("key", body.get("claim")), "outcome": body.get("outcome")}
    short = {name: value for name, value in fields.items() if not isinstance(value, dict)}
    return short | {name: text if isinstance(text, str) else None for name, text in named.items()}


def _decoded(line: bytes) -> Any:
    return from_json(line, allow_inf_nan=False, cache_strings="keys")


def _require_form(fields: object) -> None:
    """Refuse what does not have the fields of an event of this schema."""
    if not isinstance(fields, dict):
        raise BadEventError(f"want one JSON object, found a {type(fields).__name__}")
    if fields.get("schema") != SCHEMA:
        raise BadEventError(f"want schema {SCHEMA}, found {fields.get('schema')!r}")
    form = {name: type(value).__name__ for name, value in fields.items()}
    if form != _FORM:
        raise BadEventError(f"want the fields {_FORM}, found {form}")
    if fields["type"] not in get_args(Kind):
        raise BadEventError(f"want a type of {get_args(Kind)}, found {fields['type']!r}")
