"""Where images are and of which class: every form of a data set, and what is refused."""

import io
import re
import sys
import tarfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from reproductions import labeled_images
from reproductions.artifact_cache import Cache, cache_folder, locate
from reproductions.artifacts import use_catalogue
from reproductions.contract import NotMeasurableError
from reproductions.fetching import fetch
from reproductions.image_manifest import manifest_of
from reproductions.labeled_images import Image, Images, ImagesError, synsets, synsets_of_a

_SPEC = spec_from_file_location("accuracy_data", Path(__file__).parents[1] / "accuracy_data.py")
data = module_from_spec(_SPEC)
_SPEC.loader.exec_module(data)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    yield
    use_catalogue(None)


def folders(root, names):
    """Make folders with one file each, which nobody decodes."""
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "a.JPEG").write_bytes(name.encode())
    return root


def given(place, name="data/imagenet_val"):
    """Look at a folder of the user as a data set."""
    fetch(name, Cache(cache_folder()), data.Silent(), given=place)
    images = labeled_images.labeled_images(name)
    labeled_images.check_counts(images)
    return images


@pytest.fixture
def own(tmp_path):
    """Look at a folder as a project's own data set, which may have any number of images."""

    def look(place):
        data.declare(tmp_path / "own.yaml", place)
        return labeled_images.labeled_images(data.DATA)

    return look


def test_the_classes_are_the_sorted_synsets_of_imagenet():
    assert (len(synsets()), len(synsets_of_a())) == (1000, 200)
    assert (synsets()[0], synsets()[999]) == ("n01440764", "n15075141")
    assert list(synsets()) == sorted(synsets())
    assert list(synsets_of_a()) == sorted(synsets_of_a())
    assert set(synsets_of_a()) < set(synsets())


def test_folders_of_synsets_have_their_classes(tmp_path, own):
    found = own(folders(tmp_path / "set", synsets()))
    assert [(image.name, image.label) for image in found.all] == [
        (f"{synset}/a.JPEG", label) for label, synset in enumerate(synsets())
    ]
    assert found.classes is None
    assert found.read(3) == synsets()[3].encode()


def test_numbers_are_classes_and_not_text(tmp_path, own):
    found = own(folders(tmp_path / "set", map(str, range(1000))))
    labels = {image.name.split("/")[0]: image.label for image in found.all}
    assert (labels["2"], labels["10"], labels["999"]) == (2, 10, 999)


def test_the_200_classes_of_imagenet_a_are_places_among_the_1000(tmp_path, own):
    found = own(folders(tmp_path / "set", synsets_of_a()))
    assert len(found.classes) == 200
    assert [image.label for image in found.all] == list(found.classes)
    assert found.classes[:3] == (6, 11, 13)


def test_a_folder_that_only_holds_the_folders_is_entered(tmp_path, own):
    folders(tmp_path / "set" / "val", synsets())
    assert len(own(tmp_path / "set").all) == 1000


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (lambda: synsets()[1:], "999 folders, 'n01440764' missing"),
        (lambda: [*synsets()[1:], "tench"], "1000 folders, 'n01440764' missing, 'tench' among"),
        (lambda: [*synsets(), "n99999999"], "1001 folders, 'n99999999' among them"),
        (lambda: [str(number) for number in range(1, 1001)], "'0' missing, '1000' among them"),
        (lambda: synsets()[:7], "7 folders, 'n01514668', .* and 990 more missing"),
    ],
    ids=["999", "a name", "1001", "counted from 1", "a few"],
)
def test_other_classes_are_refused(tmp_path, own, names, found):
    with pytest.raises(ImagesError, match=rf"wants the data set toyset with .*found.*{found}"):
        own(folders(tmp_path / "set", names()))


def test_an_order_that_only_numbers_tell_is_refused_where_synsets_are_known(tmp_path):
    with pytest.raises(ImagesError, match="a folder for each of the 1000 synsets, found 1000 fold"):
        given(folders(tmp_path / "set", map(str, range(1000))))


@pytest.mark.parametrize(
    ("name", "names", "count", "found"),
    [
        ("data/imagenet_val", synsets, "50000 images", "1000"),
        ("data/imagenet_a", synsets_of_a, "7500 images", "200"),
        ("data/imagenet_v2", lambda: map(str, range(1000)), "10000 images", "1000"),
    ],
)
def test_a_part_of_a_known_data_set_is_not_taken_for_it(tmp_path, name, names, count, found):
    with pytest.raises(ImagesError, match=f"with {count}, found {found}; give the data set anew"):
        given(folders(tmp_path / "set", names()), name)


def test_as_many_images_of_other_classes_are_refused(tmp_path, monkeypatch):
    known = labeled_images._Known(1001, 1, "synsets")
    monkeypatch.setitem(labeled_images._KNOWN, "data/imagenet_val", known)
    folders(tmp_path / "set", synsets())
    (tmp_path / "set" / synsets()[5] / "b.JPEG").touch()
    with pytest.raises(
        ImagesError, match=r"1 images of every class, found 2 of class 5 \(n01496331"
    ):
        given(tmp_path / "set")


