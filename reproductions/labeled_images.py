"""Where the images of a data set are, and of which class each is; nothing is decoded here.

A class is its place among the 1,000 synsets of ImageNet-1k in sorted order, as timm ships them.
Folders may be named by synsets, or by these places (ImageNet-V2, where "10" sorts before "2").
The original tar of ILSVRC2012 names no classes: its devkit does. The parquet files of the Hugging
Face copy name them by place, and its pictures' names by synset: both have to agree.
"""

import hashlib
import os
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from reproductions.artifact_cache import locate
from reproductions.artifacts import short
from reproductions.contract import NotMeasurableError
from reproductions.devkit import classes_by_devkit
from reproductions.errors import ReproductionError
from reproductions.parquet_images import parquet_images

__all__ = [
    "Image",
    "Images",
    "ImagesError",
    "check_counts",
    "labeled_images",
    "synsets",
    "synsets_of_a",
]

DEVKIT = "data/imagenet_devkit"
_ENDINGS = (".jpeg", ".jpg", ".png", ".webp", ".bmp")
_ORIGINAL = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")
_NESTED = ("val", "validation", "ILSVRC2012_img_val")
_SHOWN = 3


class ImagesError(NotMeasurableError):
    """A data set is not what it is called; says what was found and what to do."""

    def __init__(
        self, artifact_name: str, wanted: str, found: str, then: str | None = None
    ) -> None:
        name = short(artifact_name)
        then = then or f"give the data set anew: `verify fetch {name} --from FILE`"
        super().__init__(f"wants the data set {name} with {wanted}, found {found}; {then}")


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a data set."""

    name: str
    """Path within the data set, with slashes."""
    label: int
    """Of the 1,000 classes."""
    size: int
    """Bytes of the file."""


@dataclass(frozen=True)
class Images:
    """A data set: what is in it, and how to read it."""

    artifact: str
    place: Path
    all: tuple[Image, ...]
    """By name."""
    read: Callable[[int], bytes]
    """Gives the file of an image by its place in ``all``; threads may call it at once."""
    classes: tuple[int, ...] | None
    """The classes that images are of, where they are fewer than 1,000."""

    def shuffled(self, seed: int) -> list[int]:
        """Order places at random, the same on any machine and with any version of any package."""
        keys = [hashlib.sha256(f"{seed}\n{image.name}".encode()).digest() for image in self.all]
        return sorted(range(len(keys)), key=keys.__getitem__)


@dataclass(frozen=True)
class _Known:
    """What a data set has to hold."""

    total: int
    each: int | None
    """Images of every class, where all have as many."""
    names: str
    """``synsets``, ``synsets of ImageNet-A`` or ``numbers``."""


_KNOWN: Mapping[str, _Known] = {
    "data/imagenet_val": _Known(50_000, 50, "synsets"),
    "data/imagenet_a": _Known(7_500, None, "synsets of ImageNet-A"),
    "data/imagenet_v2": _Known(10_000, 10, "numbers"),
}


def labeled_images(name: str) -> Images:
    """Find the images of a data set.

    Args:
        name: of the artifact, such as ``data/imagenet_val``.

    Raises:
        NotMeasurableError: it was not fetched.
        ImagesError: it has other classes than it should.
    """
    return _found(name, locate(name, listed=False))


@cache
def synsets() -> tuple[str, ...]:
    """List the synsets of ImageNet-1k, sorted: their places are the classes."""
    return tuple(sorted(_shipped("imagenet_synsets.txt")))


@cache
def synsets_of_a() -> tuple[str, ...]:
    """List the 200 synsets of ImageNet-A, sorted."""
    return tuple(
        synsets()[int(place)] for place in sorted(_shipped("imagenet_a_indices.txt"), key=int)
    )


def _shipped(name: str) -> list[str]:
    timm = find_spec("timm")  # is not imported, only looked into
    if timm is None or timm.origin is None:
        raise ReproductionError("want timm with the synsets of ImageNet-1k, found none; install it")
    file = Path(timm.origin).parent / "data" / "_info" / name
    return file.read_text(encoding="utf-8").split()


# -- the forms a data set comes in ------------------------------------------------------


def _found(name: str, place: Path) -> Images:
    if place.is_file():
        return _of_tar(name, place)
    place = _descended(place)
    parquets = sorted(path for path in place.rglob("*.parquet") if path.stem.startswith("val"))
    if parquets:
        return _of_parquet(name, place, parquets)
    originals = [entry.name for entry in os.scandir(place) if _ORIGINAL.fullmatch(entry.name)]
    if originals:
        return _of_originals(name, place, sorted(originals))
    return _of_folders(name, place)


def _descended(place: Path) -> Path:
    """Take the folder inside where the one given only holds it."""
    inside = [place / nested for nested in _NESTED if (place / nested).is_dir()]
    return inside[0] if len(inside) == 1 else place


def _of_folders(name: str, place: Path) -> Images:
    folders = sorted(entry.name for entry in os.scandir(place) if entry.is_dir())
    labels, some = _labels(name, folders)
    listed = [
        Image(f"{folder}/{entry.name}", labels[folder], entry.stat().st_size)
        for folder in folders
        for entry in _pictures(name, place / folder)
    ]
    return _sorted(name, place, listed, lambda image: (place / image.name).read_bytes(), some)


def _labels(name: str, folders: Sequence[str]) -> tuple[dict[str, int], tuple[int, ...] | None]:
    """Give the class of every folder, by what the data set's folders should be called."""
    known = _KNOWN.get(name)
    wanted = known.names if known is not None else _guessed(folders)
    order = {
        "synsets": synsets(),
        "synsets of ImageNet-A": synsets_of_a(),
        "numbers": tuple(str(number) for number in range(1000)),
    }[wanted]
    missing, unknown = set(order) - set(folders), set(folders) - set(order)
    if missing or unknown:
        told = [f"{len(folders)} folders"]
        told += [f"{_named(missing)} missing"] if missing else []
        told += [f"{_named(unknown)} among them"] if unknown else []
        raise ImagesError(name, f"a folder for each of the {len(order)} {wanted}", ", ".join(told))
    if wanted == "numbers":
        return {folder: int(folder) for folder in folders}, None
    place_of = {synset: place for place, synset in enumerate(synsets())}
    labels = {folder: place_of[folder] for folder in folders}
    return labels, None if wanted == "synsets" else tuple(sorted(labels.values()))


