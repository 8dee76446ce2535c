"""The development kit of ILSVRC2012: the classes of the validation images, which have no names.

The kit numbers its synsets in an order of its own, from 1; ``meta.mat`` says which is which.
"""

import zlib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from reproductions.contract import NotMeasurableError

__all__ = ["classes_by_devkit"]

META = "data/meta.mat"
TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"


def classes_by_devkit(kit: Path, synsets: Sequence[str]) -> list[int]:
    """List the class of every validation image, in the order of their numbers.

    Args:
        kit: the unpacked folder.
        synsets: of ImageNet-1k, in the order of its classes.

    Raises:
        NotMeasurableError: the kit is damaged, or another one.
    """
    try:
        numbers = [int(line) for line in (kit / TRUTH).read_text(encoding="ascii").split()]
        synset_of = _numbered(kit / META)
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise _wrong(f"files that cannot be read as such ({error})") from error
    place_of = {synset: place for place, synset in enumerate(synsets)}
    unknown = {number for number in numbers if synset_of.get(number) not in place_of}
    if unknown:
        raise _wrong(f"number {min(unknown)}, which names no synset of ImageNet-1k")
    return [place_of[synset_of[number]] for number in numbers]


def _numbered(meta: Path) -> dict[int, str]:
    """Map the kit's numbers to synsets, leaves alone, which are the 1,000 classes."""
    matlab = import_module("scipy.io.matlab")
    try:
        read = matlab.loadmat(meta, squeeze_me=True)["synsets"]
    except (matlab.MatReadError, zlib.error) as error:
        raise ValueError(f"{META}: {error}") from error
    return {
        int(one["ILSVRC2012_ID"]): str(one["WNID"]) for one in read if int(one["num_children"]) == 0
    }


def _wrong(found: str) -> NotMeasurableError:
    return NotMeasurableError(
        f"wants the data set imagenet_devkit with {TRUTH} and {META} of task 1 and 2, found "
        f"{found}; give it anew: `verify fetch imagenet_devkit --from FILE`"
    )
