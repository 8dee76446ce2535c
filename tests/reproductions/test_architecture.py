"""Architecture facts against the papers' own tables, and against models broken on purpose."""

import json
import subprocess
import sys
from functools import partial

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

import vig_models
from reproductions import architecture as module
from reproductions.catalog import ARCHITECTURE, ArchitectureParams
from reproductions.contract import NotMeasurableError
from reproductions.models import build_model
from reproductions.tracing import trace

FOUR = [56, 28, 14, 7]
STRUCTURES = {  # by hand, from the tables of the papers: type, depths, widths, grids
    "convnext_tiny": ("CNN", [3, 3, 9, 3], [96, 192, 384, 768], FOUR),
    "deit_small_distilled_patch16_224": ("ViT", [12], [384], [14]),
    "deit_small_patch16_224": ("ViT", [12], [384], [14]),
    "efficientformer_l1": ("CNN-ViT", [3, 2, 6, 4], [48, 96, 224, 448], FOUR),
    "efficientformer_l3": ("CNN-ViT", [4, 4, 12, 6], [64, 128, 320, 512], FOUR),
    "efficientformer_l7": ("CNN-ViT", [6, 6, 18, 8], [96, 192, 384, 768], FOUR),
    "efficientformerv2_l": ("CNN-ViT", [5, 5, 15, 10], [40, 80, 192, 384], FOUR),
    "efficientformerv2_s2": ("CNN-ViT", [4, 4, 12, 8], [32, 64, 144, 288], FOUR),
    "fastvit_sa36": ("CNN-ViT", [6, 6, 18, 6], [64, 128, 256, 512], FOUR),
    "levit_192": ("CNN-ViT", [4, 4, 4], [192, 288, 384], [14, 7, 4]),
    "levit_384": ("CNN-ViT", [4, 4, 4], [384, 512, 768], [14, 7, 4]),
    "poolformer_s12": ("Pool", [2, 2, 6, 2], [64, 128, 320, 512], FOUR),
    "poolformer_s24": ("Pool", [4, 4, 12, 4], [64, 128, 320, 512], FOUR),
    "poolformer_s36": ("Pool", [6, 6, 18, 6], [64, 128, 320, 512], FOUR),
    "pvig_b": ("GNN", [2, 2, 18, 2], [128, 256, 512, 1024], FOUR),
    "pvig_m": ("GNN", [2, 2, 16, 2], [96, 192, 384, 768], FOUR),
    "pvig_s": ("GNN", [2, 2, 6, 2], [80, 160, 400, 640], FOUR),
    "pvig_ti": ("GNN", [2, 2, 6, 2], [48, 96, 240, 384], FOUR),
    "pvt_large": ("ViT", [3, 8, 27, 3], [64, 128, 320, 512], FOUR),
    "pvt_small": ("ViT", [3, 4, 6, 3], [64, 128, 320, 512], FOUR),
    "resnet18": ("CNN", [2, 2, 2, 2], [64, 128, 256, 512], FOUR),
    "resnet50": ("CNN", [3, 4, 6, 3], [256, 512, 1024, 2048], FOUR),
    "swin_tiny_patch4_window7_224": ("ViT", [2, 2, 6, 2], [96, 192, 384, 768], FOUR),
    "vig_b": ("GNN", [16], [640], [14]),
    "vig_s": ("GNN", [16], [320], [14]),
    "vig_ti": ("GNN", [12], [192], [14]),
}
MIXING = {
    "CNN": ["convolution"],
    "GNN": ["graph"],
    "Pool": ["pooling"],
    "ViT": ["attention"],
    "convnext": ["convolution"],
    "efficientformer": ["attention", "pooling"],
    "efficientformerv2": ["attention", "convolution"],
    "fastvit": ["attention", "convolution"],
    "levit": ["attention"],  # its convolutions stand in the stem alone
}
TWO_HEADS = ("deit_small_distilled", "efficientformer", "levit")
OF_GRAPHS = {"graph", "neighbors", "edges_per_node", "dilation", "reduction"}
K_12 = [9, 9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 18]
K_16 = [9, 9, 10, 10, 11, 12, 12, 13, 13, 14, 15, 15, 16, 16, 17, 18]
GRAPHS = {  # K, dilation, reduction
    "pvig_ti": ([9] * 12, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3], [4, 2, 1, 1]),
    "vig_s": (K_16, [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4, [1]),
    "vig_ti": (K_12, [1] * 4 + [2] * 4 + [3] * 4, [1]),
}


