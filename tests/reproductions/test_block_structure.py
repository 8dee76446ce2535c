"""Parts of blocks: as written for each family, and what a changed model shows."""

import pytest
import torch
from torch import nn

from reproductions import block_structure as module
from reproductions.catalog import BlockStructureParams
from reproductions.contract import NotMeasurableError
from vig_models import clustervig, create_model, mobilevigv2
from vig_models.layers import FFN

SMALL = {
    "clustervig_ti": {"depth": 1, "channels": 64},
    "mobilevigv2_ti": {"local_depths": (0,) * 4, "graph_depths": (0, 1, 1, 1)},
    "vig_ti": {"depth": 2, "channels": 32},
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    def build(name, **_):
        if name not in SMALL:
            return nn.Sequential(nn.Conv2d(3, 4, 3))
        model = create_model(name, implementation="published", num_classes=10, **SMALL[name])
        return model.eval()

    monkeypatch.setattr(module, "build_model", build)


def measure(model="clustervig_ti"):
    return module.block_structure(BlockStructureParams(model=model), "cpu").facts


def test_clustervig_is_put_together_as_written():
    facts = measure()
    wanted = {
        "blocks_with_graph": 1,
        "backbone": ["grapher", "ffn"],
        "order": ["position_encoding", "sparsification", "graph"],
        "order_by_construction": ["position_encoding", "sparsification", "graph"],
        "position_encoding": "conditional",
        "position_embedding": "learned",
        "residuals": ["grapher", "ffn"],
        "activations": ["gelu"],
        "grapher_widths": ["same", "double", "same"],
        "ffn_widths": ["fourfold", "same"],
        "update_reads": "triple",
        "global_width": "same",
        "stem_input": 3,
        "stem_kernels": 3,
        "stem_behind": "norm and activation",
        "stem_last": "norm",
        "head": ["pooling", "linear", "norm", "activation", "linear", "linear"],
        "head_pooling": "average",
        "head_layers": "fully connected",
    }
    assert facts == wanted


def test_vig_encodes_no_positions_in_its_blocks_and_has_no_partitions():
    facts = measure("vig_ti")
    assert facts["position_encoding"] == "none"
    assert facts["order"] == ["sparsification", "graph"]
    assert facts["update_reads"] == "double"
    assert "global_width" not in facts
    assert facts["blocks_with_graph"] == 2


def test_a_static_graph_may_count_as_picked_first():
    facts = measure("mobilevigv2_ti")
    assert facts["order"] == ["position_encoding", "sparsification", "graph"]
    assert facts["order_by_construction"] == ["sparsification", "position_encoding", "graph"]
    assert facts["position_embedding"] == "none"


def test_without_an_encoding_there_is_none(monkeypatch):
    for family in (clustervig, mobilevigv2):
        monkeypatch.setattr(family, "ConditionalPositionEncoding", lambda _: nn.Identity())
    for model in ("clustervig_ti", "mobilevigv2_ti"):
        facts = measure(model)
        assert facts["position_encoding"] == "none"
        assert "position_encoding" not in facts["order"]


def test_an_encoding_that_is_not_added_is_none(monkeypatch):
    def bare(channels):
        return nn.Conv2d(channels, channels, kernel_size=7, padding=3, groups=channels)

    monkeypatch.setattr(clustervig, "ConditionalPositionEncoding", bare)
    assert measure()["position_encoding"] == "none"


def test_an_encoding_behind_the_graph_stands_there(monkeypatch):
    def late(self, x):
        features = self.fc1(x)
        paired = torch.cat((features, self.aggregate(features)), dim=1)
        return self.cpe(self.fc2(self.graph_conv(paired)))

    monkeypatch.setattr(mobilevigv2.Grapher, "forward", late)
    assert measure("mobilevigv2_ti")["order"] == ["sparsification", "graph", "position_encoding"]


def test_an_ffn_without_a_residual_shows(monkeypatch):
    monkeypatch.setattr(FFN, "forward", lambda self, x: self.fc2(self.act(self.fc1(x))))
    assert measure()["residuals"] == ["grapher"]


def test_another_activation_has_another_name(monkeypatch):
    monkeypatch.setattr(FFN, "forward", lambda self, x: self.fc2(self.fc1(x).relu()) + x)
    assert measure()["activations"] == ["gelu", "relu"]


@pytest.mark.parametrize(
    ("width", "word"), [(64, "same"), (128, "double"), (192, "triple"), (100, "100"), (320, "320")]
)
def test_widths_are_told_over_the_channels(width, word):
    assert module._times(width, 64) == word


def test_a_model_without_a_graph_is_an_obstacle():
    with pytest.raises(NotMeasurableError, match="want a model with blocks that have a graph, got"):
        measure("resnet50")
