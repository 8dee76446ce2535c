"""Images decoded once: as timm decodes them, whole or not at all, in memory that stays flat."""

import io
from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform

from reproductions import decoded_images
from reproductions.artifacts import use_catalogue
from reproductions.catalog import ANALYSIS, TIMM_DEFAULT, Transform, trained_transform
from reproductions.decoded_images import DecodedImages
from reproductions.errors import ReproductionError
from reproductions.image_manifest import manifest_of
from reproductions.labeled_images import ImagesError, labeled_images, synsets_of_a

_SPEC = spec_from_file_location("accuracy_data", Path(__file__).parents[1] / "accuracy_data.py")
data = module_from_spec(_SPEC)
_SPEC.loader.exec_module(data)

SMALL = Transform(
    resize=20, crop=16, interpolation="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    yield
    use_catalogue(None)


@pytest.fixture
def place(tmp_path):
    """A data set of 200 pictures."""
    return data.draw_folders(tmp_path / "set", synsets_of_a())


@pytest.fixture
def opened(tmp_path, place):
    def open_(transform=SMALL):
        data.declare(tmp_path / "own.yaml", place)
        images = labeled_images(data.DATA)
        return DecodedImages(images, manifest_of(images), transform)

    return open_


def batch(decoded, numbers):
    with ThreadPoolExecutor(2) as pool:
        return decoded.batch(numbers, pool)


def noise(size, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def written(picture, **options):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def first(place):
    return sorted(place.rglob("*.JPEG"))[0]


def _reference_pixels(path, transform):
    """Take timm's own transform, normalization and all."""
    timms = create_transform(
        (3, transform.crop, transform.crop),
        is_training=False,
        interpolation=transform.interpolation,
        mean=transform.mean,
        std=transform.std,
        crop_pct=transform.crop / (transform.resize + 0.5),
        crop_mode=transform.crop_mode,
    )
    with Image.open(path) as picture:
        return timms(picture.convert("RGB"))


@pytest.mark.parametrize(
    "transform",
    [
        ANALYSIS,
        TIMM_DEFAULT,
        trained_transform("vig_s"),
        trained_transform("pvig_b"),
        SMALL.model_copy(update={"crop_mode": "squash"}),
        SMALL.model_copy(update={"crop_mode": "border", "resize": 16}),
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(500, 375), (90, 300)], ids=str)
def test_pixels_are_those_of_timms_pipeline(tmp_path, transform, size):
    path = tmp_path / "a.JPEG"
    path.write_bytes(written(noise(size)))
    with Image.open(path) as picture:
        kept = decoded_images.resize_and_crop(transform)(picture.convert("RGB"))
    pixels = torch.from_numpy(kept.copy())
    mean, std = (torch.tensor(one)[:, None, None] for one in (transform.mean, transform.std))
    found = (pixels / 255 - mean) / std
    torch.testing.assert_close(found, _reference_pixels(path, transform), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("resize", [17, 224, 235, 248, 249, 255, 256, 288])
@pytest.mark.parametrize("crop", [16, 160, 224, 256])
def test_the_short_side_is_resized_to_the_pixel(resize, crop):
    transform = SMALL.model_copy(update={"resize": resize, "crop": crop})
    steps = create_transform(
        (3, crop, crop), is_training=False, crop_pct=crop / (resize + 0.5), use_prefetcher=True
    ).transforms
    assert steps[0].size == resize
    assert decoded_images.resize_and_crop(transform)(noise((300, 400))).shape == (3, crop, crop)


def test_an_image_is_decoded_once(opened):
    with opened() as decoded:
        before = batch(decoded, [3, 0, 7])
        assert decoded.decoded == 3
        assert np.array_equal(batch(decoded, [7, 3, 0]), before[[2, 0, 1]])
        assert decoded.decoded == 3
    with opened() as again:
        assert np.array_equal(batch(again, [3, 0, 7, 1])[:3], before)
        assert again.decoded == 1


def test_the_cache_is_a_file_of_numpy(opened):
    with opened() as decoded:
        pixels = batch(decoded, [3])
        kept = np.load(decoded.path, mmap_mode="r")
    assert (kept.shape, kept.dtype) == ((200, 3, 16, 16), np.uint8)
    assert np.array_equal(kept[3], pixels[0])


def test_another_transform_has_another_cache_and_another_mean_has_not(opened):
    with opened() as one, opened(SMALL.model_copy(update={"resize": 21})) as two:
        assert one.path != two.path
    with opened(SMALL.model_copy(update={"mean": (0.1, 0.1, 0.1)})) as three:
        assert three.path == one.path


@pytest.mark.parametrize("spoil", ["pixels", "sum", "cut"])
def test_what_is_damaged_in_the_cache_is_decoded_again(opened, spoil):
    with opened() as decoded:
        before = batch(decoded, [0, 199])
    path = decoded.path if spoil != "sum" else decoded.path.with_suffix(".crc.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content[:-1] if spoil == "cut" else content)
    with opened() as again:
        assert np.array_equal(batch(again, [0, 199]), before)
        assert again.decoded == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (written(noise((40, 40)))[:900], "cannot be decoded .*truncated"),
        (b"no picture", r"cannot be decoded \(cannot identify image file\)"),
    ],
    ids=["truncated", "no picture"],
)
def test_a_picture_that_cannot_be_decoded_is_named_and_not_skipped(opened, place, content, told):
    first(place).write_bytes(content)
    with opened() as decoded:
        with pytest.raises(ImagesError, match=rf"whole pictures, found 'n01498041/n01.*{told}"):
            batch(decoded, [1, 0])
        batch(decoded, [1, 2])


def test_a_picture_that_changed_is_named(opened, place):
    with opened() as decoded:
        content = first(place).read_bytes()
        first(place).write_bytes(content[:-1] + b"x")
        with pytest.raises(ImagesError, match=r"found 'n01498041/n01498041_1.JPEG' changed"):
            batch(decoded, [0])


def test_a_picture_that_is_gone_is_named(opened, place):
    with opened() as decoded:
        first(place).unlink()
        with pytest.raises(ImagesError, match=r"found none where 'n01498041/n01498041_1.JPEG' was"):
            batch(decoded, [0])


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_grey_and_cmyk_are_converted_as_pillow_does(opened, place, mode):
    picture = noise((16, 16)).convert(mode)
    first(place).write_bytes(written(picture))
    with Image.open(first(place)) as kept:
        assert kept.mode == mode
        wanted = np.asarray(kept.convert("RGB")).transpose(2, 0, 1)
    with opened(SMALL.model_copy(update={"resize": 16})) as decoded:
        assert np.array_equal(batch(decoded, [0])[0], wanted)


def test_the_rotation_of_exif_is_ignored_as_timm_does(opened, place):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter
    first(place).write_bytes(written(noise((16, 16)), exif=exif))
    with Image.open(first(place)) as kept:
        assert kept.getexif()[0x0112] == 6
        wanted = np.asarray(kept.convert("RGB")).transpose(2, 0, 1)
    with opened(SMALL.model_copy(update={"resize": 16})) as decoded:
        assert np.array_equal(batch(decoded, [0])[0], wanted)


def test_a_full_disk_is_told_and_nothing_is_taken_for_whole(opened, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with opened() as decoded:
        with monkeypatch.context() as patch:
            patch.setattr(decoded_images.os, "pwrite", full)
            with pytest.raises(
                ReproductionError, match="found: No space left on device; make room"
            ):
                batch(decoded, [0])
        batch(decoded, [0])
        assert decoded.decoded == 2