@pytest.fixture(scope="module")
def measured():
    """Return a function that measures each model once."""
    known = {}

    def measurement(name):
        if name not in known:
            known[name] = measure(name)
        return known[name]

    return measurement


def measure(name, **params):
    return module.architecture(ArchitectureParams(model=name, **params), "cpu")


@pytest.mark.parametrize(("name", "row"), STRUCTURES.items(), ids=STRUCTURES.keys())
def test_a_model_has_the_structure_of_its_paper(measured, name, row):
    type_, depths, widths, grids = row
    found = measured(name)
    facts = found.facts
    assert (facts["type"], facts["depths"], facts["widths"], facts["grids"]) == row
    assert facts["mixing"] == MIXING.get(name.partition("_")[0], MIXING.get(type_))
    assert (facts["blocks"], facts["stages"]) == (sum(depths), len(depths))
    assert facts["isotropic"] == ("isotropic" if len(depths) == 1 else "pyramid")
    assert (facts["num_nodes"], facts["channels"]) == (grids[-1] ** 2, widths[-1])
    assert facts["heads"] == (2 if name.startswith(TWO_HEADS) else 1)
    assert facts["image_size"] == (256 if name == "fastvit_sa36" else 224)
    assert OF_GRAPHS & set(facts) == (OF_GRAPHS if type_ == "GNN" else set())
    assert set(facts) <= set(ARCHITECTURE.facts)
    assert found.evidence["traced"]["device"] == "meta"
    for key, unit in (("num_nodes", "nodes"), ("channels", "channels")):
        quantity = found.values[key]
        assert (quantity.low, quantity.high, quantity.unit) == (facts[key], facts[key], unit)


@pytest.mark.parametrize(("name", "row"), GRAPHS.items(), ids=GRAPHS.keys())
def test_a_graph_has_the_schedule_of_its_paper(measured, name, row):
    facts = measured(name).facts
    assert (facts["neighbors"], facts["dilation"], facts["reduction"]) == row
    assert facts["edges_per_node"] == facts["neighbors"]
    assert facts["graph"] == "dynamic"


@pytest.mark.parametrize(
    ("name", "strides"),
    [
        ("vig_ti", [2, 2, 2, 2, 1]),
        ("pvig_ti", [2, 2, 1]),
        ("resnet18", [2, 2]),  # a convolution, then a pooling
        ("levit_192", [2, 2, 2, 2]),
        ("pvt_small", [4]),
        ("deit_small_patch16_224", [16]),
    ],
)
def test_stem_strides_are_those_before_the_first_block(measured, name, strides):
    assert measured(name).facts["stem_strides"] == strides


# -- broken on purpose -------------------------------------------------------------------


def put(monkeypatch, change=None, **overrides):
    """Make the reproduction measure a changed model: one of ours with other settings, or edited."""

    def build(name, *, image_size=None, **given):
        if overrides:
            model = vig_models.create_model(name, **given, **overrides).eval()
        else:
            model = build_model(name, image_size=image_size, **given)
        return (change(model) if change else None) or model

    monkeypatch.setattr(module, "build_model", build)


def test_a_model_with_a_block_less_has_a_block_less(monkeypatch):
    put(monkeypatch, lambda model: model.layer4.__delitem__(1))
    facts = measure("resnet18").facts
    assert (facts["blocks"], facts["depths"]) == (7, [2, 2, 2, 1])


def test_a_graph_model_with_a_block_less_has_a_neighbor_search_less(monkeypatch):
    put(monkeypatch, lambda model: model.backbone.__delitem__(0))
    facts = measure("vig_ti").facts
    assert (facts["blocks"], facts["neighbors"]) == (11, K_12[1:])