def test_what_is_no_picture_is_named_and_not_skipped(tmp_path, own):
    folders(tmp_path / "set", synsets())
    (tmp_path / "set" / "README.txt").touch()
    (tmp_path / "set" / "n01440764" / ".DS_Store").touch()
    assert len(own(tmp_path / "set").all) == 1000
    (tmp_path / "set" / "n01440764" / "notes.txt").touch()
    with pytest.raises(ImagesError, match=r"found 'n01440764/notes.txt'; take it away"):
        own(tmp_path / "set")


# -- the original tar and its devkit ----------------------------------------------------


@pytest.fixture
def devkit(tmp_path, monkeypatch):
    """A kit of three classes with numbers of its own, for three images."""
    place = tmp_path / "kit" / "data"
    place.mkdir(parents=True)
    leaves = [(1, synsets()[7], 0), (2, synsets()[0], 0), (3, synsets()[999], 0)]
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("num_children", "O")]
    table = np.array([*leaves, (4, "n00001740", 3)], dtype=kind)
    scipy.io.savemat(place / "meta.mat", {"synsets": table})
    (place / "ILSVRC2012_validation_ground_truth.txt").write_text("2\n1\n3\n")
    known = labeled_images._Known(3, None, "synsets")
    monkeypatch.setitem(labeled_images._KNOWN, "data/imagenet_val", known)
    return tmp_path / "kit"


def originals(*numbers):
    return [f"ILSVRC2012_val_{number:08d}.JPEG" for number in numbers]


def tar_of(path, names):
    with tarfile.open(path, "w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
    return path


def in_tar(path, devkit, monkeypatch):
    """Read a tar as the cache would give it; that of ImageNet is held to its digest."""
    places = {"data/imagenet_val": path, "data/imagenet_devkit": devkit}
    monkeypatch.setattr(labeled_images, "locate", lambda name, **_: places[name])
    return labeled_images.labeled_images("data/imagenet_val")


def test_the_devkit_gives_the_classes_of_the_tar(tmp_path, devkit, monkeypatch):
    found = in_tar(tar_of(tmp_path / "val.tar", originals(2, 1, 3)), devkit, monkeypatch)
    assert [image.name for image in found.all] == originals(1, 2, 3)
    assert [image.label for image in found.all] == [0, 7, 999]
    assert found.read(1) == originals(2)[0].encode()


def test_the_devkit_gives_the_classes_of_the_unpacked_tar(tmp_path, devkit):
    (tmp_path / "set").mkdir()
    for name in originals(1, 2, 3):
        (tmp_path / "set" / name).write_bytes(b"x")
    with pytest.raises(NotMeasurableError, match=r"imagenet_devkit .*--from FILE"):
        given(tmp_path / "set")
    fetch("data/imagenet_devkit", Cache(cache_folder()), data.Silent(), given=devkit)
    found = labeled_images.labeled_images("data/imagenet_val")
    assert [image.label for image in found.all] == [0, 7, 999]


@pytest.mark.parametrize(
    ("names", "found"), [(originals(1, 2, 4), "val_00000004"), (["a.JPEG"], "'a.JPEG'")]
)
def test_a_tar_of_something_else_is_refused(tmp_path, devkit, monkeypatch, names, found):
    with pytest.raises(ImagesError, match=f"ILSVRC2012_val_00000001.JPEG to .*{found}"):
        in_tar(tar_of(tmp_path / "val.tar", names), devkit, monkeypatch)


@pytest.mark.parametrize("content", [b"no tar" * 200, b""])
def test_a_damaged_tar_is_refused(tmp_path, devkit, monkeypatch, content):
    (tmp_path / "val.tar").write_bytes(content)
    with pytest.raises(
        ImagesError, match=r"a whole tar of images, found a damaged file|found none"
    ):
        in_tar(tmp_path / "val.tar", devkit, monkeypatch)


@pytest.mark.parametrize("spoil", ["meta", "truth", "number"])
def test_another_devkit_is_refused(tmp_path, devkit, monkeypatch, spoil):
    truth = devkit / "data" / "ILSVRC2012_validation_ground_truth.txt"
    if spoil == "meta":
        (devkit / "data" / "meta.mat").write_bytes(b"no matrix")
    else:
        truth.write_text("2\nx\n" if spoil == "truth" else "2\n4\n")
    with pytest.raises(
        NotMeasurableError, match=r"wants the data set imagenet_devkit with .*found"
    ):
        in_tar(tar_of(tmp_path / "val.tar", originals(1)), devkit, monkeypatch)


# -- parquet, as the Hugging Face cache has it ------------------------------------------


def parquet_of(path, labels, synset_of=lambda label: synsets()[label]):
    pyarrow = pytest.importorskip("pyarrow", reason="parquet files want pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet", reason="parquet files want pyarrow")
    rows = [
        {"bytes": f"{number}".encode(), "path": f"val_{number}_{synset_of(label)}.JPEG"}
        for number, label in enumerate(labels)
    ]
    table = pyarrow.table({"image": rows, "label": list(labels)})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, row_group_size=3)


