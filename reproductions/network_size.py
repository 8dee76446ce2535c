"""Network size: parameters and layers of a convolutional network, with and without helpers.

Protocol: build the network on the meta device (plain_networks.py, or timm) and add up the
elements of its parameters; ``deployed`` leaves out classifiers that only training attaches,
``training`` has them, and both are equal where there are none. Facts: ``convolutions``, and
``weighted_layers``, which has the linear layers too; both of the deployed network.
Cost: under 1 s on a CPU. Source: sizes and depths that the abstracts compare.
"""

import torch
from torch import nn

from reproductions.catalog import NetworkSizeParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.models import build_model
from reproductions.plain_networks import AUXILIARY, NETWORKS, build_plain_network


@reproduction
def network_size(params: NetworkSizeParams, device: Device) -> Measurement:
    """Count parameters and layers of ``params.model``; no device is needed for it."""
    model = build_network(params.model, params.num_classes)
    everything = _num_elements(model)
    helpers = getattr(model, AUXILIARY, None)
    deployed = everything - (0 if helpers is None else _num_elements(helpers))
    convolutions, linears = _layers(model)
    return Measurement(
        values={
            "deployed": Quantity.exact(deployed / 1e6, "Mparam"),
            "training": Quantity.exact(everything / 1e6, "Mparam"),
        },
        facts={"convolutions": convolutions, "weighted_layers": convolutions + linears},
        evidence={"counts": {"deployed": deployed, "training": everything}},
    )


def build_network(name: str, num_classes: int) -> nn.Module:
    """Build a plain network or a model of timm on the meta device, in training mode."""
    with torch.device("meta"):
        if name in NETWORKS:
            return build_plain_network(name, num_classes)
        return build_model(name, num_classes=num_classes).train()


def _layers(model: nn.Module) -> tuple[int, int]:
    """Count the convolutions and the linear layers of what is deployed."""
    deployed = [
        module for name, module in model.named_modules() if name.partition(".")[0] != AUXILIARY
    ]
    return (
        sum(isinstance(module, nn.Conv2d) for module in deployed),
        sum(isinstance(module, nn.Linear) for module in deployed),
    )


def _num_elements(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
