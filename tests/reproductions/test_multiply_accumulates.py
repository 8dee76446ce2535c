"""Multiply-accumulates of whole models: recorded counts, and three independent references."""

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import one_hot
from torch.utils.flop_counter import FlopCounterMode

import vig_models
from reproductions import multiply_accumulates as module
from reproductions.catalog import MULTIPLY_ACCUMULATES, MultiplyAccumulatesParams
from reproductions.contract import NotMeasurableError
from reproductions.counting import count
from reproductions.models import build_model
from vig_models.clustering import clustering
from vig_models.pyramid_vig import VARIANTS as PYRAMID_VIG
from vig_models.vig import VARIANTS as VIG

CONVENTIONS = {convention.name: convention for convention in MULTIPLY_ACCUMULATES.conventions}
KEYS = (*CONVENTIONS, "module_hooks_missed")

TABLE = """
model executed executed_norm1 executed_norm2 conv_linear module_hooks
convnext_tiny                      4455531264  4458542592  4470437376  4455531264  4455531264
deit_small_distilled_patch16_224   4624140288  4626041088  4633644288  4262836224  4262836224
deit_small_patch16_224             4598882304  4600773504  4608338304  4241218560  4241218560
efficientformer_l1                 1291284736  1297553600  1303066688  1288211456  1309210112
efficientformer_l3                 3906573312  3919656704  3931385344  3894280192  3937582080
efficientformer_l7                10119325696 10145555200 10169602048 10094739456 10180690944
efficientformerv2_l                2552546880  2569757248  2586911168  2509520960  2525150784
efficientformerv2_s2               1246863952  1257717648  1268529008  1216131152  1226260432
fastvit_sa36                       4280189440  4297349632  4314409472  4265437696  4289221120
levit_192                           657022080   659349088   661669952   597218304   606501760
levit_384                          2351786880  2356336384  2360873600  2233352192  2251501056
poolformer_s12                     1812267008  1815378432  1823609344  1812267008  1812267008
poolformer_s24                     3392208896  3398406144  3414865920  3392208896  3392208896
poolformer_s36                     4972150784  4981433856  5006122496  4972150784  4972150784
pvig_b                            16803506176 16834716672 16864672768 16208519168 16328343552
pvig_s                             4548064000  4561659584  4574471168  4305274880  4356521216
pvig_ti                            1699636480  1707794240  1715481600  1553963008  1584712448
resnet18                           1814073344  1817384960  1819868672  1814073344  1824008192
resnet50                           4089184256  4101201408  4112315392  4089184256  4133640192
swin_tiny_patch4_window7_224       4490566656  4494329856  4509232128  4350425088  4350425088
vig_b                             17642557440 17662754304 17682825728 17249177600 17329463296
vig_s                              4516689920  4526788864  4536825088  4320000000  4360144896
vig_ti                             1300879360  1305584384  1310251776  1212368896  1231038464
"""
(_, *COLUMNS), *ROWS = (line.split() for line in TABLE.strip().splitlines())
COUNTS = {model: dict(zip(COLUMNS, map(int, counts), strict=True)) for model, *counts in ROWS}


def measure(model, **params):
    params = MultiplyAccumulatesParams(model=model, **params)
    return module.multiply_accumulates(params, "cpu")


@pytest.mark.parametrize(("model", "counts"), COUNTS.items(), ids=COUNTS)
def test_a_model_has_the_recorded_counts(model, counts):
    measurement = measure(model)
    found, hooked = measurement.evidence["counts"], measurement.evidence["hooked"]
    assert {column: found[column] for column in COLUMNS} == counts
    assert found["executed_clustering"] == counts["executed"]
    assert found["module_hooks_missed"] == (
        counts["executed"] - hooked["convolution"] - hooked["linear"]
    )
    assert tuple(measurement.values) == KEYS
    for key, quantity in measurement.values.items():
        assert quantity.low == quantity.value == quantity.high
        assert quantity.value == measurement.evidence["counts"][key] / 1e9
        assert quantity.unit == "GMAC"


