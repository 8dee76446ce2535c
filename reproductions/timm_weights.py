"""Where timm has its weights: asked of the installed timm, so that nothing is copied from it."""

from importlib import import_module

from reproductions.errors import ReproductionError

__all__ = ["timm_address"]

_HUB = "https://huggingface.co"
_FILE = "model.safetensors"


def timm_address(tagged: str) -> str:
    """Give the address of pretrained weights of timm.

    Args:
        tagged: the model's name and the tag of its weights, such as ``resnet18.tv_in1k``.

    Raises:
        ReproductionError: the installed timm has no such weights.
    """
    # Here, so that what needs no weights of timm does not load torch.
    timm = import_module("timm")
    try:
        config = timm.get_pretrained_cfg(tagged)
    except RuntimeError:  # the model has weights, but none with this tag
        config = None
    hub = config.hf_hub_id if config is not None else None
    if hub:
        repository, _, revision = str(hub).partition("@")
        file = config.hf_hub_filename or _FILE
        return f"{_HUB}/{repository}/resolve/{revision or 'main'}/{file}"
    if config is None or not config.url:
        raise ReproductionError(
            f"want weights {tagged!r} in timm {timm.__version__}, found none; install the timm "
            "that this was tested with (constraints.txt)"
        )
    return str(config.url)