def _guessed(folders: Sequence[str]) -> str:
    """Tell what the folders of a project's own data set are named by."""
    if folders and all(folder.isdecimal() for folder in folders):
        return "numbers"
    return "synsets of ImageNet-A" if set(folders) <= set(synsets_of_a()) else "synsets"


def _named(names: set[str]) -> str:
    some = ", ".join(repr(one) for one in sorted(names)[:_SHOWN])
    return some if len(names) <= _SHOWN else f"{some} and {len(names) - _SHOWN} more"


def _pictures(name: str, folder: Path) -> Iterator[os.DirEntry[str]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue  # notes of a file manager
        if not entry.name.lower().endswith(_ENDINGS):
            found = f"{folder.name}/{entry.name}"
            then = "take it away if it does not belong there"
            raise ImagesError(name, "nothing but pictures in its folders", repr(found), then)
        yield entry


def _of_originals(name: str, place: Path, originals: Sequence[str]) -> Images:
    labels = classes_by_devkit(locate(DEVKIT), synsets())
    listed = [
        Image(one, _labeled(name, labels, one), (place / one).stat().st_size) for one in originals
    ]
    return _sorted(name, place, listed, lambda image: (place / image.name).read_bytes(), None)


def _of_tar(name: str, place: Path) -> Images:
    labels = classes_by_devkit(locate(DEVKIT), synsets())
    offsets, listed = {}, []
    try:
        with tarfile.open(place, "r:") as tar:
            for member in tar:
                if member.isfile():
                    one = Path(member.name).name
                    listed.append(Image(one, _labeled(name, labels, one), member.size))
                    offsets[one] = member.offset_data
    except tarfile.TarError as error:
        raise ImagesError(name, "a whole tar of images", f"a damaged file ({error})") from error

    def read(image: Image) -> bytes:
        number = os.open(place, os.O_RDONLY)
        try:
            return os.pread(number, image.size, offsets[image.name])
        finally:
            os.close(number)

    return _sorted(name, place, listed, read, None)


def _labeled(name: str, labels: Sequence[int], one: str) -> int:
    number = _ORIGINAL.fullmatch(one)
    if number is None or not 1 <= int(number[1]) <= len(labels):
        wanted = f"images ILSVRC2012_val_00000001.JPEG to {len(labels):08d}"
        raise ImagesError(name, wanted, repr(one))
    return labels[int(number[1]) - 1]


def _of_parquet(name: str, place: Path, parquets: Sequence[Path]) -> Images:
    rows, read = parquet_images(name, place, parquets)
    place_of = {synset: number for number, synset in enumerate(synsets())}
    listed = []
    for row in rows:
        synset = re.search(r"n\d{8}", row.picture)
        if synset is not None and place_of.get(synset[0]) != row.label:
            told = f"{row.picture!r} as class {row.label}, which is {synsets()[row.label]}"
            raise ImagesError(name, "classes in the order of sorted synsets", told)
        listed.append(Image(row.name, row.label, row.size))
    return _sorted(name, place, listed, lambda image: read(image.name), None)


def _sorted(
    name: str,
    place: Path,
    listed: Sequence[Image],
    read: Callable[[Image], bytes],
    classes: tuple[int, ...] | None,
) -> Images:
    images = tuple(sorted(listed, key=lambda image: image.name))

    def read_one(number: int) -> bytes:
        try:
            return read(images[number])
        except OSError as error:
            found = f"none where {images[number].name!r} was ({error.strerror})"
            raise ImagesError(name, "every image that it had", found) from error

    if not images:
        raise ImagesError(name, "images", "none")
    return Images(name, place, images, read_one, classes)


def check_counts(images: Images) -> None:
    """Hold a data set that everybody knows to its numbers: of a part of it nothing is said.

    Raises:
        ImagesError: it has other numbers of images than it should.
    """
    known = _KNOWN.get(images.artifact)
    if known is None:
        return
    if len(images.all) != known.total:
        raise ImagesError(images.artifact, f"{known.total} images", f"{len(images.all)}")
    counts = Counter(image.label for image in images.all)
    off = {label: count for label, count in counts.items() if count != known.each}
    if known.each is not None and off:
        label = min(off)
        found = f"{off[label]} of class {label} ({synsets()[label]})"
        raise ImagesError(images.artifact, f"{known.each} images of every class", found)