@pytest.mark.parametrize(
    ("model", "printed"),
    [
        ("convnext_tiny", "4.46"),
        ("deit_small_patch16_224", "4.60"),  # attention included
        ("efficientformer_l1", "1.29"),
        ("poolformer_s12", "1.81"),
        ("resnet18", "1.81"),
        ("resnet50", "4.09"),
        ("swin_tiny_patch4_window7_224", "4.49"),
    ],
)
def test_a_known_model_has_its_known_size(model, printed):
    assert f"{measure(model).values['executed'].value:.2f}" == printed


@pytest.mark.parametrize("model", [*COUNTS, "efficientnet_b0", "vit_tiny_patch16_224"])
def test_torch_s_own_counter_agrees_where_it_is_right(model):
    """It is: two per multiply-accumulate, attention as matrix products, no cdist."""
    with torch.device("meta"), torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        built = build_model(model, num_classes=1000, image_size=224)
        with FlopCounterMode(display=False) as counter:
            built(torch.empty(1, 3, 224, 224))
    assert measure(model).evidence["counts"]["executed"] * 2 == counter.get_total_flops()


def _reference_conv(channels_in, channels_out, side, kernel=1, groups=1):
    """Multiply-accumulates of a convolution whose output is ``side`` x ``side``."""
    return side * side * channels_out * (channels_in // groups) * kernel * kernel


def _reference_block(channels, side, num_keys):
    """Count one block of ViG or Pyramid ViG: everything but the k-NN, and the k-NN."""
    grapher = _reference_conv(channels, channels, side)  # fc1
    grapher += _reference_conv(2 * channels, 2 * channels, side, groups=4)  # update
    grapher += _reference_conv(2 * channels, channels, side)  # fc2
    ffn = 2 * _reference_conv(channels, 4 * channels, side)
    return grapher + ffn, side * side * num_keys * channels


def _reference_vig(config):
    channels = config.channels
    widths, sides = (3, channels // 8, channels // 4, channels // 2, channels), (112, 56, 28, 14)
    layers = sum(
        _reference_conv(before, after, side, kernel=3)
        for before, after, side in zip(widths[:-1], widths[1:], sides, strict=True)
    )
    layers += _reference_conv(channels, channels, 14, kernel=3)
    block, knn = _reference_block(channels, 14, 196)
    head = channels * 1024 + 1024 * 1000
    return layers + config.depth * block + head, config.depth * knn


def _reference_pyramid_vig(config):
    first, last = config.channels[0], config.channels[-1]
    layers = _reference_conv(3, first // 2, 112, 3) + _reference_conv(first // 2, first, 56, 3)
    layers += _reference_conv(first, first, 56, 3)
    knn = 0
    keys = (14 * 14, 14 * 14, 14 * 14, 7 * 7)
    before = None
    stages = zip(config.channels, config.depths, (56, 28, 14, 7), keys, strict=True)
    for channels, depth, side, num_keys in stages:
        if before is not None:
            layers += _reference_conv(before, channels, side, kernel=3)
        block, distances = _reference_block(channels, side, num_keys)
        layers, knn, before = layers + depth * block, knn + depth * distances, channels
    return layers + last * 1024 + 1024 * 1000, knn


@pytest.mark.parametrize(
    ("model", "reference"),
    [(name, _reference_vig(config)) for name, config in VIG.items()]
    + [(name, _reference_pyramid_vig(config)) for name, config in PYRAMID_VIG.items()],
    ids=[*VIG, *PYRAMID_VIG],
)
def test_vision_gnns_count_what_their_tables_of_layers_say(model, reference):
    layers, knn = reference
    evidence = measure(model).evidence
    assert evidence["breakdown"] == {
        "convolution": layers,
        "linear": 0,
        "product": knn,
        "distances": 0,
        "clustering": 0,
    }
    assert evidence["counts"]["executed"] == layers + knn
    assert evidence["counts"]["module_hooks_missed"] == knn


class Small(nn.Module):
    """A net small enough to count by hand, on 8 x 8 images."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4)  # (B, 4, 4, 4)
        self.pool = nn.AvgPool2d(2)  # (B, 4, 2, 2)
        self.norm, self.head = nn.LayerNorm(4), nn.Linear(4, 5)

    def forward(self, images):
        x = self.pool(self.bn(self.conv(images)))
        x = self.norm(x.permute(0, 2, 3, 1))  # (B, 2, 2, 4)
        return self.head(x.mean((1, 2)))  # (B, 5)


def built(model):
    """Stand in for build_model; a fresh model for each call."""
    return lambda *_, **__: model().eval()


def test_a_small_net_counts_what_a_hand_counts(monkeypatch):
    monkeypatch.setattr(module, "build_model", built(Small))
    conv, head = 4 * 16 * 27, 20
    batch_norm, pooled, layer_norm, averaged = 64, 64, 16, 16
    measurement = measure("resnet18", image_size=8)
    assert measurement.evidence["counts"] == {
        "executed": conv + head,
        "executed_clustering": conv + head,
        "executed_norm1": conv + head + batch_norm + pooled + layer_norm + averaged,
        "executed_norm2": conv + head + 2 * batch_norm + pooled + 5 * layer_norm + averaged,
        "conv_linear": conv + head,
        "module_hooks": conv + head + 4 * batch_norm,
        "module_hooks_missed": 0,
    }


def test_the_values_follow_from_the_evidence():
    evidence = measure("levit_192").evidence
    counts, breakdown, elements = (evidence[k] for k in ("counts", "breakdown", "elements"))
    assert counts["executed"] == sum(breakdown.values())
    assert counts["executed_norm1"] == counts["executed"] + sum(elements.values())
    assert counts["conv_linear"] == counts["executed"] - breakdown["product"]
    assert counts["module_hooks"] == sum(evidence["hooked"].values())
    assert evidence["ran"] == {"device": "meta", "image": [1, 3, 224, 224]}


@pytest.mark.parametrize(
    ("model", "is_sound"),
    [("resnet18", True), ("poolformer_s12", True), ("vig_ti", False), ("levit_192", False)],
)
def test_hooks_are_sound_where_they_miss_nothing(model, is_sound):
    assert CONVENTIONS["module_hooks"].is_sound_in(measure(model)) is is_sound


@pytest.mark.parametrize("model", ["levit_192", "resnet18", "vig_ti"])
def test_the_cpu_counts_what_the_meta_device_counts(model):
    images = torch.rand(1, 3, 224, 224)
    found = count(build_model(model, num_classes=1000, image_size=224), images)
    assert module._counts(found) == measure(model).evidence["counts"]


@pytest.mark.parametrize("implementation", ["published", "fast"])
def test_what_clusters_is_counted_with_values(implementation):
    found = measure("pvihgnn_ti", implementation=implementation)
    assert found.evidence["ran"]["device"] == "cpu"
    taken = [run["iterations"]["taken"] for run in found.evidence["clusterings"]]
    assert max(taken) > 2  # without values it would stand still after two


def test_a_model_that_fits_no_such_image_is_not_tried_with_values(monkeypatch):
    tried = []
    monkeypatch.setattr(module, "_tally_on_cpu", tried.append)
    with pytest.raises(NotMeasurableError, match="does not run on a 250 x 250 image"):
        measure("efficientformer_l1", image_size=250)
    assert not tried


def test_measuring_again_gives_the_same():
    assert measure("vig_ti") == measure("vig_ti")


def test_convolutions_grow_with_the_area_of_the_image():
    small, large = (measure("resnet18", image_size=side).evidence for side in (224, 448))
    assert large["breakdown"]["convolution"] == 4 * small["breakdown"]["convolution"]
    assert large["breakdown"]["linear"] == small["breakdown"]["linear"]
    assert large["ran"]["image"] == [1, 3, 448, 448]


def test_attention_grows_with_the_square_of_the_number_of_tokens():
    small, large = (measure("deit_small_patch16_224", image_size=side) for side in (224, 384))
    tokens = [14 * 14 + 1, 24 * 24 + 1]
    assert [m.evidence["breakdown"]["product"] for m in (small, large)] == [
        12 * 2 * n * n * 384 for n in tokens
    ]


def test_a_model_configured_for_another_size_is_built_for_the_one_asked_for():
    assert measure("swinv2_tiny_window8_256").evidence["ran"]["image"] == [1, 3, 224, 224]


@pytest.mark.parametrize("model", ["vig_ti", "efficientformer_l1", "crossvit_9_240"])
def test_a_size_that_the_model_refuses_is_not_measurable(model):
    with pytest.raises(NotMeasurableError, match=r"does not run on a 250 x 250 image \(.+\); ask"):
        measure(model, image_size=250)


def test_the_number_of_classes_is_heard():
    many, few = (measure("resnet18", num_classes=n).evidence["breakdown"] for n in (1000, 10))
    assert many["linear"] - few["linear"] == 990 * 512


@pytest.mark.parametrize(
    ("model", "body"), [("resnet18", "layer4"), ("vig_ti", "backbone"), ("pvig_ti", "backbone")]
)
def test_a_model_with_a_block_less_counts_less(model, body, monkeypatch):
    whole = measure(model).values

    def without_a_block(name, **settings):
        broken = build_model(name, **settings)
        del getattr(broken, body)[-1]
        return broken

    monkeypatch.setattr(module, "build_model", without_a_block)
    broken = measure(model).values
    keys = [key for key in KEYS if whole[key].value > 0]
    assert all(broken[key].value < whole[key].value for key in keys)
    assert broken["executed"].value < 0.97 * whole["executed"].value


class Deciding(nn.Module):
    """Iterates until its own activations say so, which meta tensors cannot."""

    def forward(self, images):
        nodes = images.flatten(2).mT  # (B, N, 3)
        with clustering(fewest=1, most=10) as iterations:
            for _ in iterations:
                labels = (nodes @ nodes[:, :2].mT).argmax(-1)  # 2 N C
                sizes = one_hot(labels, 2).sum(1)
                if sizes.sum().item() == nodes.shape[1] and iterations.taken == 4:
                    break
        return nodes.mT @ nodes  # N C C


def test_clustering_spans_the_fewest_to_the_most_iterations(monkeypatch):
    monkeypatch.setattr(module, "build_model", built(Deciding))
    measurement = measure("resnet18", image_size=8)
    iteration, rest = 64 * 2 * 3, 64 * 3 * 3
    quantity = measurement.values["executed_clustering"]
    assert [quantity.low * 1e9, quantity.value * 1e9, quantity.high * 1e9] == pytest.approx(
        [rest + taken * iteration for taken in (1, 4, 10)], rel=1e-12, abs=0
    )
    assert measurement.evidence["counts"]["executed"] == rest
    assert measurement.evidence["breakdown"]["clustering"] == 4 * iteration
    assert measurement.evidence["clusterings"] == [
        {
            "iterations": {"fewest": 1, "taken": 4, "most": 10},
            "once": 0,
            "by_iteration": [iteration] * 4,
        }
    ]
    assert measurement.evidence["ran"]["device"] == "cpu"


def test_torch_s_random_state_is_left_alone(monkeypatch):
    monkeypatch.setattr(module, "build_model", built(Deciding))
    before = torch.get_rng_state()
    measure("resnet18", image_size=8)
    assert torch.equal(torch.get_rng_state(), before)


class Refusing(nn.Module):
    def forward(self, images):
        raise AssertionError


def test_a_refusal_without_words_is_named(monkeypatch):
    monkeypatch.setattr(module, "build_model", built(Refusing))
    with pytest.raises(NotMeasurableError, match=r"a 8 x 8 image \(AssertionError\); ask"):
        measure("resnet18", image_size=8)


class Solving(nn.Module):
    def forward(self, images):
        return torch.linalg.inv(images)


def test_an_operation_without_a_formula_is_not_measurable(monkeypatch):
    monkeypatch.setattr(module, "build_model", built(Solving))
    with pytest.raises(NotMeasurableError, match="want a formula"):
        measure("resnet18", image_size=8)


@pytest.mark.parametrize("model", vig_models.list_models())
def test_every_vision_gnn_has_every_key(model):
    assert tuple(measure(model).values) == KEYS


@pytest.mark.parametrize(
    ("model", "least", "most"),
    [("vig_ti", 1.0, 1.0), ("greedyvig_s", 1.0, 1.0), ("clustervig_ti", 0.85, 0.99)],
)
def test_the_fast_form_multiplies_no_more_than_the_published_one(model, least, most):
    published = measure(model).values["executed"].value
    fast = measure(model, implementation="fast").values["executed"].value
    assert least * published <= fast <= most * published
