"""What a profiler's hooks see of a model, and what runs inside a clustering."""

import torch
from torch import nn
from torch.nn import functional

from reproductions.counting import count
from vig_models.clustering import clustering


class GraphLinear(nn.Module):
    """A linear layer with a weight of its own, as graph libraries write them."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, channels))

    def forward(self, x):
        return functional.linear(x, self.weight)


class ToyGraphNet(nn.Module):
    """A hooked convolution and classifier around a graph layer that no hook sees."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 2, 2), nn.BatchNorm2d(8))
        self.graph = GraphLinear(8)
        self.head = nn.Linear(8, 4)

    def forward(self, images):
        nodes = self.stem(images).flatten(2).mT  # (B, N, C)
        return self.head(self.graph(nodes).mean(1))


IMAGES = torch.rand(1, 3, 8, 8)
STEM, GRAPH, HEAD = (8 * 16) * 3 * 4, 16 * 8 * 8, 8 * 4


def test_hooks_miss_a_layer_of_a_graph_library():
    tally = count(ToyGraphNet().eval(), IMAGES)
    assert tally.macs == {"convolution": STEM, "linear": GRAPH + HEAD}
    assert tally.hooked == {"convolution": STEM, "linear": HEAD, "batch_norm": 4 * 8 * 16}
    assert tally.missed == GRAPH


def test_hooks_miss_a_functional_call_of_a_hooked_layer():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 2, 2)

        def forward(self, images):
            return functional.conv2d(images, self.conv.weight, stride=2) + self.conv(images)

    tally = count(Functional(), IMAGES)
    assert (tally.macs.total(), tally.hooked.total(), tally.missed) == (2 * STEM, STEM, STEM)


def test_hooks_miss_a_subclass():
    class OwnConv(nn.Conv2d):
        pass

    tally = count(OwnConv(3, 8, 2, 2), IMAGES)
    assert (tally.hooked.total(), tally.missed) == (0, STEM)


def test_hooks_see_every_call_of_a_shared_layer():
    layer = nn.Linear(8, 8)
    tally = count(nn.Sequential(layer, layer), torch.rand(1, 3, 8, 8))
    assert tally.hooked["linear"] == tally.macs["linear"] == 2 * 24 * 64
    assert tally.missed == 0


def test_hooks_and_settings_are_taken_back():
    model = ToyGraphNet().eval()
    count(model, IMAGES)
    modules = list(model.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in modules)
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.is_grad_enabled()


class KMeans(nn.Module):
    """k-means of the nodes of a map; stops when told to, at the latest after ``most``."""

    def __init__(self, distances, taken, most=25):
        super().__init__()
        self.distances, self.taken, self.most = distances, taken, most

    def forward(self, images):
        nodes = images.flatten(2).mT[0]  # (N, C)
        with clustering(fewest=2, most=self.most) as iterations:
            centers = nodes[:4]  # (K, C)
            for number in iterations:
                labels = self.distances(nodes, centers).argmin(-1)  # (N)
                members = functional.one_hot(labels, 4).float() if number >= 0 else None
                centers = members.T @ nodes
                if number + 1 == self.taken:
                    break
            labels = self.distances(nodes, centers).argmin(-1)
        return nodes @ centers.T


def expanded(nodes, centers):
    return -2 * nodes @ centers.T


def paired(nodes, centers):
    count, others = len(nodes), len(centers)
    left = nodes[:, None].expand(count, others, -1)
    return functional.pairwise_distance(left, centers[None].expand(count, others, -1))


NKC = 64 * 4 * 3


def test_clustering_is_kept_apart_by_iteration():
    for distances in (expanded, paired, torch.cdist):
        tally = count(KMeans(distances, taken=3), IMAGES)
        ((run, macs),) = tally.clusterings.items()
        assert (run.fewest, run.taken, run.most) == (2, 3, 25)
        assert macs == {1: 2 * NKC, 2: 2 * NKC, 3: 2 * NKC, 0: NKC}
        assert tally.macs == {"product": NKC}
        assert tally.missed == NKC


def test_each_call_of_a_clustering_stands_by_itself():
    layer = KMeans(expanded, taken=1)

    class Twice(nn.Module):
        def forward(self, images):
            return layer(images), layer(images)

    assert len(count(Twice(), IMAGES).clusterings) == 2


def test_nothing_is_known_of_an_earlier_model():
    model = ToyGraphNet().eval()
    assert count(model, IMAGES) == count(model, IMAGES)
