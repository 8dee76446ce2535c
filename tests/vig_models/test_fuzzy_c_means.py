"""Fuzzy c-means and hyperedges against slow loops, on what the golden logits do not reach."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vig_models import ModelError, create_model
from vig_models.fuzzy_c_means import (
    fuzzy_c_means,
    hyperedges,
    padded_lists,
    sorted_lists,
    update_memberships,
)
from vig_models.vihgnn import FastHypergraphConv, HypergraphConv, gather_padded


@pytest.fixture(autouse=True)
def _double(float64: None) -> None:
    torch.manual_seed(0)


def _reference_update(nodes: np.ndarray, memberships: np.ndarray) -> np.ndarray:
    """Do one iteration of fuzzy c-means on (B, N, C) with (B, N, c), element by element."""
    images, count, clusters = memberships.shape
    made = np.empty_like(memberships)
    for image in range(images):
        weights = memberships[image] ** 2
        centers = [
            sum(weights[p, c] * nodes[image, p] for p in range(count)) / weights[:, c].sum()
            for c in range(clusters)
        ]
        for p in range(count):
            inverse = [1 / max(((nodes[image, p] - c) ** 2).sum(), 1e-10) for c in centers]
            made[image, p] = np.array(inverse) / sum(inverse)
    return made


def test_an_update_equals_slow_loops() -> None:
    nodes, memberships = torch.randn(2, 9, 4), torch.rand(2, 9, 3)
    wanted = _reference_update(nodes.numpy(), memberships.numpy())
    found = update_memberships(nodes, memberships)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-11, rtol=1e-11)


def test_a_node_on_a_center_does_not_divide_by_zero() -> None:
    nodes = torch.tensor([[[1.0], [1.0], [5.0]]])
    memberships = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    found = update_memberships(nodes, memberships)
    assert found.isfinite().all()
    assert found[0, 0, 0] > 1 - 1e-6


def test_what_is_not_a_number_becomes_equal_shares() -> None:
    nodes, memberships = torch.randn(1, 3, 2), torch.zeros(1, 3, 4)  # no weight: 0 / 0
    assert torch.equal(update_memberships(nodes, memberships), torch.full((1, 3, 4), 0.25))


def test_the_iteration_ends_when_all_images_stand_still() -> None:
    nodes = torch.randn(2, 30, 3) + torch.tensor([[[0.0]], [[5.0]]])
    generator = torch.Generator().manual_seed(1)
    torch.randint(0, 30, (2, 4), generator=generator)
    memberships = torch.rand(2, 30, 4, generator=generator)
    memberships /= memberships.sum(dim=-1, keepdim=True)
    for number in range(15):
        before, memberships = memberships, update_memberships(nodes, memberships)
        if number and np.sqrt(((memberships - before).numpy() ** 2).sum()) < 1e-3:
            break
    found = fuzzy_c_means(nodes, 4, torch.Generator().manual_seed(1))
    assert torch.equal(found, memberships)


def test_memberships_add_up_to_one_and_no_cluster_is_refused() -> None:
    total = fuzzy_c_means(torch.randn(2, 10, 3), 4).sum(dim=-1)
    torch.testing.assert_close(total, torch.ones(2, 10), atol=1e-12, rtol=0)
    with pytest.raises(ModelError, match="want 1 or more clusters, got 0"):
        fuzzy_c_means(torch.randn(1, 10, 3), 0)


STRONG = [[0.5, 0.5, 0.0], [0.01, 0.011, 0.979]]
WEAK = [[0.09, 0.08, 0.07], [0.2, 0.6, 0.2]]


def test_without_a_weak_node_memberships_above_a_hundredth_join() -> None:
    joined, read = hyperedges(torch.tensor([STRONG]))
    assert joined.tolist() == [[[True, True, False], [False, True, True]]]
    assert torch.equal(joined, read)


def test_one_weak_node_changes_the_rule_for_the_whole_batch() -> None:
    joined, read = hyperedges(torch.tensor([STRONG, WEAK]))
    first, second = joined.tolist()
    assert first == [[False, False, False], [False, False, True]], "0.5 is not above 0.5"
    assert second == [[True, False, False], [False, True, False]]
    assert read[0, 0].tolist() == [True, False, False], "a node in none reads its largest"


@pytest.mark.parametrize(("largest", "weak"), [(0.1, False), (0.0999, True)])
def test_a_node_is_weak_below_a_tenth(largest: float, weak: bool) -> None:
    memberships = torch.full((1, 1, 3), 0.02)
    memberships[0, 0, 1] = largest
    joined, _ = hyperedges(memberships)
    assert joined.tolist() == [[[not weak, True, not weak]]]


def test_lists_are_ascending_and_padded_to_the_longest_of_the_batch() -> None:
    first, second = [[True, False, True], 3 * [False]], 2 * [[False, True, False]]
    joined = torch.tensor([first, second])
    assert padded_lists(joined).tolist() == [[[0, 2], [-1, -1]], [[1, -1], [1, -1]]]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_lists_are_the_same_row_by_row_and_all_at_once(share: float) -> None:
    joined = torch.rand(3, 20, 9, generator=torch.Generator().manual_seed(0)) < share
    assert torch.equal(sorted_lists(joined), padded_lists(joined))


def test_without_values_a_list_is_as_long_as_it_can_be() -> None:
    lists = padded_lists(torch.empty(2, 5, 7, dtype=torch.bool, device="meta"))
    assert (lists.shape, lists.dtype) == ((2, 5, 7), torch.int64)


def test_padding_stands_for_the_last_one() -> None:
    features = torch.arange(4.0).view(1, 1, 4)
    assert gather_padded(features, torch.tensor([[[1, -1]]])).tolist() == [[[[1.0, 3.0]]]]


def _reference_conv(conv: HypergraphConv, nodes: Tensor, joined: Tensor, read: Tensor) -> Tensor:
    """Compute the messages from the formulas: means in which padding counts as the last one."""
    images, channels, count = nodes.shape
    num_edges = joined.shape[2]
    longest_edge, longest_node = int(joined.sum(1).max()), int(read.sum(2).max())
    edges = torch.zeros(images, channels, num_edges)
    for b in range(images):
        for e in range(num_edges):
            members = [nodes[b, :, p] for p in range(count) if joined[b, p, e]]
            members += [nodes[b, :, -1]] * (longest_edge - len(members))
            edges[b, :, e] = torch.stack(members).mean(0)
    edges = conv.to_hyperedges(edges[..., None])[..., 0]
    received = torch.zeros_like(nodes)
    for b in range(images):
        for p in range(count):
            around = [edges[b, :, e] for e in range(num_edges) if read[b, p, e]]
            around += [edges[b, :, -1]] * (longest_node - len(around))
            received[b, :, p] = torch.stack(around).mean(0)
    return conv.to_nodes(((1 + conv.eps) * nodes + received)[..., None])[..., 0]


@pytest.mark.parametrize("rows", [STRONG, WEAK], ids=["several hyperedges", "weak nodes"])
@pytest.mark.parametrize("form", [HypergraphConv, FastHypergraphConv])
def test_messages_equal_the_formulas(rows: list[list[float]], form: type[HypergraphConv]) -> None:
    conv = form(8).eval()
    torch.nn.init.constant_(conv.eps, 0.3)
    nodes = torch.randn(2, 8, 2)
    joined, read = hyperedges(torch.tensor([rows, STRONG]))
    found = conv(nodes, joined, read)
    wanted = _reference_conv(conv, nodes, joined, read)
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=1e-12)


def test_hyperedges_grow_linearly_from_block_to_block() -> None:
    wanted = [25, 27, 29, 31, 34, 36, 38, 40, 43, 45, 47, 50]
    with torch.device("meta"):
        model = create_model("vihgnn_ti")
        pyramid = create_model("pvihgnn_ti")
    assert [block.grapher.num_hyperedges for block in model.backbone] == wanted
    blocks = [block for block in pyramid.backbone if hasattr(block, "grapher")]
    assert {block.grapher.num_hyperedges for block in blocks} == {25}


def test_an_image_depends_on_the_others_of_its_batch() -> None:
    settings = {"channels": (16,), "depths": (2,), "num_classes": 5}
    model = create_model("vihgnn_ti", **settings).eval()
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        alone = model(images[1:], torch.Generator().manual_seed(0))
        together = model(images, torch.Generator().manual_seed(0))[1:]
    assert not torch.allclose(alone, together)


def test_two_stages_are_refused() -> None:
    with pytest.raises(ModelError, match=r"want one or four entries, .* got 2 and 2"):
        create_model("vihgnn_ti", channels=(16, 16), depths=(1, 1))
