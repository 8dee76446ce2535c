"""Digest of any JSON value, over the one text that stands for it."""

import hashlib
import json

from verify.errors import VerifyError

__all__ = ["canonical_json", "digest"]

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def canonical_json(value: object) -> bytes:
    """Write ``value`` as the one JSON text that stands for it.

    Keys are sorted, nothing is spaced, text is UTF-8, floats are written by ``repr``.

    Args:
        value: what ``json`` can write, with text as keys; tuples count as lists.

    Raises:
        VerifyError: ``value`` holds NaN, an infinity or something that JSON has no form for.
    """
    try:
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise VerifyError(
            f"canonical_json: want finite numbers, Unicode text, lists and dicts with text as "
            f"keys, found a value that has no JSON form ({error}); leave it out or convert it"
        ) from error


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of ``value``, 64 hex digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
