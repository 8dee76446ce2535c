"""Images resized and cropped once, for all models that see them alike.

A file of the cache holds them as uint8, (N, 3, crop, crop), in numpy's format; beside it stands a
CRC-32 of each, 0 where it was not decoded yet. Images are decoded when they are first asked for,
so a measurement that ends early decodes no more than it saw. A process that dies leaves no image
that is taken for whole. Files are read and written in place, not mapped: memory stays flat.

Decoding is timm's: Pillow opens the file, converts it to RGB (grey and CMYK as Pillow does), and
timm's own transform resizes and crops. As there, the rotation that EXIF may ask for is ignored.
Other than there, an image that cannot be read is an obstacle, not another image.
"""

import hashlib
import io
import json
import os
import re
import textwrap
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from reproductions.artifact_cache import cache_folder
from reproductions.catalog import Transform
from reproductions.errors import ReproductionError
from reproductions.image_manifest import Manifest
from reproductions.labeled_images import Images, ImagesError

__all__ = ["DecodedImages", "picture_of", "resize_and_crop"]

Pixels = NDArray[numpy.uint8]
_ADDRESS = re.compile(r"<[^<>]* at 0x[0-9a-fA-F]+>")
_UNREADABLE = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    Picture.DecompressionBombError,
)


def picture_of(images: Images, manifest: Manifest, number: int) -> Picture.Image:
    """Read an image by its place, hold it to the manifest and convert it to RGB.

    Raises:
        ImagesError: it is damaged or cannot be decoded; says which it is.
    """
    content = images.read(number)
    manifest.check(images, number, content)
    try:
        with closing(Picture.open(io.BytesIO(content))) as picture:
            return picture.convert("RGB")
    except _UNREADABLE as error:
        name = images.all[number].name
        # An address in memory would make the same obstacle another one at each run.
        why = textwrap.shorten(_ADDRESS.sub("", str(error)), 120, placeholder=" ...")
        told = f"{name!r}, which cannot be decoded ({why})"
        raise ImagesError(images.artifact, "whole pictures", told) from error


@cache
def resize_and_crop(transform: Transform) -> Callable[[Picture.Image], Pixels]:
    """Build timm's evaluation transform, without what follows on the device.

    Returns:
        A function from a picture of C channels to (C, crop, crop), for any thread.
    """
    timms: Any = import_module("timm.data").create_transform(
        (3, transform.crop, transform.crop),
        is_training=False,
        use_prefetcher=True,  # leaves pixels as they are
        interpolation=transform.interpolation,
        # timm rounds crop / crop_pct down to the pixel.
        crop_pct=transform.crop / (transform.resize + 0.5),
        crop_mode=transform.crop_mode,
        mean=transform.mean,  # the color of a border
    )
    return lambda picture: numpy.asarray(timms(picture), dtype=numpy.uint8)


class DecodedImages:
    """The images of a data set under one resize and crop; a context, which closes its files."""

    def __init__(self, images: Images, manifest: Manifest, transform: Transform) -> None:
        self.images, self.manifest = images, manifest
        self.shape = (3, transform.crop, transform.crop)
        self.transform = resize_and_crop(transform)
        self.decoded = 0
        """How many this process decoded."""
        key = {
            "images": manifest.sha256,
            "resize": [transform.resize, transform.crop, transform.interpolation],
            "mode": transform.crop_mode,
            "border": transform.mean if transform.crop_mode == "border" else None,
            "by": {name: version(name) for name in ("timm", "torchvision", "pillow")},
        }
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
        self.path = cache_folder() / "decoded" / f"{name}.npy"
        count = len(images.all)
        self.pixels, self.start = _opened(self.path, "|u1", (count, *self.shape))
        self.sums, self.sums_start = _opened(self.path.with_suffix(".crc.npy"), "<u4", (count,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self.pixels)
        os.close(self.sums)

    def batch(self, numbers: Sequence[int], pool: ThreadPoolExecutor) -> Pixels:
        """Give images by their places: (B, 3, crop, crop).

        Raises:
            ImagesError: one is damaged or cannot be decoded; says which.
            ReproductionError: the cache cannot be written.
        """
        found = numpy.empty((len(numbers), *self.shape), dtype=numpy.uint8)
        for _ in pool.map(self._fill, found, numbers):
            pass  # to hear of errors
        return found

    def _fill(self, into: Pixels, number: int) -> None:
        at = self.start + number * into.nbytes
        kept = int.from_bytes(os.pread(self.sums, 4, self.sums_start + 4 * number), "little")
        whole = kept and os.preadv(self.pixels, [into.data], at) == into.nbytes
        if whole and _sum(into) == kept:
            return
        into[:] = self._decoded(number)
        try:
            os.pwrite(self.pixels, into.tobytes(), at)
            os.pwrite(self.sums, _sum(into).to_bytes(4, "little"), self.sums_start + 4 * number)
        except OSError as error:
            raise _unwritten(self.path, error) from error

    def _decoded(self, number: int) -> Pixels:
        self.decoded += 1
        return self.transform(picture_of(self.images, self.manifest, number))


def _sum(pixels: Pixels) -> int:
    return zlib.crc32(pixels.data) or 1  # 0 says that nothing is there


def _opened(path: Path, kind: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Open a file of numpy's format to be read and written, made where there is none.

    Returns:
        The open file, and where its values begin.
    """
    header = io.BytesIO()
    told = {"descr": kind, "fortran_order": False, "shape": shape}
    numpy.lib.format.write_array_header_1_0(header, told)
    whole = len(header.getvalue()) + numpy.dtype(kind).itemsize * int(numpy.prod(shape))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        # Whoever comes second writes the same; what is not decoded yet takes no room.
        if os.fstat(number).st_size != whole:
            os.pwrite(number, header.getvalue(), 0)
            os.truncate(number, whole)
    except OSError as error:
        raise _unwritten(path, error) from error
    return number, len(header.getvalue())


def _unwritten(path: Path, error: OSError) -> ReproductionError:
    return ReproductionError(
        f"{path}: want to write decoded images, found: {error.strerror}; make room or the folder "
        "writable (XDG_CACHE_HOME names another); what was decoded is kept"
    )
