"""Vision graph neural networks, written from their papers and their authors' code.

``create_model(name)`` builds one, ``list_models()`` names them all. Importing this
package does not import torch; building a model does.

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

if TYPE_CHECKING:
    from vig_models.checkpoints import load_authors_state_dict

__all__ = ["ModelError", "create_model", "family_of", "list_models", "load_authors_state_dict"]


def __getattr__(name: str) -> object:
    """Import what needs torch on first use (PEP 562)."""
    if name == "load_authors_state_dict":
        return import_module("vig_models.checkpoints").load_authors_state_dict
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
