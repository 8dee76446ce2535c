"""Images with their labels and objects, in a drawn order, as a model is to see them.

Pictures are read as timm's pipeline reads them: converted to RGB, a rotation noted in EXIF not
applied. A picture that cannot be read ends the measurement and is named; none is skipped.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path

import torch
from PIL import Image, UnidentifiedImageError
from pydantic import JsonValue
from torch import Tensor

from reproductions.errors import NotMeasurableError, ReproductionError
from reproductions.generated_images import generated_image
from reproductions.object_masks import Masks
from vig_models.pretrained import IMAGENET_MEAN, IMAGENET_STD, pretrained_cfg

SIDE = 224
_READERS = 8
_ENDINGS = frozenset({".jpeg", ".jpg", ".png"})
_SYNSETS = {"imagenet-1k-val": 1000, "imagenet-a": 200}


@dataclass(frozen=True)
class Transform:
    """How a picture becomes the input of a model."""

    resize: int
    """Short side before the center crop."""
    interpolation: Image.Resampling
    mean: Sequence[float]
    std: Sequence[float]

    @classmethod
    def named(cls, name: str, model: str) -> "Transform":
        """Look up ``trained`` or ``analysis`` for a variant of ``vig_models``."""
        if name == "analysis":
            return cls(SIDE, Image.Resampling.BILINEAR, IMAGENET_MEAN, IMAGENET_STD)
        cfg = pretrained_cfg(model)
        way = Image.Resampling[cfg["interpolation"].upper()]
        return cls(int(SIDE / cfg["crop_pct"]), way, cfg["mean"], cfg["std"])

    def frame(self, picture: Image.Image, way: Image.Resampling | None = None) -> Image.Image:
        """Resize the short side, keep the middle; whole pixels as torchvision counts them."""
        width, height = picture.size
        short = min(width, height)
        size = (int(self.resize * width / short), int(self.resize * height / short))
        picture = picture.resize(size, self.interpolation if way is None else way)
        left, top = (round((side - SIDE) / 2) for side in size)
        return picture.crop((left, top, left + SIDE, top + SIDE))

    def normalized(self, pixels: Tensor) -> Tensor:
        """Subtract the mean and divide by the deviation: (B, 3, H, W) -> (B, 3, H, W)."""
        mean, std = (pixels.new_tensor(given)[:, None, None] for given in (self.mean, self.std))
        return (pixels - mean) / std


@dataclass(frozen=True, eq=False)
class Batch:
    """Some images."""

    pixels: Tensor
    """(B, 3, 224, 224), from 0 to 1."""
    labels: Tensor | None
    """(B,), int64, of 1,000 classes; None for images of no class."""
    masks: Tensor | None
    """(B, 224, 224), bool; None where no masks are asked for."""
    masked: Tensor | None
    """(B,), bool: whether there is a mask of this image."""


@dataclass(frozen=True)
class _Sample:
    pixels: Tensor
    label: int | None
    mask: Tensor | None


@dataclass(frozen=True)
class ImageSet:
    """Images to be read one after the other; memory holds a few batches at a time."""

    readers: Sequence[Callable[[], _Sample]]
    wants_masks: bool = False
    evidence: dict[str, JsonValue] = field(default_factory=dict)

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield the images in order, ``size`` at a time; the last batch may be smaller."""
        samples = _ahead(self.readers, 2 * size)
        gathered: list[_Sample] = []
        for sample in samples:
            gathered.append(sample)
            if len(gathered) == size:
                yield self._stacked(gathered)
                gathered = []
        if gathered:
            yield self._stacked(gathered)

    def _stacked(self, samples: Sequence[_Sample]) -> Batch:
        pixels = torch.stack([sample.pixels for sample in samples])
        labels = [sample.label for sample in samples if sample.label is not None]
        masks = masked = None
        if self.wants_masks:
            none = torch.zeros(pixels.shape[-2:], dtype=torch.bool)
            masks = torch.stack([none if s.mask is None else s.mask for s in samples])
            masked = torch.tensor([s.mask is not None for s in samples])
        return Batch(pixels, torch.tensor(labels) if labels else None, masks, masked)