def test_another_width_and_another_k_are_seen(monkeypatch):
    put(monkeypatch, depth=3, channels=48, neighbors=4)
    facts = measure("vig_ti").facts
    assert (facts["widths"], facts["channels"], facts["neighbors"]) == ([48], 48, [4, 6, 8])


def test_other_stages_and_reductions_are_seen(monkeypatch):
    put(monkeypatch, depths=(1, 2, 1, 3), channels=(16, 32, 48, 64), reductions=(4, 1, 2, 1))
    facts = measure("pvig_ti").facts
    assert (facts["depths"], facts["widths"]) == ([1, 2, 1, 3], [16, 32, 48, 64])
    assert (facts["grids"], facts["reduction"]) == (FOUR, [4, 1, 2, 1])


def test_blocks_in_another_order_have_their_schedule_in_that_order(monkeypatch):
    def reverse(model):
        model.backbone = nn.Sequential(*reversed(model.backbone))

    put(monkeypatch, reverse)
    facts = measure("vig_ti").facts
    assert facts["neighbors"] == K_12[::-1]
    assert facts["dilation"] == [3] * 4 + [2] * 4 + [1] * 4


def replaced(model, kind, make):
    """Put another module in the place of every module of a class."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child).__name__ == kind:
                setattr(parent, name, make(child))


def _convolution(pooling):
    """Sum what the pooling averages, channel by channel, as a convolution would."""
    return _Depthwise(pooling.pool.kernel_size)


class _Depthwise(nn.Module):
    def __init__(self, kernel):
        super().__init__()
        self.kernel = kernel

    def forward(self, x):
        weight = x.new_ones(x.shape[1], 1, self.kernel, self.kernel)
        return functional.conv2d(x, weight, padding=self.kernel // 2, groups=x.shape[1])


@pytest.mark.parametrize(
    ("name", "kind", "make", "type_"),
    [
        ("vig_ti", "FFN", lambda _: nn.Conv2d(192, 192, 3, padding=1), "CNN-GNN"),
        ("deit_small_patch16_224", "Conv2d", lambda _: nn.Conv2d(3, 384, 32, 16, 8), "CNN-ViT"),
        ("efficientformerv2_s2", "Attention2d", lambda _: nn.Identity(), "CNN"),
        ("efficientformer_l1", "Attention", lambda _: nn.Identity(), "Pool"),
        ("poolformer_s12", "Pooling", _convolution, "CNN"),
        ("levit_192", "Stem16", lambda _: nn.Conv2d(3, 192, 16, 16), "ViT"),
    ],
    ids=[
        "convolution_in_a_graph_block",
        "overlapping_patches",
        "attention_gone_from_a_hybrid",
        "attention_gone_beside_pooling",
        "pooling_replaced",
        "stem_without_overlap",
    ],
)
def test_the_type_follows_what_runs(monkeypatch, name, kind, make, type_):
    put(monkeypatch, partial(replaced, kind=kind, make=make))
    assert measure(name).facts["type"] == type_


def test_blocks_that_mix_nothing_are_no_blocks(monkeypatch):
    put(monkeypatch, partial(replaced, kind="Pooling", make=lambda _: nn.Identity()))
    with pytest.raises(NotMeasurableError, match="want residual blocks that mix tokens"):
        measure("poolformer_s12")


def test_a_dynamic_graph_made_constant_is_static(monkeypatch):
    def constant(model):
        def neighbors(self, x):
            nodes = x.shape[2] * x.shape[3]
            around = torch.arange(nodes)[:, None] + torch.tensor([0, 1, 1])
            return (around % nodes).expand(len(x), -1, -1)

        for block in model.backbone:
            plain = type("Constant", (type(block.grapher),), {"neighbors": neighbors})
            block.grapher.__class__ = plain

    put(monkeypatch, constant, depth=2, channels=48)
    found = measure("vig_ti").facts
    assert (found["type"], found["graph"]) == ("GNN", "static")
    assert (found["neighbors"], found["edges_per_node"]) == ([3, 3], [2, 2])
    assert not {"dilation", "reduction"} & set(found), "nothing is searched for"


class Rolled(nn.Module):
    """Compares every position with a shifted copy of the map, as static graphs do."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        return x + self.linear(torch.maximum(x, torch.roll(x, 2, dims=2)))


