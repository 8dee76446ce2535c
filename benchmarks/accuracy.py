"""How fast accuracy is measured: from pictures, from decoded ones, and the model alone.

``python benchmarks/accuracy.py [MODEL] [IMAGES]`` draws pictures of the size of ImageNet's, runs
the model over them as a measurement does, and prints images a second: decoding, from the cache, and
the model by itself on images that are in memory. The last two run in turn, five times; where others
use the processors too, the processor time of the two can be compared, and is printed as well.
"""

import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import torch
from PIL import Image as Picture

from reproductions.catalog import Top1AccuracyParams, trained_transform
from reproductions.decoded_images import DecodedImages
from reproductions.image_manifest import manifest_of
from reproductions.labeled_images import Image, Images
from reproductions.models import build_model
from reproductions.top1_accuracy import Classifier, batches, in_parts

LAPS = 5
BATCH = 16
SIZE = (500, 375)


def pictures(folder: Path, count: int) -> Images:
    """Draw JPEG files of which the decoder has as much work as of photographs."""
    listed = []
    for number in range(count):
        coarse = np.random.default_rng(number).integers(0, 256, (47, 63, 3), dtype=np.uint8)
        path = folder / f"{number:06d}.JPEG"
        Picture.fromarray(coarse).resize(SIZE, Picture.Resampling.BICUBIC).save(path, quality=95)
        listed.append(Image(path.name, number % 1000, path.stat().st_size))
    return Images(
        "data/drawn", folder, tuple(listed), lambda n: (folder / listed[n].name).read_bytes(), None
    )


def now() -> np.ndarray:
    """Tell the seconds of the clock and those of all processors."""
    return np.array([time.perf_counter(), time.process_time()])


def from_images(classify: Classifier, decoded: DecodedImages, count: int) -> np.ndarray:
    """Run over all images as a measurement does; seconds an image."""
    start = now()
    for _, pixels in batches(decoded, in_parts(range(count), BATCH)):
        classify(pixels)
    return (now() - start) / count


def alone(classify: Classifier, count: int) -> np.ndarray:
    """Run the model on one batch that is ready for it; seconds an image."""
    images = torch.randn(BATCH, 3, 224, 224, device=classify.place)
    start = now()
    with torch.inference_mode():
        for _ in range(0, count, BATCH):
            classify.model(images).float().cpu()
    return (now() - start) / count


def main(name: str, count: int) -> None:
    """Print the three speeds and what memory the process held."""
    transform = trained_transform(name)
    if transform is None:
        raise SystemExit(f"want a variant of vig_models, got {name!r}; name one")
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    params = Top1AccuracyParams(
        model=name,
        weights="released",
        dataset="imagenet-1k-val",
        transform="trained",
        precision="tf32_off",
        batch=BATCH,
        device="any",
    )
    model = build_model(name, num_classes=1000, implementation="fast").to(place)
    classify = Classifier(model, transform, params, place)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        (Path(folder) / "drawn").mkdir()
        images = pictures(Path(folder) / "drawn", count)
        with DecodedImages(images, manifest_of(images), transform) as decoded:
            alone(classify, BATCH)
            start = time.perf_counter()
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                for first in range(0, count, BATCH):
                    decoded.batch(range(first, min(first + BATCH, count)), pool)
            print(f"decoding            {count / (time.perf_counter() - start):8.1f} images/s")
            before = psutil.Process().memory_info().rss
            laps = [
                (alone(classify, count), from_images(classify, decoded, count)) for _ in range(LAPS)
            ]
            grown = psutil.Process().memory_info().rss - before
    model_alone, cached = (
        statistics.median(s[0] for s in side) for side in zip(*laps, strict=True)
    )
    print(f"{name} alone        {1 / model_alone:8.1f} images/s")
    print(f"from decoded images {1 / cached:8.1f} images/s")
    for which, what in enumerate(("time", "processor time")):
        ratios = sorted(float(there[which] / own[which]) for own, there in laps)
        told = f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        print(f"{what} of a lap, of the model's own: {told}")
    print(f"memory grew by      {grown / 2**20:8.1f} MiB over {LAPS * count} images")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "vig_ti", int(sys.argv[2] if sys.argv[2:] else 256))
