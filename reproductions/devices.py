"""Names of device classes, as results and claims have them. Imports no torch."""

import re

_MAKERS = re.compile(r"^(nvidia|amd|intel)-")
_TAILS = re.compile(r"-generation$")


def class_of(name: str) -> str:
    """Name the class of a device from what its driver calls it.

    Example:
        >>> class_of("NVIDIA RTX 6000 Ada Generation"), class_of("NVIDIA H200")
        ('rtx-6000-ada', 'h200')
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return _TAILS.sub("", _MAKERS.sub("", slug)) or "unknown"
