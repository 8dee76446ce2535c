"""Where the authors' weights are, and the transform of images they were trained with.

Imports no torch. The keys are those that timm's data pipeline and loader read from a model's
``pretrained_cfg``: ``timm.data.resolve_model_data_config(model)`` gives the transform.

Source: the authors' evaluation scripts (mean, std, crop) and release pages. Nothing is loaded
from there unless asked for.
"""

from typing import Any

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)

_HUAWEI = "https://github.com/huawei-noah/Efficient-AI-Backbones/releases/download"
_SLD = "https://huggingface.co/SLDGroup"

WEIGHTS = {
    "vig_ti": f"{_HUAWEI}/vig/vig_ti_74.5.pth",
    "vig_s": f"{_HUAWEI}/vig/vig_s_80.6.pth",
    "vig_b": f"{_HUAWEI}/vig/vig_b_82.6.pth",
    "pvig_ti": f"{_HUAWEI}/pyramid-vig/pvig_ti_78.5.pth.tar",
    "pvig_s": f"{_HUAWEI}/pyramid-vig/pvig_s_82.1.pth.tar",
    "pvig_m": f"{_HUAWEI}/pyramid-vig/pvig_m_83.1.pth.tar",
    "pvig_b": f"{_HUAWEI}/pyramid-vig/pvig_b_83.66.pth.tar",
    "mobilevig_s": f"{_SLD}/MobileViG/resolve/main/MobileViG_S_78_2.pth.tar",
    "mobilevig_m": f"{_SLD}/MobileViG/resolve/main/MobileViG_M_80_7.pth.tar",
    "mobilevig_b": f"{_SLD}/MobileViG/resolve/main/MobileViG_B_82_6.pth.tar",
    "mobilevigv2_ti": f"{_SLD}/MobileViGv2/resolve/main/MobileViG_V2_Ti_Class.pth",
    "mobilevigv2_s": f"{_SLD}/MobileViGv2/resolve/main/MobileViG_V2_S_Class.pth",
    "mobilevigv2_m": f"{_SLD}/MobileViGv2/resolve/main/MobileViG_V2_M_Class.pth",
    "mobilevigv2_b": f"{_SLD}/MobileViGv2/resolve/main/MobileViG_V2_B_Class.pth",
    "greedyvig_s": f"{_SLD}/GreedyViG/resolve/main/S_GreedyViG_81_1.pth",
    "greedyvig_m": f"{_SLD}/GreedyViG/resolve/main/M_GreedyViG_82_9.pth",
    "greedyvig_b": f"{_SLD}/GreedyViG/resolve/main/B_GreedyViG_83_9.pth",
}
"""Variant to the address of its weights, where the authors published some."""

_TRAINED_ON_HALVES = ("vig_", "pvig_", "vihgnn_", "pvihgnn_")
_FIXED_SIZE = (*_TRAINED_ON_HALVES, "clustervig_", "pvt_")
_TWO_HEADS = ("head.fc", "head.fc_distilled")
_DISTILLED = ("clustervig_", "greedyvig_", "mobilevig_", "mobilevigv2_")


def _first_conv(name: str) -> str:
    return "stages.0.patch_embed.proj" if name.startswith("pvt_") else "stem.0"


def pretrained_cfg(name: str) -> dict[str, Any]:
    """Describe the weights of variant ``name``, published or not, in timm's words.

    Example:
        >>> cfg = pretrained_cfg("pvig_b")
        >>> cfg["mean"], cfg["crop_pct"], cfg["interpolation"]
        ((0.5, 0.5, 0.5), 0.95, 'bicubic')
    """
    on_halves = name.startswith(_TRAINED_ON_HALVES)
    return {
        "architecture": name,
        "url": WEIGHTS.get(name),
        "num_classes": 1000,
        "input_size": (3, 224, 224),
        "fixed_input_size": name.startswith(_FIXED_SIZE),
        "pool_size": None,
        "interpolation": "bicubic",
        "crop_pct": 0.95 if name in {"pvig_b", "pvihgnn_b"} else 0.9,
        "crop_mode": "center",
        "first_conv": _first_conv(name),
        "classifier": ("head.fc", "head.fc_distilled")
        if name.startswith(_DISTILLED)
        else ("head.fc",),
        "mean": HALF if on_halves else IMAGENET_MEAN,
        "std": HALF if on_halves else IMAGENET_STD,
    }