def test_parquet_files_are_read_row_by_row(tmp_path, own):
    parquet_of(tmp_path / "set/data/validation-00000-of-00002.parquet", [5, 6, 7, 8, 9])
    parquet_of(tmp_path / "set/data/validation-00001-of-00002.parquet", [999])
    parquet_of(tmp_path / "set/data/train-00000-of-00001.parquet", [1])
    found = own(tmp_path / "set")
    assert [image.label for image in found.all] == [5, 6, 7, 8, 9, 999]
    assert [found.read(number) for number in (4, 0, 5, 3)] == [b"4", b"0", b"0", b"3"]


def test_parquet_files_in_another_order_of_classes_are_refused(tmp_path, own):
    parquet_of(tmp_path / "set/val.parquet", [5, 6], lambda label: synsets()[label + 1])
    with pytest.raises(
        ImagesError, match=r"in the order of sorted synsets, found 'val_0_n.* class"
    ):
        own(tmp_path / "set")


def test_a_damaged_parquet_file_is_refused(tmp_path, own):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "val.parquet").write_bytes(b"nothing of the kind")
    with pytest.raises(NotMeasurableError, match="found a file that cannot be read so"):
        own(tmp_path / "set")


def test_without_pyarrow_it_is_asked_for(tmp_path, own, monkeypatch):
    parquet_of(tmp_path / "set/val.parquet", [5])
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(NotMeasurableError, match=r"wants pyarrow .*pip install pyarrow"):
        own(tmp_path / "set")


# -- the order --------------------------------------------------------------------------


def test_images_come_in_an_order_of_the_seed_alone():
    listed = tuple(Image(f"{number}.JPEG", 0, 1) for number in range(500))
    images = Images("data/toyset", Path("set"), listed, lambda _: b"", None)
    assert sorted(images.shuffled(0)) == list(range(500))
    assert images.shuffled(0) == images.shuffled(0)
    assert images.shuffled(0) != images.shuffled(1)
    assert images.shuffled(0)[:5] == [324, 372, 288, 375, 270]
    drawn = np.mean([np.mean(images.shuffled(seed)[:50]) for seed in range(50)])
    assert abs(drawn - 249.5) < 5 * 144 / (50 * 50) ** 0.5


# -- the manifest -----------------------------------------------------------------------


def test_a_manifest_is_made_once_and_held_to(tmp_path, own):
    found = own(folders(tmp_path / "set", synsets_of_a()))
    manifest = manifest_of(found)
    written = manifest.path.read_bytes()
    assert manifest_of(found) == manifest
    assert manifest.path.read_bytes() == written
    manifest.check(found, 0, found.read(0))
    with pytest.raises(ImagesError, match=rf"found '{re.escape(found.all[0].name)}' changed"):
        manifest.check(found, 0, b"other")


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda place: (place / "n01498041/a.JPEG").unlink(), "1 missing, such as 'n01498041/a"),
        (lambda place: (place / "n01498041/b.JPEG").touch(), "1 new, such as 'n01498041/b.JPEG'"),
        (
            lambda place: (place / "n01498041/a.JPEG").write_bytes(b""),
            "1 changed, such as 'n014980",
        ),
    ],
    ids=["missing", "new", "cut"],
)
def test_an_image_that_is_not_as_it_was_is_named(tmp_path, own, spoil, found):
    place = folders(tmp_path / "set", synsets_of_a())
    manifest = manifest_of(own(place))
    spoil(place)
    with pytest.raises(ImagesError, match=f"as they were at first, found {found}.*; put them back"):
        manifest_of(own(place))
    manifest.path.unlink()
    manifest_of(own(place))


def test_an_image_that_is_gone_is_named_and_not_only_counted(tmp_path, own):
    place = folders(tmp_path / "set", synsets_of_a())
    manifest_of(own(place))
    (place / "n01498041/a.JPEG").unlink()
    with pytest.raises(NotMeasurableError, match="199 files"):
        locate(data.DATA)
    with pytest.raises(ImagesError, match=r"1 missing, such as 'n01498041/a\.JPEG'"):
        manifest_of(labeled_images.labeled_images(data.DATA))


def test_a_part_of_a_known_data_set_makes_no_manifest(tmp_path):
    fetch(
        "data/imagenet_a",
        Cache(cache_folder()),
        data.Silent(),
        given=folders(tmp_path / "set", synsets_of_a()),
    )
    with pytest.raises(ImagesError, match="with 7500 images, found 200"):
        manifest_of(labeled_images.labeled_images("data/imagenet_a"))
    assert not (cache_folder() / "manifests").exists()


def test_what_is_no_manifest_is_refused(tmp_path, own):
    found = own(folders(tmp_path / "set", synsets_of_a()))
    manifest_of(found).path.write_text("{}")
    with pytest.raises(Exception, match="want the manifest of data/toyset, found something else"):
        manifest_of(found)