def generated(count: int, seed: int, *, first: int = 0, masks: bool = False) -> ImageSet:
    """Prepare drawn images.

    Args:
        count: how many.
        seed: of the set.
        first: where in the set to begin.
        masks: whether their objects are wanted.
    """

    def read(index: int) -> _Sample:
        pixels, mask = generated_image(seed, index, SIDE)
        return _Sample(pixels, None, mask if masks else None)

    readers = [partial(read, index) for index in range(first, first + count)]
    return ImageSet(readers, masks, {"drawn_from_seed": seed})


@dataclass(frozen=True)
class Folder:
    """A data set as a folder of synsets."""

    name: str
    pictures: Sequence[tuple[Path, int]]
    """File and label, in the order of their paths."""

    @classmethod
    def read(cls, name: str, root: Path) -> "Folder":
        """List the pictures of ImageNet's validation or of ImageNet-A.

        Raises:
            NotMeasurableError: it is no folder, or not of the right synsets.
        """
        if not root.is_dir():
            raise NotMeasurableError(
                f"wants the data set {name} as a folder of {_SYNSETS[name]} synsets, found the "
                f"file {root.name}; unpack it so and give `verify fetch` the folder with --from"
            )
        folders = sorted(path for path in root.iterdir() if path.is_dir())
        wanted = _synsets(name)
        found = [path.name for path in folders]
        if found != sorted(wanted):
            odd = sorted(set(found) ^ set(wanted))
            raise NotMeasurableError(
                f"wants the data set {name} as a folder of {len(wanted)} synsets, found "
                f"{len(found)} folders in {root}, {odd[0]!r} being in one of the two alone; "
                "give `verify fetch` the right folder"
            )
        pictures = [
            (path, wanted[folder.name])
            for folder in folders
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in _ENDINGS
        ]
        return cls(name, pictures)

    def drawn(
        self, count: int, seed: int, transform: Transform, masks: Masks | None, alignment: str
    ) -> ImageSet:
        """Prepare ``count`` pictures in an order drawn from the seed.

        Raises:
            NotMeasurableError: there are fewer.
        """
        if count > len(self.pictures):
            raise NotMeasurableError(
                f"wants {count} images of the data set {self.name}, found {len(self.pictures)}; "
                "give `verify fetch` the whole folder, or ask for fewer"
            )
        order = torch.randperm(
            len(self.pictures), generator=torch.Generator().manual_seed(seed)
        ).tolist()
        readers = [
            partial(_read, path, label, transform, masks, alignment)
            for path, label in (self.pictures[place] for place in order[:count])
        ]
        return ImageSet(readers, masks is not None, {"pictures": len(self.pictures)})


def _read(
    path: Path, label: int, transform: Transform, masks: Masks | None, alignment: str
) -> _Sample:
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ReproductionError(
            f"{path}: want a picture, found a file that cannot be read ({error}); replace it"
        ) from error
    mask = None if masks is None else masks.of(path, picture.size)
    nearest = Image.Resampling.NEAREST
    if mask is not None and alignment == "paper":
        mask = mask.resize((SIDE, SIDE), nearest)
    elif mask is not None:
        mask = transform.frame(mask, nearest)
    pixels = _values(transform.frame(picture)).view(SIDE, SIDE, 3).permute(2, 0, 1) / 255
    return _Sample(pixels, label, None if mask is None else _values(mask).view(SIDE, SIDE) > 0)


def _values(picture: Image.Image) -> Tensor:
    return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)


def _synsets(name: str) -> dict[str, int]:
    """Give the label of every synset of a data set, of 1,000 classes; timm knows both."""
    info = files("timm.data") / "_info"
    all_ = sorted((info / "imagenet_synsets.txt").read_text(encoding="utf-8").split())
    if name == "imagenet-1k-val":
        return {synset: label for label, synset in enumerate(all_)}
    kept = (info / "imagenet_a_indices.txt").read_text(encoding="utf-8").split()
    return {all_[int(label)]: int(label) for label in kept}


def _ahead(readers: Sequence[Callable[[], _Sample]], most: int) -> Iterator[_Sample]:
    """Read a few images in advance, on several threads, and yield them in order."""
    waiting: deque[Future[_Sample]] = deque()
    with ThreadPoolExecutor(_READERS) as pool:
        try:
            for reader in readers:
                waiting.append(pool.submit(reader))
                if len(waiting) > most:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
