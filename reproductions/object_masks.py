"""Where the object is in an image: inside the boxes of ILSVRC, or in a folder of masks.

Boxes are a stand-in: they hold some background, so that they divide the patches less sharply than
an outline does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

from PIL import Image, ImageDraw, UnidentifiedImageError

from reproductions.errors import NotMeasurableError, ReproductionError


@dataclass(frozen=True)
class Masks:
    """The masks of a data set, by the name of the image without its ending."""

    files: Mapping[str, Path]
    read: Callable[[Path, tuple[int, int]], Image.Image]

    def has(self, image: str) -> bool:
        """Tell whether there is a mask of an image."""
        return Path(image).stem in self.files

    def of(self, image: str, size: tuple[int, int]) -> Image.Image | None:
        """Give the mask of an image, of the image's size in pixels; None if it has none.

        Raises:
            ReproductionError: the file cannot be read as what it should be.
        """
        file = self.files.get(Path(image).stem)
        return None if file is None else self.read(file, size)


def masks_in(folder: Path, what: str) -> Masks:
    """Find the masks in a folder, at any depth.

    Args:
        folder: of XML files for ``boxes``, of PNG files for ``given``.
        what: ``boxes`` or ``given``.

    Raises:
        NotMeasurableError: there are none, or two of one name.
    """
    ending, read = {"boxes": (".xml", _boxed), "given": (".png", _drawn)}[what]
    files: dict[str, Path] = {}
    for path in sorted(folder.rglob(f"*{ending}")):
        other = files.setdefault(path.stem, path)
        if other != path:
            raise NotMeasurableError(
                f"wants one mask an image, found two called {path.stem!r}, {other} and {path}; "
                "give `verify fetch` a folder with one of them"
            )
    if not files:
        raise NotMeasurableError(
            f"wants a folder of masks ({ending}), one named as each image, found none in {folder}; "
            "give `verify fetch` the right folder"
        )
    return Masks(files, read)


def _boxed(file: Path, size: tuple[int, int]) -> Image.Image:
    """Fill the boxes of an annotation; they are scaled where they were drawn on another size."""
    try:
        tree = Xml.parse(file)
        drawn_on = [float(tree.findtext(f"size/{side}", "0")) for side in ("width", "height")]
        boxes = [
            [float(box.findtext(end, "nan")) for end in ("xmin", "ymin", "xmax", "ymax")]
            for box in tree.iter("bndbox")
        ]
    except (Xml.ParseError, ValueError, OSError) as error:
        raise ReproductionError(
            f"{file}: want an annotation of ILSVRC with bndbox elements, found another file "
            f"({error}); fetch it again"
        ) from error
    mask = Image.new("L", size)
    scale = [have / of if of > 0 else 1.0 for have, of in zip(size, drawn_on, strict=True)]
    for box in boxes:
        if any(end != end for end in box):  # noqa: PLR0124 - NaN: an end is missing
            raise ReproductionError(f"{file}: want four ends of every bndbox, found fewer")
        ends = [end * scale[axis % 2] for axis, end in enumerate(box)]
        ImageDraw.Draw(mask).rectangle(ends, fill=255)
    return mask


def _drawn(file: Path, size: tuple[int, int]) -> Image.Image:
    """Read a mask: what is not black is the object."""
    try:
        with Image.open(file) as opened:
            mask = opened.convert("L").point(lambda value: 255 if value else 0)
    except (UnidentifiedImageError, OSError) as error:
        raise ReproductionError(
            f"{file}: want a mask as PNG, found a file that cannot be read ({error}); replace it"
        ) from error
    return mask if mask.size == size else mask.resize(size, Image.Resampling.NEAREST)
