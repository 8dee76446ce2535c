"""Two models compared image by image: the exact test of McNemar on which images each has right."""

import base64
import binascii
import zlib
from dataclasses import dataclass
from math import comb

from reproductions.contract import Measurement

__all__ = ["ByImage", "Compared", "by_image", "compare", "words_on"]


@dataclass(frozen=True)
class ByImage:
    """Which images a model has right."""

    manifest: str
    """Identifies the images and their order."""
    correct: int
    """One bit an image."""


@dataclass(frozen=True)
class Compared:
    """On how many images two models differ, and how likely chance alone is."""

    only_first: int
    """Images that only the first has right."""
    only_second: int
    p: float
    """Chance of a split at least as uneven, if either side is as likely on each such image."""

    def __str__(self) -> str:
        """Say it for people."""
        return (
            f"image by image {self.only_first} only the first has right, {self.only_second} only "
            f"the second; McNemar, exact: p = {self.p:.2g}"
        )


def by_image(found: Measurement) -> ByImage | None:
    """Read which images were right; None where not every image was seen."""
    manifest, correct = found.evidence.get("manifest"), found.evidence.get("correct")
    if not isinstance(manifest, str) or not isinstance(correct, str):
        return None
    try:
        bits = zlib.decompress(base64.b64decode(correct, validate=True))
    except (binascii.Error, zlib.error):
        return None  # somebody else's evidence of the same name
    return ByImage(manifest, int.from_bytes(bits, "big"))


def compare(first: ByImage | None, second: ByImage | None) -> Compared | None:
    """Compare two models; None where they did not see the same images."""
    if first is None or second is None or first.manifest != second.manifest:
        return None
    only_first = (first.correct & ~second.correct).bit_count()
    only_second = (second.correct & ~first.correct).bit_count()
    return Compared(only_first, only_second, _two_sided(only_first, only_second))


def words_on(*found: object) -> str:
    """Say how two measurements differ image by image, as the rest of a sentence; or nothing."""
    sides = [by_image(one) if isinstance(one, Measurement) else None for one in found]
    told = compare(*sides) if len(sides) == 2 else None  # noqa: PLR2004 - a pair
    return f"; {told}" if told is not None else ""


def _two_sided(one: int, other: int) -> float:
    """Give the chance that a fair coin splits its throws at least as unevenly."""
    throws, fewer = one + other, min(one, other)
    if one == other:
        return 1.0
    tail = term = comb(throws, 0)
    for number in range(1, fewer + 1):
        term = term * (throws - number + 1) // number
        tail += term
    ways: int = 2**throws
    return 2 * tail / ways  # of whole numbers: exact up to this one division
