"""Weight formats: what the weights of a language model take in fewer bits.

Protocol: build the decoder on the meta device and add up the bytes of every weight as the format
lays it out, shared matrices once. GGUF's formats hold a block of weights in a fixed number of
bytes (ggml-common.h), here for every matrix, embeddings among them, which is the most they can
save; vectors stay in float32. ``gptq_4bit`` holds the linear layers inside the decoder in 4 bits,
with a scale in float16 and a zero point in 4 bits for each 128 inputs of each output, and an index
of 32 bits for each input; all else stays in float16.
Memory beyond weights (activations, caches, libraries) is not counted.
Cost: under 1 s on a CPU. Source: E. Frantar et al., "GPTQ", arXiv:2210.17323, as packed by
AutoGPTQ; https://github.com/ggml-org/llama.cpp, ggml-common.h.
"""

from collections.abc import Sequence
from fractions import Fraction

from torch import Tensor

from reproductions.catalog import WeightFormatsParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.language_models import LanguageModel, build_language_model

BLOCKS = {
    "q8_0": (34, 32),
    "q6_k": (210, 256),
    "q5_k": (176, 256),
    "q4_k": (144, 256),
    "q4_0": (18, 32),
    "q3_k": (110, 256),
    "q2_k": (84, 256),
    "iq2_xxs": (66, 256),
    "iq1_m": (56, 256),
    "iq1_s": (50, 256),
}
"""Bytes of a block and weights in it."""
_GROUP = 128


@reproduction
def weight_formats(params: WeightFormatsParams, device: Device) -> Measurement:
    """Measure what ``params.format`` saves of the bytes of ``params.model`` in float16."""
    model = build_language_model(params.model)
    weights = list(model.parameters())
    count = sum(weight.numel() for weight in weights)
    found, half = _bytes_of(model, weights, params.format), 2 * count
    return Measurement(
        values={
            "saved": Quantity.exact(float(100 * (1 - found / half)), "percent"),
            "gigabytes": Quantity.exact(float(found / 10**9), "GB"),
            "gigabytes_float16": Quantity.exact(half / 10**9, "GB"),
        },
        facts={"bits_per_weight": float(8 * found / count)},
        evidence={"bytes": float(found), "bytes_float16": half, "parameters": count},
    )


def _bytes_of(model: LanguageModel, weights: Sequence[Tensor], name: str) -> Fraction:
    if name == "gptq_4bit":
        packed = {linear.weight for linear in model.inner_linears()}
        rest = sum(2 * weight.numel() for weight in weights if weight not in packed)
        return Fraction(rest + sum(_gptq_bytes(*weight.shape) for weight in packed))
    if name == "float16":
        return Fraction(sum(2 * weight.numel() for weight in weights))
    size, block = BLOCKS[name]
    return sum(
        (
            Fraction(weight.numel() * size, block)
            if weight.dim() > 1
            else Fraction(4 * weight.numel())
            for weight in weights
        ),
        Fraction(0),
    )


def _gptq_bytes(outputs: int, inputs: int) -> int:
    groups = inputs // _GROUP
    four_bits = (inputs + groups) * outputs // 2  # weights and zero points
    return four_bits + 2 * groups * outputs + 4 * inputs
