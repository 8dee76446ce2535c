"""Language model size: how many weights a decoder holds.

Protocol: build the decoder on the meta device from its published configuration
(language_models.py) and add up the elements of its parameters; a matrix that is used twice
counts once. Facts: ``layers``, and the billions of weights in linear layers inside them and in
embeddings (the output layer among those).
Cost: under 1 s on a CPU. Source: sizes by which the abstracts call language models.
"""

from reproductions.catalog import LanguageModelSizeParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.language_models import build_language_model


@reproduction
def language_model_size(params: LanguageModelSizeParams, device: Device) -> Measurement:
    """Count the weights of ``params.model``, in billions; no device is needed for it."""
    model = build_language_model(params.model)
    everything = sum(parameter.numel() for parameter in model.parameters())
    inner = sum(linear.weight.numel() for linear in model.inner_linears())
    outer = {id(weight): weight.numel() for weight in (model.embedding.weight, model.output.weight)}
    return Measurement(
        values={
            "all": Quantity.exact(everything / 1e9, "Gparam"),
            "in_linear_layers": Quantity.exact(inner / 1e9, "Gparam"),
            "in_embeddings": Quantity.exact(sum(outer.values()) / 1e9, "Gparam"),
        },
        facts={"layers": len(model.layers)},
        evidence={"parameters": everything},
    )
