"""Decoders by their configurations: counted weight by weight, and what a layer less does."""

from dataclasses import replace

import pytest

from reproductions import language_models
from reproductions.catalog import LanguageModelSizeParams
from reproductions.catalog_networks import LANGUAGE_MODELS
from reproductions.errors import ReproductionError
from reproductions.language_model_size import language_model_size
from reproductions.measure import measure as measure_by_name

COUNTS = {"llama_3_2_1b": 1_235_814_400, "llama_7b": 6_738_415_616}
"""As their weights are published."""


def measure(model):
    return language_model_size(LanguageModelSizeParams(model=model), "cpu")


def _reference_size(config):
    """Add up the matrices of a decoder one by one."""
    keys = config.width // config.heads * config.key_value_heads
    layer = 2 * config.width * config.width  # queries, mixing
    layer += 2 * config.width * keys  # keys, values
    layer += 3 * config.width * config.hidden  # gate, up, down
    layer += 2 * config.width  # norms
    embeddings = (1 if config.tied else 2) * config.vocabulary * config.width
    return config.layers * layer + embeddings + config.width


def test_the_names_that_claims_may_use_are_those_that_can_be_built():
    assert LANGUAGE_MODELS == tuple(sorted(language_models.CONFIGS)) == tuple(COUNTS)


@pytest.mark.parametrize("model", COUNTS)
def test_a_decoder_has_the_published_number_of_weights(model):
    found = measure(model)
    assert found.evidence["parameters"] == COUNTS[model]
    assert COUNTS[model] == _reference_size(language_models.CONFIGS[model])
    inside = found.values["in_linear_layers"].value + found.values["in_embeddings"].value
    norms = found.values["all"].value - inside
    assert 0 < norms < 1e-3


@pytest.mark.parametrize("change", [{"layers": 15}, {"tied": False}, {"key_value_heads": 32}])
def test_another_configuration_has_another_size(change, monkeypatch):
    other = replace(language_models.CONFIGS["llama_3_2_1b"], **change)
    monkeypatch.setitem(language_models.CONFIGS, "llama_3_2_1b", other)
    found = measure("llama_3_2_1b").evidence["parameters"]
    assert found == _reference_size(other) != COUNTS["llama_3_2_1b"]


def test_a_model_that_does_not_exist_is_refused():
    params = LanguageModelSizeParams(model="llama_8b")
    with pytest.raises(ReproductionError, match="no language model named 'llama_8b'; there are"):
        measure_by_name("language_model_size", params, "cpu")
