"""Edges: counted against plain sets; listening leaves the model as it was."""

import torch

from reproductions.edges import Graph, find_graphs
from vig_models import create_model


def _reference_neighbors(neighbors):
    return [[set(node) - {-1} for node in image] for image in neighbors.tolist()]


def test_counts_equal_those_of_plain_sets():
    torch.manual_seed(0)
    for _ in range(50):
        neighbors = torch.randint(-1, 4, (2, 6, 3))
        graph = Graph(name="toy", neighbors=neighbors)
        first, second = _reference_neighbors(neighbors)
        assert graph.edges_per_node == max(map(len, first + second))
        assert graph.differing_nodes == sum(a != b for a, b in zip(first, second, strict=True))


def test_order_among_neighbors_is_no_difference():
    neighbors = torch.tensor([[[0, 1], [1, 2]], [[1, 0], [2, 1]]])
    assert Graph(name="toy", neighbors=neighbors).differing_nodes == 0


def test_every_grapher_is_heard_once_and_left_as_it_was():
    model = create_model("vig_ti", depth=3, channels=48).eval()
    torch.manual_seed(0)
    images = torch.rand(2, 3, 224, 224)
    before = model(images)
    graphs = find_graphs(model, images)
    assert [graph.name for graph in graphs] == [f"backbone.{n}" for n in range(3)]
    assert torch.equal(model(images), before)


def test_the_same_image_twice_has_the_same_edges():
    model = create_model("vig_ti", depth=2, channels=48).eval()
    image = torch.rand(1, 3, 224, 224)
    graphs = find_graphs(model, image.repeat(2, 1, 1, 1))
    assert [graph.differing_nodes for graph in graphs] == [0, 0]


def test_clusters_are_counted_in_the_image_that_has_most():
    neighbors = torch.zeros(2, 4, 1, dtype=torch.int64)
    partitions = torch.tensor([[0, 0, 2, 2], [0, 1, 3, 3]])
    assert Graph(name="toy", neighbors=neighbors, partitions=partitions).num_partitions == 3
    assert Graph(name="toy", neighbors=neighbors).num_partitions == 0


def test_a_model_of_another_library_says_nothing_of_its_graphs():
    assert find_graphs(torch.nn.Identity(), torch.rand(2, 3, 224, 224)) == []
