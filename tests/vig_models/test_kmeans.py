"""k-means and graphs inside partitions against slow loops, and where the golden logits are mute."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from vig_models import ModelError, create_model, kmeans, partitions
from vig_models.fast_partitions import FastLloyd, knn_in_clusters
from vig_models.kmeans import Lloyd

FORMS = pytest.mark.parametrize("form", [Lloyd, FastLloyd])


@pytest.fixture(autouse=True)
def _double(float64: None) -> None:
    torch.manual_seed(0)


def _reference_kmeans(nodes: np.ndarray, starts: np.ndarray, most: int, tolerance: float) -> tuple:
    """Run Lloyd's iterations on (B, N, C) from (B, R, k, C), one distance at a time."""
    images, restarts = starts.shape[:2]
    centers = starts.copy()

    def label(image: int, run: int) -> np.ndarray:
        gaps = nodes[image][:, None] - centers[image, run][None] + 1e-6
        return np.sqrt((gaps**2).sum(-1)).argmin(-1)

    for _ in range(most):
        before = centers.copy()
        for image in range(images):
            for run in range(restarts):
                labels = label(image, run)
                for k in range(centers.shape[2]):
                    members = nodes[image][labels == k]
                    centers[image, run, k] = members.mean(0) if len(members) else 0
        moved = np.sqrt(((centers - before) ** 2).sum(-1)).mean(-1)
        if (moved < tolerance).all():
            break
    best_labels, best_centers = [], []
    for image in range(images):
        found = [label(image, run) for run in range(restarts)]
        costs = [((nodes[image] - centers[image, r][f]) ** 2).sum() for r, f in enumerate(found)]
        best_labels.append(found[int(np.argmin(costs))])
        best_centers.append(centers[image, int(np.argmin(costs))])
    return np.stack(best_labels), np.stack(best_centers)


def _starts(nodes: Tensor, clusters: int, restarts: int, seed: int) -> np.ndarray:
    images, count, _ = nodes.shape
    chances = torch.full((images * restarts, count), 1 / count)
    drawn = torch.multinomial(chances, clusters, generator=torch.Generator().manual_seed(seed))
    return np.stack(
        [nodes[i].numpy()[drawn.view(images, restarts, clusters)[i]] for i in range(images)]
    )


@pytest.mark.parametrize("most", [1, 3, 25], ids=["one iteration", "three", "to the end"])
@pytest.mark.parametrize("seed", range(4))
@FORMS
def test_labels_and_means_equal_those_of_slow_loops(
    seed: int, most: int, form: type[Lloyd]
) -> None:
    nodes = torch.randn(3, 20, 4)
    generator = torch.Generator().manual_seed(seed)
    labels, centers = kmeans.kmeans(nodes, 4, generator, max_iterations=most, form=form)
    wanted = _reference_kmeans(nodes.numpy(), _starts(nodes, 4, 2, seed), most, 1e-3)
    assert np.array_equal(labels.numpy(), wanted[0])
    np.testing.assert_allclose(centers.numpy(), wanted[1], atol=1e-12, rtol=1e-12)


@FORMS
def test_a_large_tolerance_ends_after_one_iteration_and_labels_follow_the_last_means(
    form: type[Lloyd],
) -> None:
    nodes, generator = torch.randn(2, 30, 3), torch.Generator().manual_seed(5)
    labels, centers = kmeans.kmeans(nodes, 4, generator, tolerance=1e9, form=form)
    wanted = _reference_kmeans(nodes.numpy(), _starts(nodes, 4, 2, 5), 1, 1e9)
    assert np.array_equal(labels.numpy(), wanted[0])
    assert torch.equal(labels, form(nodes).nearest(centers[:, None])[:, 0])


@FORMS
def test_of_equally_near_centers_the_first_is_taken(form: type[Lloyd]) -> None:
    assert form(torch.zeros(1, 1, 2)).nearest(torch.ones(1, 1, 3, 2)).item() == 0


@FORMS
def test_the_small_number_in_the_distance_decides_between_opposite_centers(
    form: type[Lloyd],
) -> None:
    centers = torch.tensor([[[[-1.0], [1.0]]]])
    assert form(torch.zeros(1, 1, 1)).nearest(centers).item() == 1  # |0 - 1 + 1e-6| is smaller


@FORMS
def test_an_empty_cluster_has_the_mean_zero(form: type[Lloyd]) -> None:
    means = form(torch.ones(1, 3, 2)).means(torch.tensor([[[0, 0, 2]]]), 4)
    assert means[0, 0].tolist() == [[1, 1], [0, 0], [1, 1], [0, 0]]


def test_a_slow_image_keeps_all_others_iterating() -> None:
    moving = torch.randn(1, 40, 2)
    settled = torch.randn(1, 40, 2).sign() * 9 + torch.randn(1, 40, 2) * 1e-3
    together = torch.cat((settled, moving))
    start = _starts(together, 4, 1, 3)
    for most in (1, 25):
        wanted = _reference_kmeans(together.numpy(), start, most, 1e-3)
        found = kmeans.kmeans(
            together, 4, torch.Generator().manual_seed(3), restarts=1, max_iterations=most
        )
        np.testing.assert_allclose(found[1].numpy(), wanted[1], atol=1e-12, rtol=1e-12)


def test_more_clusters_than_nodes_are_refused() -> None:
    with pytest.raises(ModelError, match=r"want 1 to 3 \(the number of nodes\) clusters, got 4"):
        kmeans.kmeans(torch.zeros(1, 3, 2), 4)


