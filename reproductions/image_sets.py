"""Images with their labels and objects, in a drawn order, as a model is to see them.

Those of a data set are found, held to its manifest, decoded, resized and cropped as accuracy has
them (``labeled_images``, ``image_manifest``, ``decoded_images``); others are drawn from a seed.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from pydantic import JsonValue
from torch import Tensor

from reproductions.catalog import ANALYSIS, Transform, trained_transform
from reproductions.decoded_images import picture_of, resize_and_crop
from reproductions.errors import NotMeasurableError
from reproductions.generated_images import generated_image
from reproductions.image_manifest import Manifest, manifest_of
from reproductions.labeled_images import Images, labeled_images
from reproductions.object_masks import Masks

SIDE = 224
_READERS = 8


def transform_of(name: str, model: str) -> Transform:
    """Look up ``trained`` or ``analysis`` for a variant of ``vig_models``.

    Raises:
        NotMeasurableError: it is no such variant.
    """
    trained = trained_transform(model)
    if trained is None:
        raise NotMeasurableError(f"wants a Vision GNN of vig_models, found {model!r}")
    return ANALYSIS if name == "analysis" else trained


def normalized(pixels: Tensor, transform: Transform) -> Tensor:
    """Subtract the mean and divide by the deviation: (B, 3, H, W) -> (B, 3, H, W)."""
    given = (transform.mean, transform.std)
    mean, std = (pixels.new_tensor(numbers)[:, None, None] for numbers in given)
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
class DataSet:
    """The images of a data set with their objects, as a model is to see them."""

    images: Images
    manifest: Manifest
    transform: Transform
    masks: Masks | None
    alignment: str
    """``crop`` or ``paper``: how a mask is brought to the size of the input."""

    @classmethod
    def found(
        cls, artifact: str, transform: Transform, masks: Masks | None, alignment: str
    ) -> "DataSet":
        """Find a data set that was fetched.

        Raises:
            NotMeasurableError: it was not fetched, is not what it should be or not what it was,
                or none of its images has a mask.
        """
        images = labeled_images(artifact)
        if masks is not None and not any(masks.has(image.name) for image in images.all):
            raise NotMeasurableError(
                f"wants masks named as the images of {artifact} are, such as "
                f"{Path(images.all[0].name).stem!r}, found none of {len(masks.files)} masks so; "
                "give `verify fetch` the right folder"
            )
        return cls(images, manifest_of(images), transform, masks, alignment)

    def drawn(self, count: int, seed: int) -> ImageSet:
        """Prepare ``count`` images in an order drawn from the seed.

        Raises:
            NotMeasurableError: there are fewer.
        """
        there = len(self.images.all)
        if count > there:
            raise NotMeasurableError(
                f"wants {count} images of {self.images.artifact}, found {there}; ask for fewer"
            )
        return self._set(self.images.shuffled(seed)[:count])

    def others(self, count: int, but: int, seed: int) -> ImageSet:
        """Prepare images that come after the first ``but``; fewer are left: the last ones."""
        order = self.images.shuffled(seed)
        first = max(0, min(but, len(order) - count))
        return self._set(order[first : first + count])

    def _set(self, places: Sequence[int]) -> ImageSet:
        told: dict[str, JsonValue] = {
            "pictures": len(self.images.all),
            "manifest": self.manifest.sha256,
        }
        readers = [partial(self._read, place) for place in places]
        return ImageSet(readers, self.masks is not None, told)

    def _read(self, place: int) -> _Sample:
        image = self.images.all[place]
        picture = picture_of(self.images, self.manifest, place)
        mask = None if self.masks is None else self.masks.of(image.name, picture.size)
        pixels = torch.from_numpy(resize_and_crop(self.transform)(picture)) / 255
        return _Sample(pixels, image.label, None if mask is None else self._aligned(mask))

    def _aligned(self, mask: Image.Image) -> Tensor:
        """Bring a mask to the input: (224, 224), bool."""
        if self.alignment == "paper":
            mask = mask.resize((SIDE, SIDE), Image.Resampling.NEAREST)
        see = resize_and_crop(self.transform.model_copy(update={"interpolation": "nearest"}))
        return torch.from_numpy(see(mask))[0] > 0


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
