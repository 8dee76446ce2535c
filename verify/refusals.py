"""Pydantic's findings as one sentence each: what was wanted, what was found, what to do."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reproductions.artifacts import NAME
from verify.yaml_lines import Path_, Place, Problem, shown

_WANTED = {
    "string_type": "text",
    "string_too_short": "some text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_PATTERNS = {
    r"^[a-z0-9_]+$": "a name in lower case letters, digits and _",
    r"^\d+(\.\d+)? G(i)?B$": 'a card\'s memory such as "48 GB"',
    r"^[0-9a-f]{64}$": "a SHA-256 in 64 lower case hexadecimal digits",
    r"^[0-9a-f]{8,64}$": "a SHA-256 in 64 lower case hexadecimal digits, or the first 8 or more",
    r"^[0-9a-f]{32}$": "an MD5 in 32 lower case hexadecimal digits",
    r"^https?://[^\s/]+/\S+$": "an address that begins with https:// or http://",
    r"^[^/\s][^\s]*$": "a folder inside the archive",
    NAME: "a name such as weights/vig_s or data/imagenet_a",
    r"^\d{4}\.\d{4,5}(v\d+)?$": 'a quoted arXiv id such as "2206.00272" or "2206.00272v3"',
}


def suggestion(found: str, known: Iterable[str]) -> str:
    """Offer the nearest known word, as a clause, or nothing."""
    close = _nearest(found, known)
    return f"; did you mean {close!r}?" if close else ""


def problems_in(
    error: ValidationError, place: Place, data: Any, shape: type[BaseModel]
) -> list[Problem]:
    """Turn a validation error into problems with file and line.

    Args:
        error: What pydantic found.
        place: Where the data came from.
        data: The refused data.
        shape: The model it was checked against.
    """
    details = error.errors(include_url=False)
    misspelled = set()
    for detail in details:
        if detail["type"] == "extra_forbidden":
            *parents, key = detail["loc"]
            misspelled.add((*parents, _nearest(str(key), _keys_at(shape, detail["loc"]))))
    found = []
    for detail in details:
        if detail["type"] == "missing" and detail["loc"] in misspelled:
            continue  # one mistake, told at the misspelled key
        path = _path_in(detail["loc"], data)
        if detail["type"] == "missing":
            path = (*path, str(detail["loc"][-1]))
        if detail["type"] == "union_tag_invalid":
            path = (*path, "kind")
        found.append(place.problem(path, sentence(detail, _keys_at(shape, detail["loc"]))))
    return found


def sentence(detail: ErrorDetails, keys: Iterable[str]) -> str:
    """Say what one finding of pydantic means.

    Args:
        detail: The finding.
        keys: The keys that may stand where it was found.
    """
    kind, found = detail["type"], detail.get("input")
    if kind in _SENTENCES:
        return _SENTENCES[kind](detail)
    if kind == "extra_forbidden":
        key = str(detail["loc"][-1])
        return f"want a known key, got {key!r}{suggestion(key, keys) or _offer(keys)}"
    if kind in _WANTED:
        return f"want {_WANTED[kind]}, got {shown(found)}{_remedy(kind, found)}"
    message = detail["msg"]
    return f"{message[0].lower()}{message[1:]}, got {shown(found)}"


def _remedy(kind: str, found: object) -> str:
    if kind == "string_type" and isinstance(found, bool):
        words = "yes and on" if found else "no and off"
        return f" (YAML reads {words} so); put quotes around it"
    if kind == "string_type" and isinstance(found, int | float):
        return "; put quotes around it"
    if kind in {"int_type", "float_type", "bool_type"} and isinstance(found, str):
        return "; remove the quotes" if re.fullmatch(r"[\d.]+|true|false", found) else ""
    if kind == "list_type" and isinstance(found, dict | str):
        return "; write [ ] around it"
    return ""


def _quoted_number(detail: ErrorDetails) -> str:
    found = detail["input"]
    if detail["loc"][-1] in {"printed", "by"} and not isinstance(found, bool | dict | list | None):
        return f'want a quoted decimal such as "7.1", got {shown(found)}; put quotes around it'
    return f"want text, got {shown(found)}{_remedy('string_type', found)}"


def _choice(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    wanted, found = str(context.get("expected")), detail["input"]
    words = re.findall(r"'([^']+)'", wanted)
    hint = suggestion(found, words) if isinstance(found, str) else ""
    return f"want {wanted}, got {shown(found)}{hint or _remedy('int_type', found)}"


def _kind(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    tag, tags = str(context.get("tag")), str(context.get("expected_tags")).replace("'", "")
    return f"want one of {tags}, got {tag!r}{suggestion(tag, tags.split(', '))}"


def _pattern(detail: ErrorDetails) -> str:
    pattern = str(detail.get("ctx", {}).get("pattern"))
    return f"want {_PATTERNS.get(pattern, pattern)}, got {shown(detail['input'])}"


def _length(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    least = "min_length" in context
    number = int(context["min_length" if least else "max_length"])
    told = {1: "one", 2: "two"}.get(number, str(number))
    return f"want at {'least' if least else 'most'} {told}, got {shown(detail['input'])}"


def _limit(detail: ErrorDetails) -> str:
    limits = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    [(key, limit)] = detail.get("ctx", {}).items()
    return f"want {limits[key]} {limit}, got {shown(detail['input'])}"


_SENTENCES: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda detail: "want this key, got none; add it",
    "string_type": _quoted_number,
    "literal_error": _choice,
    "union_tag_invalid": _kind,
    "union_tag_not_found": lambda detail: "want kind inside expect, got none; add one",
    "string_pattern_mismatch": _pattern,
    "too_short": _length,
    "too_long": _length,
    "value_error": lambda detail: detail["msg"].removeprefix("Value error, "),
    "locator": lambda detail: f"{detail['msg']}, got {shown(detail['input'])}",
    **dict.fromkeys(("greater_than", "greater_than_equal", "less_than", "less_than_equal"), _limit),
}


def _nearest(found: str, known: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(found, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def _offer(keys: Iterable[str]) -> str:
    return f"; known here: {', '.join(keys)}" if keys else "; remove it"


def _path_in(location: tuple[int | str, ...], data: Any) -> Path_:
    """Keep the parts of a pydantic location that are keys of the data (not union tags)."""
    path: list[str | int] = []
    for part in location:
        known = isinstance(data, Mapping) and part in data
        if known or (isinstance(data, list) and isinstance(part, int) and part < len(data)):
            data = data[part]
            path.append(part)
    return tuple(path)


def _keys_at(shape: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """List the keys that may stand beside the last part of a pydantic location."""
    models = [shape]
    for part in location[:-1]:
        inner = [
            model
            for outer in models
            for name, info in outer.model_fields.items()
            if part == (info.alias or name)
            for model in _models_in(info.annotation)
        ]
        # A list index or a label leaves the shapes as they are; a union's tag picks one.
        models = inner or [model for model in models if part in _tags(model)] or models
    return [info.alias or name for model in models for name, info in model.model_fields.items()]


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    kind = model.model_fields.get("kind")
    return (model.__name__, *(get_args(kind.annotation) if kind is not None else ()))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]
