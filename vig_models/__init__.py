"""Vision graph neural networks, written from their papers and their authors' code.

``create_model(name)`` builds one, ``list_models()`` names them all; with timm imported,
``timm.create_model(name)`` builds them too. Each has two forms, ``fast`` and ``published``, with
the same weights and outputs. Importing this package does not import torch;
building a model does.

Axes, as every docstring below names them:

* **B** images of a batch
* **C** channels
* **H**, **W** rows and columns of a feature map
* **N** nodes, H x W of them in row-major order; the queries of a graph
* **M** keys, the nodes that may be chosen as neighbors (N, or fewer after pooling)
* **K** neighbors of a node

Example:
    >>> list_models("vig_*")
    ['vig_b', 'vig_s', 'vig_ti']
"""

from importlib import import_module
from typing import TYPE_CHECKING

from vig_models.errors import ModelError
from vig_models.registry import create_model, family_of, list_models
from vig_models.timm_hook import register_with_timm

if TYPE_CHECKING:
    from vig_models.checkpoints import load_authors_state_dict
    from vig_models.fusing import fuse

__all__ = [
    "ModelError",
    "create_model",
    "family_of",
    "fuse",
    "list_models",
    "load_authors_state_dict",
]

_NEED_TORCH = {"fuse": "fusing", "load_authors_state_dict": "checkpoints"}
"""What is imported on first use, and the module that holds it."""


register_with_timm()


def __getattr__(name: str) -> object:
    """Import what needs torch on first use (PEP 562)."""
    if name in _NEED_TORCH:
        return getattr(import_module(f"vig_models.{_NEED_TORCH[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
