"""Top-1 accuracy: known answers counted exactly, parts bounded, and models that are broken."""

import base64
import hashlib
import zlib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from reproductions import top1_accuracy as measured
from reproductions.artifact_cache import cache_folder, locate
from reproductions.artifacts import use_catalogue
from reproductions.asking import answered_by
from reproductions.catalog import ANALYSIS, Top1AccuracyParams, trained_transform
from reproductions.contract import NotMeasurableError, Quantity
from reproductions.errors import ReproductionError
from reproductions.files import write_whole
from reproductions.labeled_images import ImagesError, synsets, synsets_of_a
from reproductions.top1_accuracy import top1_accuracy

_SPEC = spec_from_file_location("accuracy_data", Path(__file__).parents[1] / "accuracy_data.py")
data = module_from_spec(_SPEC)
_SPEC.loader.exec_module(data)

GIVEN = {
    "model": "resnet18",
    "weights": data.WEIGHTS,
    "dataset": data.DATA,
    "transform": data.SEEN,
    "precision": "tf32_off",
    "batch": 64,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """One cache for all tests: pictures are decoded once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def home(kept, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept))
    yield
    use_catalogue(None)


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    """A picture of each of the 1,000 classes."""
    return data.draw_folders(tmp_path_factory.mktemp("thousand") / "set")


@pytest.fixture
def measure(tmp_path, thousand, monkeypatch):
    """Measure a model on pictures; weights are there by word of mouth."""

    def run(model, place=None, **changed):
        data.declare(tmp_path / "own.yaml", place or thousand)
        monkeypatch.setattr(measured, "load_weights", lambda *_, **__: (model, {"sha256": "ab"}))

        def where(name, **how):
            return locate(name, **how) if name == data.DATA else thousand

        monkeypatch.setattr(measured, "locate", where)
        return top1_accuracy(Top1AccuracyParams(**GIVEN | changed), "cpu")

    return run


def percent(found, key="top1"):
    return found.values[key].value


# -- what is counted --------------------------------------------------------------------


def test_known_answers_are_counted_exactly(measure):
    found = measure(data.Reader(one_off=137, far_off=20))
    assert found.values == {
        "top1": Quantity.exact(84.3, "percent"),
        "top5": Quantity.exact(98.0, "percent"),
    }
    assert found.evidence["correct_of_seen"] == {"top1": 843, "top5": 980}
    assert (found.facts["complete"], found.facts["seen"], found.facts["images"]) == (
        True,
        1000,
        1000,
    )


@pytest.mark.parametrize(("one_off", "value"), [(0, 100.0), (1, 99.9), (999, 0.1)])
def test_every_image_counts(measure, one_off, value):
    assert percent(measure(data.Reader(one_off=one_off))) == value


@pytest.mark.parametrize("changed", [{"batch": 7}, {"batch": 1000}, {"seed": 3}])
def test_batch_and_order_change_no_count(measure, changed):
    found = measure(data.Reader(137), **changed)
    assert percent(found) == 86.3


def test_bfloat16_is_counted_too(measure):
    found = measure(data.Reader(137), precision="autocast_bf16")
    assert percent(found) == 86.3  # nothing of this model is a product of matrices of floats


def test_on_the_classes_of_imagenet_a_both_ways_are_counted(measure, tmp_path):
    labels = [synsets().index(one) for one in synsets_of_a()]
    place = data.draw_folders(tmp_path / "a", synsets_of_a(), labels)
    found = measure(data.Reader(one_off=1000), place)
    # The next class is always preferred. Among the 200 it counts only where it is one of them.
    taken = sum((label + 1) in labels for label in labels)
    assert 0 < taken < 200
    assert percent(found) == 0
    assert percent(found, "top1_200way") == pytest.approx(100 * (200 - taken) / 200, abs=1e-9)


# -- what is kept -----------------------------------------------------------------------


def test_which_images_are_right_is_kept_bit_by_bit(measure, thousand):
    found = measure(data.Reader(one_off=137))
    bits = np.unpackbits(
        np.frombuffer(zlib.decompress(base64.b64decode(found.evidence["correct"])), dtype=np.uint8)
    )
    assert bits[:1000].tolist() == [0] * 137 + [1] * 863


def test_the_five_best_classes_of_every_image_are_kept(measure):
    found = measure(data.Reader(one_off=137))
    path = cache_folder() / "predictions" / found.evidence["predictions"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == found.evidence["predictions_sha256"]
    with np.load(path) as kept:
        assert (kept["top5"].dtype, kept["top5"].shape) == (np.uint16, (1000, 5))
        assert kept["top5"][:3].tolist() == [
            [1, 0, 2, 3, 4],
            [2, 1, 3, 0, 4],
            [3, 2, 4, 1, 5],
        ]
        assert kept["labels"].tolist() == list(range(1000))
    assert not [one for one in path.parent.iterdir() if one.suffix != ".npz"]


def test_a_disk_that_is_full_leaves_nothing_half_written(measure, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_whole(tmp_path / "kept" / "one.npz", b"content")
    assert list((tmp_path / "kept").iterdir()) == []
    monkeypatch.setattr(measured, "write_whole", full)
    with pytest.raises(ReproductionError, match=r"npz: want to write .*No space left on device"):
        measure(data.Reader())


def test_the_evidence_says_where_everything_is_from(measure):
    other = {"transform": data.SEEN | {"resize": 17}}
    found = measure(data.Reader(), **other)
    assert found.evidence["weights"] == {"sha256": "ab"}
    assert found.evidence["data"]["trust"] == "as given"
    assert found.evidence["ties"] == 0
    assert found.evidence["decoded_here"] == 1000
    assert found.facts["transform"]["mean"] == [0.5, 0.5, 0.5]
    again = measure(data.Reader(5), **other)
    assert again.evidence["decoded_here"] == 0
    assert again.evidence["manifest"] == found.evidence["manifest"]


def test_equal_outputs_are_told(measure):
    class Flat(torch.nn.Module):
        def forward(self, images):
            return torch.zeros(len(images), 1000)

    assert measure(Flat()).evidence["ties"] == 1000


# -- ending early -----------------------------------------------------------------------


def test_what_is_enough_ends_it_with_bounds_that_hold(measure):
    asked = []

    def enough(so_far):
        asked.append(so_far)
        return so_far.facts["seen"] >= 300

    with answered_by(enough):
        found = measure(data.Reader(200), batch=16)
    assert [one.facts["complete"] for one in asked] == [False] * len(asked)
    assert asked[0].facts["seen"] == 64
    assert 300 <= found.facts["seen"] < 330
    quantity = found.values["top1"]
    assert quantity.level == 0.01
    assert quantity.low <= 80 <= quantity.high
    assert quantity.low <= quantity.value <= quantity.high
    assert quantity.high - quantity.low < 20
    assert "correct" not in found.evidence
    with np.load(cache_folder() / "predictions" / found.evidence["predictions"]) as kept:
        seen = kept["top5"][:, 0] != measured.UNSEEN
    assert seen.sum() == found.facts["seen"]


def test_one_who_never_has_enough_gets_an_exact_number(measure):
    with answered_by(lambda _: False):
        found = measure(data.Reader(200), batch=16)
    assert found.values["top1"] == Quantity.exact(80.0, "percent")


def test_nobody_asked_sees_all_images(measure):
    assert measure(data.Reader()).facts["complete"] is True


# -- broken on purpose ------------------------------------------------------------------


def test_permuted_classes_move_the_number(measure):
    broken = data.Reader()
    broken.answers = broken.answers[torch.randperm(1000, generator=torch.manual_seed(0))]
    assert percent(measure(data.Reader())) == 100
    assert percent(measure(broken)) < 2


RIM = {"resize": 8, "crop_mode": "border"}


@pytest.mark.parametrize(
    "wrong",
    # A crop from the middle of more leaves each block in its corner; of less there is a rim.
    [{"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}, RIM],
    ids=["mean and std", "crop"],
)
def test_another_transform_moves_the_number(measure, wrong):
    assert percent(measure(data.Reader())) == 100
    assert percent(measure(data.Reader(), transform=data.SEEN | wrong)) < 50


def test_an_image_less_is_named(measure, tmp_path):
    place = data.draw_folders(tmp_path / "set")
    measure(data.Reader(), place)
    one = sorted(place.rglob("*.JPEG"))[7]
    one.write_bytes(one.read_bytes()[:-4] + b"abcd")
    measure(data.Reader(), place)  # decoded before, and the listing is as it was
    with pytest.raises(ImagesError, match=one.name):
        measure(data.Reader(), place, transform=data.SEEN | {"resize": 18})


# -- what cannot be measured ------------------------------------------------------------


def test_everything_that_is_missing_is_told_at_once():
    given = GIVEN | {"model": "vig_s", "weights": "released", "dataset": "imagenet-1k-val"}
    told = (
        r"wants weights vig_s .*run `verify fetch vig_s`; wants the data set imagenet_val .*"
        r"run `verify fetch imagenet_val --from FILE`"
    )
    with pytest.raises(NotMeasurableError, match=told):
        top1_accuracy(Top1AccuracyParams(**given), "cpu")


@pytest.mark.parametrize("model", ["clustervig_ti", "pvihgnn_b", "pvg_l", "mobilevig_ti"])
def test_weights_that_nobody_published_are_told_alone(model):
    given = GIVEN | {"model": model, "weights": "released", "dataset": "imagenet-1k-val"}
    with pytest.raises(NotMeasurableError, match=r"wants the weights .*published [^`;]*$"):
        top1_accuracy(Top1AccuracyParams(**given), "cpu")


def test_weights_of_two_trainings_want_to_be_named():
    given = GIVEN | {"model": "fastvit_sa36", "weights": "released"}
    with pytest.raises(ReproductionError, match=r"found weights/timm/fastvit_sa36.apple_in1k and"):
        top1_accuracy(Top1AccuracyParams(**given), "cpu")


@pytest.mark.parametrize("outputs", [999, 1001])
def test_a_model_of_other_classes_is_refused(measure, outputs):
    class Other(torch.nn.Module):
        def forward(self, images):
            return torch.zeros(len(images), outputs)

    with pytest.raises(
        ReproductionError, match=rf"want \(64, 1000\) outputs .*got \(64, {outputs}"
    ):
        measure(Other())


def test_outputs_that_are_no_numbers_are_refused(measure):
    class Broken(torch.nn.Module):
        def forward(self, images):
            return torch.full((len(images), 1000), torch.nan)

    with pytest.raises(ReproductionError, match="want finite outputs of resnet18, got others"):
        measure(Broken())


def test_a_gpu_is_asked_for_only_where_it_has_to_be_one(measure):
    assert measure(data.Reader(), device="any").facts["device"].startswith("cpu")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(NotMeasurableError, match="wants a CUDA device, found none"):
        measure(data.Reader(), device="cuda")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"dataset": "imagenet"}, "imagenet-1k-val, imagenet-a, imagenet-v2 or the name"),
        ({"dataset": "data/"}, "imagenet-1k-val, imagenet-a"),
        ({"weights": "mine"}, "released or the name of an artifact, weights/..."),
        ({"transform": "train"}, "trained, analysis, timm_default or an object"),
        ({"transform": {"resize": 1}}, "crop: Field required"),
        ({"transform": data.SEEN | {"crop": 0}}, "crop: Input should be greater"),
        ({"transform": data.SEEN | {"mean": [1, 0]}}, r"mean.2: Field required"),
        ({"transform": data.SEEN | {"std": [0.5, 0.5, 0]}}, r"std.2: Input should be greater th"),
        ({"transform": data.SEEN | {"std": [-1, 0.5, 0.5]}}, r"std.0: Input should be greater th"),
        ({"transform": data.SEEN | {"std": [58.4, 57.1, 57.4]}}, r"std.0: Input should be less"),
        ({"transform": data.SEEN | {"mean": [0.5, 2, 0.5]}}, r"mean.1: Input should be less than"),
        ({"transform": data.SEEN | {"mean": [0.5, 0, -0.1]}}, r"mean.2: Input should be greater"),
        ({"transform": data.SEEN | {"resize": 15}}, "resize of at least the crop, 16"),
        ({"batch": 0}, "greater than or equal to 1"),
        ({"precision": "default"}, "tf32_off"),
    ],
)
def test_params_that_mean_nothing_are_refused(changed, told):
    with pytest.raises(ValidationError, match=told):
        Top1AccuracyParams(**GIVEN | changed)


# -- transforms in the open -------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "resize", "mean"),
    [
        ("vig_s", 248, 0.5),
        ("pvig_s", 248, 0.5),
        ("pvig_b", 235, 0.5),
        ("mobilevig_b", 248, 0.485),
        ("mobilevigv2_b", 248, 0.485),
        ("greedyvig_b", 248, 0.485),
    ],
)
def test_variants_are_evaluated_as_their_authors_do(model, resize, mean):
    found = trained_transform(model)
    assert (found.resize, found.crop, found.interpolation) == (resize, 224, "bicubic")
    assert found.mean[0] == mean


HALF = (0.5, 0.5, 0.5)


def other(model, **changed):
    return trained_transform(model).model_copy(update=changed)


@pytest.mark.parametrize(
    ("model", "transform", "is_mistaken"),
    [
        ("vig_s", "trained", False),
        ("vig_s", "analysis", True),
        ("vig_s", "timm_default", True),
        ("vig_s", ANALYSIS, True),
        ("vig_s", trained_transform("vig_s"), False),
        ("mobilevigv2_b", "timm_default", True),
        ("mobilevigv2_b", ANALYSIS, True),
        ("mobilevigv2_b", other("mobilevigv2_b", resize=288), False),  # may be meant so
        ("mobilevigv2_b", other("mobilevigv2_b", std=HALF), True),
        ("vig_s", other("vig_s", std=(0.2, 0.2, 0.2)), True),
        ("resnet18", "timm_default", False),
        ("resnet18", "analysis", True),
    ],
    ids=str,
)
def test_transforms_that_are_mistakes_are_known(model, transform, is_mistaken):
    params = Top1AccuracyParams(**GIVEN | {"model": model, "transform": transform})
    assert (params.mistaken() is not None) == is_mistaken
    assert params.corrected().mistaken() is None


@pytest.mark.parametrize(
    ("changed", "is_mistaken"),
    [({}, False), ({"resize": 288}, False), ({"mean": HALF}, True), ({"std": HALF}, True)],
    ids=["same", "crop", "mean", "std"],
)
def test_what_timm_means_is_read_in_what_was_measured(changed, is_mistaken):
    meant = other("mobilevigv2_b", resize=235)
    used = meant.model_copy(update=changed)
    params = Top1AccuracyParams(**GIVEN | {"model": "resnet18", "transform": used})
    assert params.mistaken() is not None  # as nobody knows better yet
    found = params.mistaken_beside({"transform": meant.model_dump(mode="json")})
    assert (found is not None) == is_mistaken


def test_a_border_fills_what_a_smaller_resize_leaves():
    bordered = data.SEEN | {"resize": 15, "crop_mode": "border"}
    assert Top1AccuracyParams(**GIVEN | {"transform": bordered}).transform.resize == 15


def test_timms_models_are_evaluated_as_timm_says(measure):
    class Configured(data.Reader):
        pretrained_cfg = {
            "input_size": (3, 16, 16),
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
        }

    for transform in ("trained", "timm_default"):
        found = measure(Configured(), transform=transform)
        assert percent(found) == 100
        assert found.facts["transform"] == data.SEEN | {"crop_mode": "center"}
