"""Expert overhead: what a local expert and a gate add to LeNet-5, for two designs of our own.

Protocol: build LeNet-5 on the meta device as the global expert, and for each design a linear local
expert with an output a class and a linear gate with one output. ``pooled`` reads the means of the
16 maps before the first linear layer, ``readout`` the 84 outputs of the last hidden layer; both
add parameters in percent of the global expert's. ``_operations``: likewise their
multiply-accumulates, in percent of those of an image of 32 x 32. What is said of the design in a
work bounds neither; how well either classifies is not measured.
Cost: milliseconds on a CPU. Source: "A Mixture of Expert Approach for Low-Cost Customization of
Deep Neural Networks", arXiv:1811.00056.
"""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from reproductions.catalog import ExpertOverheadParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.network_size import build_network

_READ = {"pooled": 16, "readout": 84}
"""Design to the numbers that its expert and its gate read."""
_PER_PRODUCT = 2
"""Operations that the counter has for a multiply-accumulate."""


@reproduction
def expert_overhead(params: ExpertOverheadParams, device: Device) -> Measurement:
    """Count what both designs add; no device is needed for it."""
    model = build_network("lenet5", params.num_classes)
    everything = sum(parameter.numel() for parameter in model.parameters())
    operations = _products_of(model)
    values = {}
    for design, features in _READ.items():
        with torch.device("meta"):
            added = [nn.Linear(features, params.num_classes), nn.Linear(features, 1)]
        elements = sum(p.numel() for layer in added for p in layer.parameters())
        products = sum(layer.weight.numel() for layer in added)
        values[design] = Quantity.exact(100 * elements / everything, "percent")
        values[f"{design}_operations"] = Quantity.exact(100 * products / operations, "percent")
    return Measurement(
        values=values,
        facts={"parameters": everything},
        evidence={"multiply_accumulates": operations},
    )


def _products_of(model: nn.Module) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(1, 1, 32, 32, device="meta"))
    return int(counter.get_total_flops()) // _PER_PRODUCT
