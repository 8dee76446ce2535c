"""Properties of graphs, on small models, against plain loops; what breaking a graph changes."""

from math import gcd

import pytest
import torch

from reproductions import graph_properties as module
from reproductions.catalog import GraphPropertiesParams, GraphScalingParams
from reproductions.contract import NotMeasurableError
from reproductions.graph_scaling import graph_scaling
from vig_models import create_model, greedyvig, mobilevig, vig
from vig_models.graph import BlockGraph, Graph
from vig_models.mobile_layers import rolled_graph

SMALL = {
    "clustervig_ti": {"depth": 2, "channels": 64},
    "greedyvig_s": {"local_depths": (0,) * 4, "graph_depths": (0, 0, 1, 1)},
    "mobilevig_ti": {"depths": (0, 0, 0, 1)},
    "mobilevigv2_ti": {"local_depths": (0,) * 4, "graph_depths": (0, 1, 1, 1)},
    "vig_ti": {"depth": 5, "channels": 32},
    "vihgnn_ti": {"depths": (1,)},
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    def build(name, *, implementation, **_):
        return create_model(name, implementation=implementation, **SMALL.get(name, {})).eval()

    monkeypatch.setattr(module, "build_model", build)


def measure(model, seed=0):
    return module.graph_properties(GraphPropertiesParams(model=model, seed=seed), "cpu").facts


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (
            "vig_ti",
            {
                "rebuilt": "every block",
                "self_loops": "every node",
                "edges_to": "nearest nodes",
                "which_nearest": "k nearest, one in 2 of the nearest",
                "which_nearest_dilation_aside": "k nearest",
                "directions": "anywhere",
                "neighbors_first": 9,
                "neighbors_last": 18,
                "neighbors_grow": "linearly",
            },
        ),
        (
            "clustervig_ti",
            {
                "edges_to": "nearest nodes",
                "which_nearest": "k nearest",
                "inside_partitions": "inside",
                "rebuilt": "every block",
            },
        ),
        (
            "mobilevig_ti",
            {"rebuilt": "no block", "edges_to": "fixed positions", "pruned_from": "equal"},
        ),
        (
            "mobilevigv2_ti",
            {"rebuilt": "no block", "directions": "axes", "parts": [16, 4, 1]},
        ),
        (
            "greedyvig_s",
            {"rebuilt": "every block", "edges_to": "chosen nodes", "pruned_from": "subset"},
        ),
        ("vihgnn_ti", {"edges_to": "hyperedges", "hyperedges_join": "several nodes"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_family_has_its_properties(model, wanted):
    facts = measure(model)
    assert {name: facts[name] for name in wanted} == wanted
    assert facts["nodes"] == "rows times columns"


@pytest.mark.parametrize(("grid", "step"), [(56, 8), (28, 8), (14, 4), (7, 2), (7, 1)])
def test_parts_and_connections_of_mgc_are_those_of_the_closed_form(grid, step):
    shifts = [(step, 2), (-step, 2), (step, 3), (-step, 3)]
    seen = _seen(rolled_graph(torch.zeros(1, 1, grid, grid), shifts))
    steps = gcd(step, grid)  # rolls reach every such row and column
    assert module._parts(seen) == (steps**2, (grid // steps) ** 2)
    params = GraphScalingParams(construction="mgc", grids=(grid,), channels=4, step=step)
    assert graph_scaling(params, "cpu").values["edges_per_node"].value == 5


@pytest.mark.parametrize(("grid", "wanted"), [(7, 7), (14, 13), (28, 27), (56, 55)])
def test_connections_of_svga_are_those_of_the_closed_form(grid, wanted):
    params = GraphScalingParams(construction="svga", grids=(grid,), channels=4, step=2)
    found = graph_scaling(params, "cpu").values["edges_per_node"].value
    assert found == wanted == 1 + 2 * (-(-grid // 2) - 1)


def _seen(graph, step=None):
    grid = round(graph.neighbors.shape[1] ** 0.5)
    output = torch.zeros(len(graph.neighbors), 1, grid, grid)
    block = BlockGraph(name="toy", graph=graph, output=output)
    return module.Seen(block=block, grid=grid, step=step)


def _reference_parts(neighbors):
    """Flood from each node that nobody reached."""
    around = {node: set() for node in range(len(neighbors))}
    for node, others in enumerate(neighbors):
        for other in others:
            around[node].add(other)
            around[other].add(node)
    sizes, left = [], set(around)
    while left:
        reached, waiting = set(), {min(left)}
        while waiting:
            reached |= waiting
            waiting = set().union(*(around[node] for node in waiting)) - reached
        sizes.append(len(reached))
        left -= reached
    return len(sizes), max(sizes)


@pytest.mark.parametrize("neighbors", [1, 2, 3])
def test_parts_equal_those_of_a_flood(neighbors):
    torch.manual_seed(0)
    for _ in range(20):
        drawn = torch.randint(0, 16, (1, 16, neighbors))
        nodes = torch.zeros(1, 1, 16)
        seen = _seen(Graph(nodes=nodes, keys=nodes, neighbors=drawn))
        assert module._parts(seen) == _reference_parts(drawn[0].tolist())


def test_what_is_pooled_into_a_key_is_connected_by_it():
    graph = Graph(
        nodes=torch.zeros(1, 1, 16),
        keys=torch.zeros(1, 1, 4),
        neighbors=torch.zeros(1, 16, 1).long(),
    )
    assert module._parts(_seen(graph)) == (1, 16)
    own = torch.arange(16) // 4 // 2 * 2 + torch.arange(16) % 4 // 2
    graph = Graph(nodes=graph.nodes, keys=graph.keys, neighbors=own[None, :, None])
    assert module._parts(_seen(graph)) == (4, 4)


@pytest.mark.parametrize(
    ("neighbors", "word"),
    [([9, 9, 10, 11], "linearly"), ([9, 9, 9, 12], "otherwise"), ([9, 11, 10, 12], "otherwise")],
)
def test_a_schedule_is_linear_less_than_one_off_the_line(neighbors, word):
    assert module._schedule(neighbors)["neighbors_grow"] == word


def test_farther_nodes_are_not_the_nearest(monkeypatch):
    before = vig.FastGrapher.find_neighbors
    monkeypatch.setattr(
        vig.FastGrapher,
        "find_neighbors",
        staticmethod(lambda nodes, *rest: (before(nodes, *rest) + 1) % nodes.shape[-1]),
    )
    facts = measure("vig_ti")
    assert facts["edges_to"] == "chosen nodes"
    assert not {"which_nearest", "which_nearest_dilation_aside"} & facts.keys()
    assert facts["self_loops"] != "every node"


def test_a_graph_that_is_kept_is_not_rebuilt_in_every_block(monkeypatch):
    kept = torch.arange(196)[None, :, None].expand(1, -1, 9)
    monkeypatch.setattr(vig.FastGrapher, "neighbors", lambda _, x: kept.expand(len(x), -1, -1))
    facts = measure("vig_ti")
    assert (facts["rebuilt"], facts["edges_to"]) == ("no block", "fixed positions")


def test_an_edge_that_the_static_graph_lacks_is_beyond_it(monkeypatch):
    before = greedyvig.Grapher.shifts
    monkeypatch.setattr(greedyvig.Grapher, "shifts", lambda self, x: [*before(self, x), (1, 2)])
    assert "beyond" in measure("greedyvig_s")["pruned_from"]


def test_a_step_off_the_axes_goes_anywhere(monkeypatch):
    def oblique(_, x):
        yield from ((shift, axis) for shift in (2, 9) for axis in (2, 3))

    monkeypatch.setattr(mobilevig.Grapher, "shifts", oblique)
    assert measure("mobilevig_ti")["directions"] == "axes"
    graph = Graph(
        nodes=torch.zeros(1, 1, 9), keys=torch.zeros(1, 1, 9), neighbors=torch.tensor([[[4]] * 9])
    )
    assert module._directions(_seen(graph)) == "anywhere"


def test_an_edge_between_partitions_goes_across():
    nodes = torch.zeros(2, 1, 4)
    graph = Graph(
        nodes=nodes,
        keys=nodes,
        neighbors=torch.tensor([[[0], [0], [2], [2]]] * 2),
        partitions=torch.tensor([[0, 0, 1, 1], [0, 0, 0, 1]]),
    )
    assert module._inside_partitions(_seen(graph)) == "across"


def test_a_hyperedge_of_two_is_a_pair_and_of_three_is_more():
    nodes = torch.zeros(1, 1, 4)
    for joined, word in (([1, 1, 0, 0], "pairs at most"), ([1, 1, 1, 0], "several nodes")):
        hyperedges = torch.tensor([[joined]], dtype=torch.bool)
        neighbors = torch.zeros(1, 4, 1).long()
        graph = Graph(nodes=nodes, keys=nodes, neighbors=neighbors, hyperedges=hyperedges)
        assert module._hyperedges_join(_seen(graph)) == word


def test_a_model_whose_graph_is_not_known_is_an_obstacle():
    with pytest.raises(NotMeasurableError, match=r"want a model of vig, .* got 'resnet50'"):
        measure("resnet50")
