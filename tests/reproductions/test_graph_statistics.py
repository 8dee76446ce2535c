"""Graph statistics end to end on small models: keys, chance, sabotage, what is missing."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from reproductions import __main__ as by_hand
from reproductions import graph_statistics as module
from reproductions import image_sets
from reproductions.block_statistics import Block
from reproductions.catalog import GraphStatisticsParams
from reproductions.catalog_statistics import GRAPH_STATISTICS, LAYER_STATISTICS, MASKS
from reproductions.contract import NotMeasurableError
from reproductions.errors import ReproductionError
from reproductions.graph_measures import (
    embedding_similarity,
    modularity,
    object_patches,
    patches_of,
    spatial_distance,
    visual_similarity,
)
from reproductions.graph_statistics import graph_statistics
from reproductions.image_sets import generated, normalized, transform_of
from reproductions.labeled_images import Image as Listed
from reproductions.labeled_images import Images
from reproductions.measure import parse_params
from vig_models import create_model, list_models

IMAGES = 16
SMALL = {
    "vig_ti": {"depth": 5, "channels": 32},
    "clustervig_ti": {"depth": 2},
    "vihgnn_ti": {"depths": (2,)},
    "pvig_ti": {"depths": (1, 1, 1, 1)},
    "pvg_s": {"depths": (1, 1, 1, 1), "dynamic": ((32, 1), (96, 1), (224, 1), (352, 1))},
    "mobilevig_ti": {},
    "mobilevigv2_ti": {"local_depths": (1, 1, 1, 1), "graph_depths": (0, 1, 1, 1)},
    "greedyvig_s": {"local_depths": (1, 1, 1, 1), "graph_depths": (1, 1, 1, 1)},
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    def build(name, *, num_classes, implementation):
        return create_model(
            name, num_classes=num_classes, implementation=implementation, **SMALL[name]
        ).eval()

    monkeypatch.setattr(module, "build_model", build)
    monkeypatch.setattr(module, "_CALIBRATION", 16)


def params(model="vig_ti", **changes):
    given = {
        "model": model,
        "weights": "random",
        "dataset": "generated",
        "images": IMAGES,
        "transform": "analysis",
        "masks": "drawn",
        "device": "cpu",
    }
    return GraphStatisticsParams(**{**given, **changes})


@pytest.fixture(scope="module")
def measured():
    """Measure each small model once."""
    known = {}

    def get(model="vig_ti"):
        if model not in known:
            known[model] = graph_statistics(params(model), "cpu")
        return known[model]

    return get


def series(found, name):
    keys = sorted(
        k for k in found.values if k.startswith(f"{name}_") and k[len(name) + 1 :].isdigit()
    )
    return [found.values[key].value for key in keys]


# -- what is measured -------------------------------------------------------------------


def test_every_key_of_vig_is_that_of_the_functions_on_its_own_graphs(measured):
    """Ask the model for its graphs once more and put them to the functions, image by image."""
    found = measured()
    asked = params()
    subject = module._prepared(asked)
    subject.calibrate(torch.device("cpu"))
    (batch,) = generated(IMAGES, 0, masks=True).batches(IMAGES)
    inputs = normalized(batch.pixels, transform_of("analysis", "vig_ti"))
    for layer, block in enumerate(subject.model.forward_graphs(inputs), start=1):
        neighbors = block.graph.neighbors
        features = block.output.flatten(2).transpose(1, 2)
        wanted = {
            "spatial_distance": spatial_distance(neighbors, (14, 14)),
            "visual_similarity_raw": visual_similarity(
                neighbors, patches_of(batch.pixels, (14, 14))
            ),
            "visual_similarity_normalized": visual_similarity(
                neighbors, patches_of(inputs, (14, 14))
            ),
            "embedding_similarity": embedding_similarity(neighbors, features),
            "modularity": modularity(neighbors, object_patches(batch.masks, (14, 14))),
        }
        for name, values in wanted.items():
            value = found.values[f"{name}_{layer:02d}"].value
            assert value == pytest.approx(float(values.mean()), rel=1e-5, abs=1e-6), (name, layer)


def test_an_interval_holds_the_value_and_states_its_level(measured):
    for key, quantity in measured().values.items():
        assert quantity.low <= quantity.value <= quantity.high
        assert quantity.level == (None if quantity.low == quantity.high else 0.01), key


def test_chance_of_a_distance_is_28_thirds_and_shuffled_masks_have_no_modularity(measured):
    found = measured()
    chance = [block["spatial_distance_all_pairs"] for block in found.evidence["blocks"]]
    assert chance == pytest.approx([28 / 3] * 5, rel=1e-12)
    assert max(map(abs, series(found, "modularity_shuffled"))) < 0.03
    assert series(found, "modularity")[0] > 0.05


def test_without_dilation_neighbors_are_nearer_and_the_first_four_layers_the_same(measured):
    found = measured()
    assert [block["dilation"] for block in found.evidence["blocks"]] == [1, 1, 1, 1, 2]
    dilated, not_dilated = (
        series(found, f"embedding_similarity{end}") for end in ("", "_undilated")
    )
    assert dilated[:4] == not_dilated[:4]
    assert dilated[4] < not_dilated[4]


def test_the_same_params_give_the_same_numbers():
    assert graph_statistics(params(), "cpu") == graph_statistics(params(), "cpu")
    assert graph_statistics(params(), "cpu") != graph_statistics(params(seed=1), "cpu")


def test_random_numbers_of_whoever_asks_are_left_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    graph_statistics(params(), "cpu")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("model", SMALL)
def test_every_family_says_what_it_has_and_what_it_has_not(model, measured):
    found = measured(model)
    distances = series(found, "spatial_distance")
    assert len(distances) == len(found.evidence["blocks"]) > 0
    for block, distance in zip(found.evidence["blocks"], distances, strict=True):
        assert 0 < distance < 2 * sum(block["grid"]) / 2
    assert all(math.isfinite(q.value) for q in found.values.values())
    starts = [name for name in LAYER_STATISTICS if series(found, name)]
    assert "embedding_similarity" in starts
    left_away = set(LAYER_STATISTICS) - set(starts) - {"partition_modularity"}
    told = tuple(found.facts["not_defined"])
    assert all(any(word in name for word in told) for name in left_away)


def test_edges_inside_clusters_divide_the_graph_of_clustervig(measured):
    assert min(series(measured("clustervig_ti"), "partition_modularity")) > 0.3


def test_a_static_graph_has_a_distance_without_spread(measured):
    quantity = measured("mobilevig_ti").values["spatial_distance_01"]
    assert quantity.low == quantity.value == quantity.high


@pytest.mark.parametrize("name", ["vig_ti", "clustervig_ti", "vihgnn_ti", "mobilevig_ti"])
@torch.no_grad()
def test_the_probability_behind_the_last_block_is_the_models(name):
    model = create_model(name, **SMALL[name]).eval()
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    draws = [torch.Generator().manual_seed(0) for _ in range(2)]
    last = Block.of(model, model.forward_graphs(images, draws[0])[-1])
    logits = model(images, draws[1])
    torch.testing.assert_close(model.forward_head(last.output), logits, rtol=1e-4, atol=1e-5)


# -- sabotage ---------------------------------------------------------------------------


def sabotaged(monkeypatch, change):
    """Measure with the graph of every block changed after the model has run."""
    true = Block.of

    def of(model, found):
        block = true(model, found)
        object.__setattr__(block.graph, "neighbors", change(block.graph.neighbors))
        return block

    monkeypatch.setattr(Block, "of", of)
    return graph_statistics(params(), "cpu")


def test_permuted_neighbors_move_every_statistic_to_chance(monkeypatch, measured):
    drawn = torch.Generator().manual_seed(0)

    def permute(neighbors):
        order = torch.randperm(neighbors.shape[1], generator=drawn)
        return torch.cat((neighbors[..., :1], neighbors[:, order, 1:]), dim=-1)

    before, after = measured(), sabotaged(monkeypatch, permute)
    chance = {
        "visual_similarity_normalized": "visual_similarity_normalized_all_pairs_14x14",
        "embedding_similarity": "embedding_similarity_all_pairs_01",
        "modularity": "modularity_shuffled_01",
    }
    for name, by_chance in chance.items():
        level = before.values[by_chance].value
        assert series(before, name)[0] > level + 0.05, name
        assert series(after, name)[0] == pytest.approx(level, abs=0.02), name
    distances = [series(found, "spatial_distance")[0] for found in (before, after)]
    assert distances[0] < 9
    assert distances[1] == pytest.approx(28 / 3, abs=0.1)


def test_a_graph_of_nodes_alone_is_seen(monkeypatch):
    found = sabotaged(monkeypatch, lambda neighbors: neighbors[..., :1].expand_as(neighbors))
    assert series(found, "spatial_distance")[0] == 0
    assert series(found, "embedding_similarity")[0] == pytest.approx(1, abs=1e-6)


def test_without_calibration_the_null_model_is_another(monkeypatch, measured):
    monkeypatch.setattr(module, "calibrate", lambda *_: 0)
    found = graph_statistics(params(), "cpu")
    assert found.values != measured().values


# -- pictures, masks, weights -----------------------------------------------------------


@pytest.fixture
def imagenet_a(tmp_path, monkeypatch):
    """Make a folder of sixteen pictures, half of them with a mask, one of these without object."""
    draws = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(IMAGES)]
    for path in paths:
        Image.fromarray(draws.integers(0, 255, (224, 224, 3), dtype=np.uint8)).save(path)
    (tmp_path / "masks").mkdir()
    for number in range(8):
        mask = np.zeros((224, 224), dtype=np.uint8)
        mask[:, : 112 if number else 0] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    listed = [Listed(p.name, number, p.stat().st_size) for number, p in enumerate(paths)]
    images = Images("data/toyset", tmp_path, tuple(listed), lambda n: paths[n].read_bytes(), None)
    monkeypatch.setattr(image_sets, "labeled_images", lambda _: images)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    places = {"data/imagenet_a": tmp_path, "data/imagenet_a_masks": tmp_path / "masks"}
    monkeypatch.setattr(module, "locate", places.__getitem__)
    monkeypatch.setattr(module, "evidence", lambda name, **_: {"name": name})
    return graph_statistics(params(dataset="imagenet-a", masks="given"), "cpu")


def test_images_without_a_mask_are_never_averaged_in_and_empty_ones_counted_apart(imagenet_a):
    counts = imagenet_a.evidence["images_of"]
    assert counts["modularity_01"] == 8
    assert counts["modularity_proper_01"] == 7
    assert "spatial_distance_01" not in counts
    plain, proper = (imagenet_a.values[f"modularity{end}_01"].value for end in ("", "_proper"))
    assert plain == pytest.approx(7 / 8 * proper, rel=1e-9)


def test_the_probability_of_1000_classes_is_a_thousandth_of_random_weights(imagenet_a):
    values = [imagenet_a.values[f"class_probability_{end}"] for end in ("01", "05", "mean")]
    assert all(0 < quantity.value < 0.05 for quantity in values)
    assert imagenet_a.evidence["data"]["masks"] == {
        "name": "data/imagenet_a_masks",
        "stand_in": False,
    }


def test_everything_that_is_missing_is_named_with_what_fetches_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(NotMeasurableError) as refusal:
        graph_statistics(
            params(model="vig_s", weights="authors", dataset="imagenet-1k-val", masks="boxes"),
            "cpu",
        )
    assert "`verify fetch vig_s`" in str(refusal.value)
    assert "`verify fetch imagenet_val --from FILE`" in str(refusal.value)
    assert "`verify fetch imagenet_val_boxes" in str(refusal.value)


def test_a_model_whose_authors_published_no_weights_is_said_to_have_none():
    with pytest.raises(NotMeasurableError, match="published no weights"):
        graph_statistics(params(model="clustervig_ti", weights="authors"), "cpu")


def test_a_model_without_a_graph_is_refused(monkeypatch):
    monkeypatch.setattr(module, "build_model", lambda *_, **__: torch.nn.Identity())
    with pytest.raises(NotMeasurableError, match="want a model with a graph, got 'resnet18'"):
        graph_statistics(params(model="resnet18"), "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="wants a machine without a GPU")
def test_a_gpu_that_is_asked_for_and_not_there_is_said_to_be_missing():
    with pytest.raises(NotMeasurableError, match="wants a CUDA device, found none"):
        graph_statistics(params(device="cuda"), "cpu")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"images": 15}, "greater than or equal to 16, found 15"),
        ({"masks": "boxes"}, "want masks of generated from none or drawn, got boxes"),
        ({"masks": "drawn", "dataset": "imagenet-a"}, "imagenet-a from none or given, got drawn"),
        ({"masks": "boxes", "dataset": "imagenet-a"}, "imagenet-a from none or given, got boxes"),
        ({"weights": "mine"}, "'authors' or 'random', found 'mine'"),
    ],
    ids=["few", "boxes", "drawn", "boxes_of_a", "weights"],
)
def test_params_that_do_not_fit_are_one_sentence(changes, sentence):
    given = {**params().model_dump(), **changes}
    with pytest.raises(ReproductionError, match=sentence):
        parse_params("graph_statistics", given)


def test_every_artifact_of_masks_is_in_the_catalogue():
    assert set(MASKS.values()) <= set(
        module.evidence.__globals__["artifact"].__globals__["artifacts"]()
    )


def test_keys_that_claims_may_name_are_those_of_vig_s(measured):
    """A ViG of sixteen layers has no other; deeper models go on counting."""
    found = {key.rstrip("0123456789") for key in measured().values}
    known = {key.rstrip("0123456789") for key in GRAPH_STATISTICS.facts}
    assert found - known == {
        f"visual_similarity_{reading}_all_pairs_14x" for reading in ("raw", "normalized")
    }
    assert all(f"vig_{size}" in list_models() for size in ("ti", "s", "b"))


def test_it_can_be_measured_by_hand(capsys):
    assert by_hand.main(["graph_statistics", json.dumps(params().model_dump())]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["measurement"]["values"]["spatial_distance_01"]["unit"] == "patches"
    assert by_hand.main(["--list"]) == 0
    assert "spatial_distance_01 to spatial_distance_16" in capsys.readouterr().out
