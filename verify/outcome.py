"""Which of several outcomes of one measurement counts, all else being equal."""

from collections.abc import Mapping
from typing import Any


def completeness(body: Mapping[str, Any]) -> tuple[bool, bool]:
    """Rank an outcome: what succeeded beats what did not, then what went to its end.

    Args:
        body: Of a ``measured`` event.
    """
    measurement = body.get("measurement") or {}
    return (body["outcome"] == "ok", measurement.get("facts", {}).get("complete") is not False)
