"""Two cores for a matrix: their elements, their products, and the matrix they can hold."""

import pytest
import torch

from reproductions import tensor_network as module
from reproductions.catalog import TensorNetworkParams
from reproductions.language_models import build_language_model
from reproductions.tensor_network import factors, two_cores


def measure(bond=512, model="llama_7b"):
    return module.tensor_network(TensorNetworkParams(model=model, bond=bond), "cpu")


@pytest.mark.parametrize(("outputs", "inputs"), [(12, 8), (6, 6), (7, 9)])
@pytest.mark.parametrize("bond", [1, 3, 1000])
def test_elements_and_products_are_those_of_real_cores(outputs, inputs, bond):
    (o1, o2), (i1, i2) = factors(outputs), factors(inputs)
    used = min(bond, o1 * i1, o2 * i2)
    first, second = torch.randn(o1, i1, used), torch.randn(used, o2, i2)
    elements, products = two_cores(outputs, inputs, bond)
    assert elements == first.numel() + second.numel()
    vector = torch.randn(i1, i2)
    by_second = torch.einsum("boi,ji->boj", second, vector)  # (used, o2, i1)
    result = torch.einsum("ajb,boj->ao", first, by_second)
    matrix = torch.einsum("aib,boj->aoij", first, second).reshape(outputs, inputs)
    torch.testing.assert_close(result.flatten(), matrix @ vector.flatten(), atol=1e-4, rtol=1e-4)
    second_first = used * o2 * i2 * i1 + o1 * i1 * used * o2
    first_first = o1 * i1 * used * i2 + used * o2 * i2 * o1
    assert products == min(second_first, first_first)


def test_the_largest_bond_holds_any_matrix():
    matrix = torch.randn(6, 4, dtype=torch.float64)
    (o1, o2), (i1, i2) = factors(6), factors(4)
    paired = matrix.reshape(o1, o2, i1, i2).permute(0, 2, 1, 3).reshape(o1 * i1, o2 * i2)
    left, values, right = torch.linalg.svd(paired, full_matrices=False)
    assert len(values) == min(o1 * i1, o2 * i2)
    torch.testing.assert_close(left * values @ right, paired, atol=1e-12, rtol=1e-12)


def test_a_larger_bond_saves_less_until_no_larger_one_can_be_used():
    found = [measure(bond).values["fewer"].value for bond in (128, 512, 1024, 4096, 100_000)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 90
    assert found[3] < 0  # two full cores hold more than the matrix
    assert measure(10**7).values["fewer"] == measure(10**8).values["fewer"]


def test_what_is_saved_is_of_all_parameters():
    found = measure()
    saved = found.facts["matrices"] - found.facts["cores"]
    wanted = 100 * saved / found.evidence["parameters"]
    assert found.values["fewer"].value == pytest.approx(wanted, abs=0, rel=1e-12)
    assert found.evidence["linear_layers"] == 7 * 32


def test_matrices_left_out_show(monkeypatch):
    whole = measure().values["fewer"].value
    model = build_language_model("llama_7b")
    del model.layers[16:]
    monkeypatch.setattr(module, "build_language_model", lambda _: model)
    assert measure().values["fewer"].value != whole