class Toy(nn.Module):
    """A stem, blocks, pooling and a classifier."""

    def __init__(self, block, num_classes):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, stride=4)
        self.blocks = nn.Sequential(block(), block())
        self.head = nn.Linear(8, num_classes)

    def forward(self, images):
        x = self.blocks(self.stem(images))
        return self.head(functional.adaptive_avg_pool2d(x, 1).flatten(1))


def put_toy(monkeypatch, block):
    monkeypatch.setattr(
        module, "build_model", lambda _, num_classes, **__: Toy(block, num_classes).eval()
    )


def test_a_graph_of_shifted_maps_is_a_graph_without_invented_neighbors(monkeypatch):
    put_toy(monkeypatch, Rolled)
    facts = measure("resnet18").facts
    assert (facts["type"], facts["mixing"], facts["blocks"]) == ("GNN", ["graph"], 2)
    assert not OF_GRAPHS & set(facts)


class Deciding(Rolled):
    """Reads a value of its own activations, which meta tensors do not have."""

    def forward(self, x):
        made = super().forward(x)
        return -made if made.mean().item() < 0 else made


def test_a_model_that_decides_by_its_data_runs_on_the_cpu(monkeypatch):
    put_toy(monkeypatch, Deciding)
    found = measure("resnet18")
    assert found.evidence["traced"]["device"] == "cpu"
    assert found.facts["grids"] == [56]


def test_a_model_that_clusters_has_the_same_structure_in_both_forms(measured):
    found = measured("clustervig_ti")
    assert found.evidence["traced"]["device"] == module.FAST_FORM
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model("clustervig_ti", num_classes=1000)
        traced = trace(model, torch.zeros(1, 3, 224, 224))
    stages = module._stages(traced.blocks)
    structure = module._structure(traced, stages)
    assert structure == {key: found.facts[key] for key in structure}
    assert module._search_facts([], stages) == {}
    assert not {"dilation", "reduction"} & set(found.facts)


class Stretched(Rolled):
    def forward(self, x):
        return super().forward(x)[..., :9]


def test_a_map_that_is_not_square_is_not_measurable(monkeypatch):
    put_toy(monkeypatch, lambda: nn.Sequential(Stretched()))
    with pytest.raises(NotMeasurableError, match=r"or a square map behind block 'blocks.0'"):
        measure("resnet18")


# -- params and environment --------------------------------------------------------------


def test_the_number_of_classes_changes_no_fact_even_if_a_layer_is_as_wide(measured):
    assert measure("vig_ti", num_classes=1024).facts == measured("vig_ti").facts


def test_a_measurement_repeats_and_leaves_torch_s_random_state_alone(measured):
    before = torch.get_rng_state()
    again = measure("vig_ti")
    assert torch.equal(torch.get_rng_state(), before)
    assert again == measured("vig_ti")


def test_a_model_that_cannot_run_is_not_measurable(monkeypatch):
    monkeypatch.setattr(module, "build_model", lambda *_, **__: nn.Linear(7, 7).eval())
    with pytest.raises(NotMeasurableError, match="does not run on a 224 x 224 image"):
        measure("resnet18")


@pytest.mark.parametrize("classes", [0, -1, "10", 1.5])
def test_classes_that_no_head_can_have_are_refused(classes):
    with pytest.raises(ValidationError, match="num_classes"):
        ArchitectureParams(model="vig_ti", num_classes=classes)


def test_the_command_prints_the_facts_as_json():
    command = [sys.executable, "-m", "reproductions", "architecture", '{"model": "vig_ti"}']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["measurement"]["facts"]["neighbors"] == K_12
    assert done.stderr == ""
