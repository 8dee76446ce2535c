"""Features sent between devices: counted edge by edge, at both extremes of a cut."""

import pytest

from reproductions import communication_volume as module
from reproductions.catalog import CommunicationVolumeParams
from reproductions.catalog_networks import COMMUNICATION_VOLUME

CUTS = [convention.name for convention in COMMUNICATION_VOLUME.conventions]


def params(**changes):
    given = {"nodes": 60, "degree": 3, "devices": 3, "layers": 6, "seed": 0}
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


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_what_graph_parallelism_sends_is_counted_edge_by_edge(cut, seed):
    edges, parts = module.CUTS[cut]
    given = params(seed=seed)
    sent = 6 * _reference_boundary(*edges(given), parts(given))
    found = measure(seed=seed)
    assert found.facts["by_graph"][cut] == sent
    assert found.facts["by_layers"] == 2 * 60
    assert found.values[cut].value == pytest.approx(sent / 120, abs=0, rel=1e-12)


def test_a_graph_with_neighbors_everywhere_is_reduced_by_the_number_of_layers():
    assert measure(nodes=30, degree=600, layers=5).values["cut_at_random"].value == 5


@pytest.mark.parametrize("cut", CUTS)
def test_a_reduction_doubles_with_the_layers_whatever_the_cut(cut):
    few, many = (measure(layers=layers).values[cut].value for layers in (6, 12))
    assert many == pytest.approx(2 * few, abs=0, rel=1e-12)


def test_a_good_cut_leaves_less_to_reduce():
    values = measure(nodes=2000).values
    assert values["cut_well"].value < values["cut_at_random"].value / 5


@pytest.mark.parametrize(("layers", "stages"), [(4, 4), (5, 5), (6, 5)])
def test_there_are_as_many_stages_as_devices_or_layers(layers, stages):
    assert measure(devices=5, layers=layers).evidence["stages"] == stages


def test_edges_that_do_not_cross_are_not_sent(monkeypatch):
    whole = measure().values["cut_at_random"].value
    edges, parts = module.CUTS["cut_at_random"]

    def within(given):
        sources, targets = edges(given)
        same = parts(given)[sources] == parts(given)[targets]
        return sources[same], targets[same]

    monkeypatch.setitem(module.CUTS, "cut_at_random", (within, parts))
    assert measure().values["cut_at_random"].value == 0 < whole