def _reference_neighbors(nodes: Tensor, labels: Tensor, k: int) -> list:
    """Compare every node with every other of its cluster."""
    units = torch.nn.functional.normalize(nodes, dim=-1)
    found = []
    for image, clusters in zip(units, labels, strict=True):
        rows = []
        for node, cluster in enumerate(clusters):
            others = (clusters == cluster).nonzero()[:, 0].tolist()
            others.sort(key=lambda other: float((image[node] - image[other]).square().sum()))
            rows.append((others[:k] + [-1] * k)[:k])
        found.append(rows)
    return found


def _published_knn(nodes: Tensor, labels: Tensor, k: int) -> Tensor:
    clusters = int(labels.max()) + 1
    order = partitions.organize(labels, clusters)
    edges = partitions.knn_in_partitions(nodes, labels, order, k)
    return partitions.padded_neighbors(edges, order, k)


Knn = Callable[[Tensor, Tensor, int], Tensor]
KNN = pytest.mark.parametrize("knn", [_published_knn, knn_in_clusters])


@pytest.mark.parametrize("k", [1, 3, 9], ids=["itself", "three", "more than some clusters have"])
@KNN
def test_neighbors_are_the_nearest_of_a_nodes_own_cluster(k: int, knn: Knn) -> None:
    nodes, labels = torch.randn(2, 24, 5), torch.randint(0, 4, (2, 24))
    assert knn(nodes, labels, k).tolist() == _reference_neighbors(nodes, labels, k)


@KNN
def test_nearly_parallel_nodes_are_told_apart_in_single_precision(knn: Knn) -> None:
    angles = torch.arange(5, dtype=torch.float64) * 1e-5
    nodes = torch.stack((angles.cos(), angles.sin()), dim=-1)[None].float()  # (1, 5, 2)
    found = knn(nodes, torch.zeros(1, 5, dtype=torch.int64), 2)[0]
    wanted = [{0, 1}, {0, 1, 2}, {1, 2, 3}, {2, 3, 4}, {3, 4}]
    assert all(set(row) <= near for row, near in zip(found.tolist(), wanted, strict=True))
    assert found[:, 0].tolist() == [0, 1, 2, 3, 4]


@KNN
def test_there_are_never_more_neighbors_than_nodes(knn: Knn) -> None:
    found = knn(torch.randn(1, 3, 2), torch.tensor([[0, 1, 0]]), 5)[0]
    assert found[1].tolist() == [1, -1, -1, -1, -1]
    assert found[0].sort().values.tolist() == [-1, -1, -1, 0, 2]


@pytest.mark.parametrize("clusters", [1, 2, 5])
def test_in_single_precision_both_forms_decide_alike_however_near_a_tie_is(clusters: int) -> None:
    nodes = torch.randint(0, 3, (2, 60, 4)).float()  # a grid: most distances stand many times
    nodes += 1e-6 * torch.randn_like(nodes)
    centers = nodes[:, None, :clusters].clone()
    labels = Lloyd(nodes).nearest(centers)
    assert torch.equal(FastLloyd(nodes).nearest(centers), labels)
    exact, fast = Lloyd(nodes), FastLloyd(nodes)
    torch.testing.assert_close(fast.means(labels, clusters), exact.means(labels, clusters))
    assert torch.equal(fast.costs(labels, centers), exact.costs(labels, centers))
    found, wanted = (knn(nodes, labels[:, 0], 7) for knn in (knn_in_clusters, _published_knn))
    assert torch.equal(found.sort().values, wanted.sort().values)


def test_nodes_are_organized_by_cluster_and_keep_their_order_within() -> None:
    labels = torch.tensor([[2, 0, 2, 0, 1]])
    assert partitions.organize(labels, 4).tolist() == [[1, 3, 4, 0, 2]]
    assert torch.equal(partitions.organize(labels, 4), labels.argsort(stable=True))


def test_centers_are_connected_with_those_of_their_own_image_and_themselves() -> None:
    edges = partitions.complete_edges(2, torch.zeros(2, 3, 1)).T.tolist()
    wanted = [[i + a, i + b] for i in (0, 3) for a in range(3) for b in range(3)]
    assert sorted(edges) == sorted(wanted)


def test_downstream_of_clustering_everything_is_centered() -> None:
    grapher = create_model("clustervig_ti", depth=1, channels=32).eval().backbone[0].grapher
    nodes, _, _ = grapher.search(torch.randn(2, 32, 14, 14))
    assert nodes.mean(dim=1).abs().max() < 1e-12


def test_an_image_depends_on_the_others_of_its_batch() -> None:
    model = create_model("clustervig_ti", depth=2, channels=32, num_classes=5).eval()
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        alone = model(images[1:], torch.Generator().manual_seed(0))
        together = model(images, torch.Generator().manual_seed(0))[1:]
    assert not torch.allclose(alone, together)


def test_twice_the_resolution_has_four_times_the_nodes_and_six_partitions() -> None:
    model = create_model("clustervig_b_hr", depth=1, channels=32, num_classes=5).eval()
    [block] = model.forward_graphs(torch.randn(1, 3, 224, 224))
    assert block.nodes.shape == (1, 32, 784)
    assert block.partitions is not None
    assert len(block.partitions.unique()) == 6


def test_another_grid_is_refused() -> None:
    with pytest.raises(ModelError, match="want a grid of 14 or 28, got 7"):
        create_model("clustervig_ti", grid=7)
