"""Fixtures shared by the tests of ``vig_models``."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from vig_models import family_of
from vig_models.naming import to_official
from vig_models.registry import family_module


@pytest.fixture(scope="session")
def golden() -> ModuleType:
    """Load ``golden.py`` beside this file; the tests are not a package."""
    path = Path(__file__).with_name("golden.py")
    spec = importlib.util.spec_from_file_location("vig_models_golden", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def float64() -> Iterator[None]:
    """Make float64 the default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(scope="session")
def official() -> Callable[[str, nn.Module], dict[str, Tensor]]:
    """Return the function that gives a model's state under the authors' names."""

    def rename(variant: str, model: nn.Module) -> dict[str, Tensor]:
        names = family_module(str(family_of(variant))).OFFICIAL_NAMES
        return {to_official(name, names): entry for name, entry in model.state_dict().items()}

    return rename
