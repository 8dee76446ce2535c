"""The search kernel of torch_cluster: the same edges where it is used, and used on GPUs alone."""

import pytest
import torch

from vig_models import partitions
from vig_models.partitions import kernel_on, knn_in_partitions, organize


def _reference_knn(x, y, k, batch_x, batch_y):
    """Do what torch_cluster's ``knn`` documents: for each of y its k nearest of x in its batch."""
    rows, found = [], []
    for row, point in enumerate(y):
        same = (batch_x == batch_y[row]).nonzero()[:, 0]
        nearest = same[(x[same] - point).norm(dim=-1).argsort()[:k]]
        rows += [row] * len(nearest)
        found += nearest.tolist()
    return torch.tensor([rows, found])


@pytest.fixture
def nodes():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 5, (2, 60), generator=generator)
    labels[0, :3] = 6  # fewer than K, and no cluster 5
    return torch.randn(2, 60, 8, dtype=torch.float64, generator=generator), labels


def on_kernel(monkeypatch, knn):
    monkeypatch.setattr(partitions, "_KNN", knn)
    monkeypatch.setattr(partitions, "kernel_on", lambda _: "torch_cluster")


def test_the_kernel_and_its_substitute_find_the_same_edges(nodes, monkeypatch):
    features, labels = nodes
    order = organize(labels, 7)
    substitute = knn_in_partitions(features, labels, order, 9)
    on_kernel(monkeypatch, _reference_knn)
    assert torch.equal(knn_in_partitions(features, labels, order, 9), substitute)


def test_the_kernel_itself_finds_the_same_edges(nodes, monkeypatch):
    cluster = pytest.importorskip("torch_cluster", reason="torch_cluster is not installed")
    features, labels = nodes
    order = organize(labels, 7)
    substitute = knn_in_partitions(features, labels, order, 9)
    on_kernel(monkeypatch, cluster.knn)
    assert torch.equal(knn_in_partitions(features, labels, order, 9), substitute)


@pytest.mark.parametrize(
    ("knn", "device", "name"),
    [
        (None, "cuda", "substitute"),
        (_reference_knn, "cuda", "torch_cluster"),
        (_reference_knn, "cpu", "substitute"),
        (_reference_knn, "meta", "substitute"),
    ],
)
def test_the_kernel_is_used_on_gpus_alone(knn, device, name, monkeypatch):
    monkeypatch.setattr(partitions, "_KNN", knn)
    assert kernel_on(device) == name
