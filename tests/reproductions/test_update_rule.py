"""Update rules: written out a second time in numpy, and conventions that a broken layer loses."""

import numpy as np
import pytest
import torch
from scipy.special import erf

from reproductions import update_rule as module
from reproductions.catalog import UpdateRuleParams
from reproductions.contract import NotMeasurableError
from vig_models import global_convs, graph_convs
from vig_models.global_convs import GlobalMaxRelativeConv
from vig_models.graph_convs import GINConv, MaxRelativeConv

RULES = {"edge": "EdgeConv", "gin": "GIN", "max_relative": "MRGCN", "sage": "GraphSAGE"}


def measure(model="vig_ti", graph_conv="default", seed=0):
    params = UpdateRuleParams(model=model, graph_conv=graph_conv, seed=seed)
    return module.update_rule(params, "cpu")


@pytest.mark.parametrize("graph_conv", RULES)
@pytest.mark.parametrize(("model", "prefix"), [("vig_ti", ""), ("clustervig_ti", "G-")])
def test_every_kind_computes_its_rule_and_no_other(model, prefix, graph_conv):
    found = measure(model, graph_conv)
    assert found.facts["rule"] == prefix + RULES[graph_conv]
    assert found.values["difference"].value < 1e-12
    others = {**found.evidence["differences"]}
    others.pop(found.facts["rule"])
    assert all(distance > 0.01 for distance in others.values())
    assert found.facts["order_of_nodes"] == "irrelevant"
    assert set(found.facts["reads"]) == {"node", "neighbors", *({"partition"} if prefix else ())}


def test_the_scalars_of_gin_are_learned_and_others_have_none():
    facts = [
        measure(*of).facts for of in (("clustervig_ti", "gin"), ("vig_ti", "gin"), ("vig_ti",))
    ]
    assert [(one["eps"], one["delta"]) for one in facts] == [
        ("learnable", "learnable"),
        ("learnable", "none"),
        ("none", "none"),
    ]


def _reference_max_relative(conv, given):
    """Update every node with plain numbers: interleaved, linear, normalized, GELU."""
    linear, norm = conv.module.vertex.linear.parts[0], conv.module.vertex.norm
    weight, bias = linear.weight.numpy(), linear.bias.numpy()
    scale = norm.weight.numpy() / np.sqrt(norm.running_var.numpy() + norm.eps)
    nodes, aware = given.nodes.numpy(), given.aware.numpy()
    rows = []
    for x, around, owner in zip(nodes, given.neighbors.tolist(), given.owner.tolist(), strict=True):
        largest = np.max([nodes[other] - x for other in around], axis=0)
        read = np.array([pair for both in zip(x, largest, strict=True) for pair in both])
        mapped = weight @ np.concatenate([read, aware[owner]]) + bias
        normal = (mapped - norm.running_mean.numpy()) * scale + norm.bias.numpy()
        rows.append(normal * 0.5 * (1 + erf(normal / np.sqrt(2))))
    return np.array(rows)


def test_the_loop_of_g_mrgcn_equals_plain_numbers():
    torch.manual_seed(0)
    params = UpdateRuleParams(model="clustervig_ti", graph_conv="max_relative")
    with torch.no_grad():
        conv, channels = module._convolution(params)
        given = module._draw(channels)
        rule = module.RULES["MRGCN"]
        loop = module._loop(conv, given, rule, module._channel_by_channel)
        np.testing.assert_allclose(
            loop.numpy(), _reference_max_relative(conv, given), atol=1e-10, rtol=1e-10
        )


@pytest.mark.parametrize("tolerance", [module.SAME, 0.0])
def test_a_rule_counts_up_to_rounding_and_no_further(monkeypatch, tolerance):
    exact = measure().values["difference"].value
    for limit, rule in (
        (exact, "MRGCN"),
        (exact * 0.99, "none"),
        (exact * 1.01 + tolerance, "MRGCN"),
    ):
        monkeypatch.setattr(module, "SAME", limit)
        assert measure().facts["rule"] == rule


def test_a_mean_in_the_place_of_the_largest_is_no_rule(monkeypatch):
    def mean_relative(nodes, keys, neighbors):
        around = graph_convs.gather_nodes(keys, neighbors)
        return around.mean(dim=-1) - nodes

    monkeypatch.setattr(graph_convs, "max_relative", mean_relative)
    found = measure()
    assert found.facts["rule"] == "none"
    assert found.values["difference"].value > 0.01


def test_a_sum_in_the_place_of_the_largest_is_no_rule_of_table_two(monkeypatch):
    before = global_convs.scatter
    monkeypatch.setattr(
        global_convs,
        "scatter",
        lambda *args, **kwargs: before(*args, **{**kwargs, "reduce": "sum"}),
    )
    assert measure("clustervig_ti").facts["rule"] == "none"


def test_a_convolution_that_forgets_the_partition_does_not_read_it(monkeypatch):
    before = GlobalMaxRelativeConv.forward
    monkeypatch.setattr(
        GlobalMaxRelativeConv, "forward", lambda self, n, aware, e: before(self, n, 0 * aware, e)
    )
    found = measure("clustervig_ti").facts
    assert found["reads"] == ["neighbors", "node"]
    assert found["rule"] == "none"


def test_one_that_reads_the_whole_image_reads_others(monkeypatch):
    before = MaxRelativeConv.forward
    monkeypatch.setattr(
        MaxRelativeConv,
        "forward",
        lambda self, x, keys, near: before(self, x - x.mean(dim=2, keepdim=True), keys, near),
    )
    assert "others" in measure().facts["reads"]


def test_one_that_counts_positions_depends_on_the_order(monkeypatch):
    before = MaxRelativeConv.forward

    def placed(self, x, keys, near):
        return before(self, x, keys, near) + torch.arange(x.shape[2])[:, None]

    monkeypatch.setattr(MaxRelativeConv, "forward", placed)
    assert measure().facts["order_of_nodes"] == "relevant"


def test_one_that_tells_neighbors_apart_by_their_place_depends_on_the_order(monkeypatch):
    before = MaxRelativeConv.forward

    def second(self, x, keys, near):
        chosen = keys.flatten(2)[:, :, near[0, :, 1]]  # (B, C, N)
        told = chosen.sum(1).reshape(x.shape[0], 1, *x.shape[2:])
        return before(self, x, keys, near) + told

    monkeypatch.setattr(MaxRelativeConv, "forward", second)
    assert measure().facts["order_of_nodes"] == "relevant"


def test_a_frozen_scalar_is_fixed(monkeypatch):
    before = GINConv.__init__

    def frozen(self, channels):
        before(self, channels)
        self.eps.requires_grad_(False)

    monkeypatch.setattr(GINConv, "__init__", frozen)
    assert measure(graph_conv="gin").facts["eps"] == "fixed"


def test_the_seed_alone_decides_what_is_drawn():
    assert measure().evidence == measure().evidence
    assert measure().evidence != measure(seed=1).evidence


def test_a_model_of_another_family_is_an_obstacle():
    with pytest.raises(NotMeasurableError, match="want a model of vig or clustervig, got 'pvg_s'"):
        measure("pvg_s")
