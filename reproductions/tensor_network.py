"""Tensor network: what a model saves whose matrices are products of two cores.

Protocol: build the decoder on the meta device and replace each linear layer inside it by a matrix
product operator of two sites. Outputs and inputs are cut in two factors as equal as can be,
O = o1 o2 and I = i1 i2; the cores are (o1, i1, bond) and (bond, o2, i2), and the bond is at most
min(o1 i1, o2 i2), with which any matrix can be written. Embeddings, output and norms stay.
``fewer`` is the percentage of all parameters that this saves; negative where it takes more.
``operations_ratio``: multiply-accumulates of a token through the cores, one after the other in
the cheaper order, over those through the matrices. How well a model still answers is not
measured.
Cost: under 1 s on a CPU. Source: A. Tomut et al., "CompactifAI: Extreme Compression of Large
Language Models using Quantum-Inspired Tensor Networks", arXiv:2401.14109.
"""

import math

from reproductions.catalog import TensorNetworkParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.language_models import build_language_model


@reproduction
def tensor_network(params: TensorNetworkParams, device: Device) -> Measurement:
    """Count what two cores of a bond dimension save; no device is needed for it."""
    model = build_language_model(params.model)
    shapes = [tuple(linear.weight.shape) for linear in model.inner_linears()]
    everything = sum(parameter.numel() for parameter in model.parameters())
    dense = sum(outputs * inputs for outputs, inputs in shapes)
    cores, operations = 0, 0
    for outputs, inputs in shapes:
        elements, products = two_cores(outputs, inputs, params.bond)
        cores += elements
        operations += products
    return Measurement(
        values={
            "fewer": Quantity.exact(100 * (dense - cores) / everything, "percent"),
            "operations_ratio": Quantity.exact(operations / dense, "ratio"),
        },
        facts={"cores": cores, "matrices": dense},
        evidence={"parameters": everything, "linear_layers": len(shapes)},
    )


def two_cores(outputs: int, inputs: int, bond: int) -> tuple[int, int]:
    """Count the elements of two cores, and the products that a vector through them takes.

    Args:
        outputs: O of a matrix (O, I).
        inputs: I.
        bond: bond dimension; what the matrix cannot use of it is cut.
    """
    (o1, o2), (i1, i2) = factors(outputs), factors(inputs)
    bond = min(bond, o1 * i1, o2 * i2)
    elements = bond * (o1 * i1 + o2 * i2)
    second_first = i1 * (bond * o2 * i2) + o2 * (o1 * i1 * bond)
    first_first = i2 * (o1 * i1 * bond) + o1 * (bond * o2 * i2)
    return elements, min(second_first, first_first)


def factors(number: int) -> tuple[int, int]:
    """Cut a number in two factors as equal as can be, the larger one first.

    Example:
        >>> factors(4096), factors(11_008), factors(7)
        ((64, 64), (128, 86), (7, 1))
    """
    small = next(one for one in range(math.isqrt(number), 0, -1) if number % one == 0)
    return number // small, small
