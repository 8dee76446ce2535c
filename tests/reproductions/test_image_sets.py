"""Pictures and masks of data sets, and drawn images: in order, framed, named where damaged."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reproductions.artifacts import use_catalogue
from reproductions.catalog import ANALYSIS
from reproductions.decoded_images import resize_and_crop
from reproductions.errors import NotMeasurableError, ReproductionError
from reproductions.generated_images import generated_image
from reproductions.image_sets import (
    SIDE,
    DataSet,
    ImageSet,
    generated,
    normalized,
    transform_of,
)
from reproductions.labeled_images import ImagesError, synsets, synsets_of_a
from reproductions.object_masks import masks_in

_SPEC = spec_from_file_location("accuracy_data", Path(__file__).parents[1] / "accuracy_data.py")
data = module_from_spec(_SPEC)
_SPEC.loader.exec_module(data)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Make a set of the classes of ImageNet-A, of one picture each in a gray of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    for number, synset in enumerate(synsets_of_a()):
        folder = tmp_path / "set" / synset
        folder.mkdir(parents=True)
        Image.new("RGB", (240, 230), 3 * (number,)).save(folder / f"picture_{number}.png")
    yield tmp_path / "set"
    use_catalogue(None)


def found(root, masks=None, alignment="crop"):
    data.declare(root.parent / "own.yaml", root)
    return DataSet.found(data.DATA, ANALYSIS, masks, alignment)


def drawn(root, count=20, masks=None, alignment="crop", seed=0):
    return found(root, masks, alignment).drawn(count, seed)


def grays(images):
    return torch.cat([batch.pixels[:, 0, 0, 0] for batch in images.batches(8)]) * 255


def test_labels_are_those_of_the_1000_classes_in_an_order_drawn_from_the_seed(root):
    batches = list(drawn(root).batches(8))
    assert [len(batch.pixels) for batch in batches] == [8, 8, 4]
    labels = torch.cat([b.labels for b in batches])
    names = [synsets_of_a()[round(float(gray))] for gray in grays(drawn(root))]
    assert [synsets()[label] for label in labels] == names
    again = torch.cat([b.labels for b in drawn(root).batches(5)])
    other = torch.cat([b.labels for b in drawn(root, seed=1).batches(20)])
    assert torch.equal(labels, again)
    assert not torch.equal(labels, other)


def test_a_picture_that_cannot_be_read_is_named(root):
    broken = next(path for path in root.rglob("*.png"))
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(ImagesError, match=f"{broken.name}', which cannot be decoded"):
        list(drawn(root, count=200).batches(16))


def test_a_picture_that_is_another_than_at_first_is_named(root):
    images = found(root)
    path = next(path for path in root.rglob("*.png"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ImagesError, match=rf"{path.name}' changed \(SHA-256 want"):
        list(images.drawn(200, 0).batches(16))


def test_the_others_are_not_among_those_that_are_measured(root):
    images = found(root)
    measured = set(grays(images.drawn(150, 0)).tolist())
    others = set(grays(images.others(32, but=150, seed=0)).tolist())
    assert (len(measured), len(others), measured & others) == (150, 32, set())
    assert len(grays(images.others(32, but=200, seed=0))) == 32  # none are left


def test_what_was_measured_is_identified_by_its_manifest(root):
    assert drawn(root).evidence == {"pictures": 200, "manifest": found(root).manifest.sha256}


def test_more_images_than_there_are_is_refused(root):
    with pytest.raises(NotMeasurableError, match=r"wants 201 images of data/toyset, found 200"):
        drawn(root, count=201)


@pytest.mark.parametrize(("size", "box"), [((448, 224), (112, 0, 336, 224)), ((224, 224), None)])
def test_the_short_side_is_resized_and_the_middle_kept(size, box):
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    kept = resize_and_crop(ANALYSIS)(picture).transpose(1, 2, 0)
    assert np.array_equal(kept, np.asarray(picture.crop(box) if box else picture))


def test_the_trained_transform_is_the_authors():
    trained = transform_of("trained", "vig_s")
    assert (trained.resize, trained.interpolation) == (248, "bicubic")
    pixels = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1)
    assert normalized(pixels, trained).flatten().tolist() == [-1, 0, 1]
    with pytest.raises(NotMeasurableError, match="wants a Vision GNN of vig_models, found 'resn"):
        transform_of("trained", "resnet18")


# -- masks ------------------------------------------------------------------------------


def test_masks_follow_the_crop_or_are_squeezed_as_the_paper_does(tmp_path, root):
    """A wide picture whose left quarter is the object: cropped away, or squeezed and kept."""
    picture = next(root.rglob("*.png"))
    Image.new("RGB", (448, 224)).save(picture)
    mask = Image.new("L", (448, 224))
    mask.paste(255, (0, 0, 112, 224))
    (tmp_path / "masks").mkdir()
    mask.save(tmp_path / "masks" / picture.name)
    masks = masks_in(tmp_path / "masks", "given")
    shares = {}
    for alignment in ("crop", "paper"):
        batches = list(drawn(root, 200, masks, alignment).batches(200))
        assert int(batches[0].masked.sum()) == 1  # the others have none, which is not an empty one
        shares[alignment] = float(batches[0].masks[batches[0].masked].double().mean())
    assert shares == {"crop": 0, "paper": 0.25}


def test_boxes_are_filled_ends_included(tmp_path):
    (tmp_path / "a.xml").write_text(
        "<annotation><size><width>8</width><height>6</height></size><object><bndbox><xmin>1</xmin>"
        "<ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>"
    )
    mask = np.asarray(masks_in(tmp_path, "boxes").of("x/a.JPEG", (8, 6))) > 0
    assert mask.sum() == 9
    assert mask[2:5, 1:4].all()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("<annotation", "want an annotation of ILSVRC"), ("<a><bndbox/></a>", "want four ends")],
)
def test_a_damaged_annotation_is_named(tmp_path, text, sentence):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(ReproductionError, match=f"a.xml: {sentence}"):
        masks_in(tmp_path, "boxes").of("a.JPEG", (8, 6))


def test_a_folder_without_masks_is_refused(tmp_path):
    with pytest.raises(NotMeasurableError, match="wants a folder of masks"):
        masks_in(tmp_path, "given")


def test_two_masks_of_one_name_are_refused(tmp_path):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        Image.new("L", (8, 8)).save(tmp_path / place / "a.png")
    with pytest.raises(NotMeasurableError, match=r"found two called 'a', .*one/a.png and .*two/a"):
        masks_in(tmp_path, "given")


def test_masks_of_other_images_are_refused(tmp_path, root):
    (tmp_path / "masks").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "masks" / "elsewhere.png")
    with pytest.raises(NotMeasurableError, match=r"such as 'picture_0', found none of 1 masks so"):
        found(root, masks_in(tmp_path / "masks", "given"))


# -- drawn images -----------------------------------------------------------------------


def test_a_drawn_image_depends_on_seed_and_place_alone():
    first, again = generated_image(0, 3, 64), generated_image(0, 3, 64)
    others = [generated_image(1, 3, 64), generated_image(0, 4, 64)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(first[0], other[0]) for other in others)


def test_near_pixels_are_more_alike_than_far_ones_and_the_object_stands_out():
    pixels = torch.stack([generated_image(0, i, 64)[0] for i in range(16)])
    apart = [float((pixels - pixels.roll(step, -1)).abs().mean()) for step in (1, 8, 32)]
    assert apart == sorted(apart)
    masks = torch.stack([generated_image(0, i, 64)[1] for i in range(16)])
    shares = masks.double().mean(dim=(1, 2))
    assert 0.02 < float(shares.min()) < float(shares.max()) < 0.6


def test_drawn_images_have_no_class_and_a_mask_where_one_is_asked_for():
    (plain,) = generated(2, 0).batches(2)
    (masked,) = generated(2, 0, masks=True).batches(2)
    assert plain.labels is None
    assert plain.masks is None
    assert torch.equal(plain.pixels, masked.pixels)
    assert masked.masks.shape == (2, SIDE, SIDE)
    assert masked.masked.tolist() == [True, True]


def test_images_are_not_read_long_before_they_are_wanted():
    read = []

    def reader(number):
        read.append(number)
        return generated(1, number).readers[0]()

    readers = [lambda number=number: reader(number) for number in range(40)]
    next(ImageSet(readers).batches(2))
    assert len(read) < 10
