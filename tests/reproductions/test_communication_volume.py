"""Features sent between devices: counted edge by edge, at both extremes of a cut."""

import pytest

from reproductions import communication_volume as module
from reproductions.catalog import CommunicationVolumeParams


def params(**changes):
    given = {"nodes": 60, "degree": 3, "partition": "random", "devices": 3, "layers": 6, "seed": 0}
    return CommunicationVolumeParams(**{**given, **changes})


def measure(**changes):
    return module.communication_volume(params(**changes), "cpu")


def _reference_boundary(sources, targets, parts):
    """Collect who is needed where, one edge at a time."""
    sent = set()
    for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
        if parts[source] != parts[target]:
            sent.add((source, int(parts[target])))
    return len(sent)


@pytest.mark.parametrize("partition", ["random", "blocks"])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_graph_parallelism_sends_is_counted_edge_by_edge(partition, seed):
    given = params(partition=partition, seed=seed)
    sources, targets = module._edges(given)
    wanted = _reference_boundary(sources, targets, module._parts(given))
    found = measure(partition=partition, seed=seed)
    assert found.evidence["sent_a_layer"] == wanted
    assert found.facts == {"by_graph": 6 * wanted, "by_layers": 2 * 60}
    assert found.values["reduction"].value == pytest.approx(6 * wanted / 120, abs=0, rel=1e-12)


def test_a_graph_with_neighbors_everywhere_is_reduced_by_the_number_of_layers():
    found = measure(nodes=30, degree=600, layers=5)
    assert found.values["reduction"].value == 5


def test_a_reduction_doubles_with_the_layers_whatever_the_cut():
    for partition in ("random", "blocks"):
        few, many = (measure(partition=partition, layers=n) for n in (6, 12))
        assert many.values["reduction"].value == 2 * few.values["reduction"].value


def test_a_good_cut_leaves_less_to_reduce():
    far, near = (measure(nodes=2000, partition=cut) for cut in ("random", "blocks"))
    assert near.values["reduction"].value < far.values["reduction"].value / 5


def test_there_are_no_more_stages_than_layers():
    assert measure(devices=5, layers=2).evidence["stages"] == 2
    assert measure(devices=5, layers=5).evidence["stages"] == 5
    assert measure(devices=5, layers=6).evidence["stages"] == 5


def test_edges_that_do_not_cross_are_not_sent(monkeypatch):
    whole = measure().values["reduction"].value
    edges = module._edges

    def within(given):
        sources, targets = edges(given)
        same = module._parts(given)[sources] == module._parts(given)[targets]
        return sources[same], targets[same]

    monkeypatch.setattr(module, "_edges", within)
    assert measure().values["reduction"].value == 0 < whole
