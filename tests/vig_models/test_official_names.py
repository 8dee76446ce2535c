"""The names and shapes of the authors' state dicts, pinned, against ours renamed."""

import hashlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vig_models import create_model, family_of, list_models
from vig_models.naming import from_official, to_official
from vig_models.registry import family_module

# Number of entries, and SHA-256 of the sorted lines "name<TAB>[shape]" joined by newlines, of
# the authors' models: https://github.com/huawei-noah/Efficient-AI-Backbones@f90e129.
OFFICIAL_ENTRIES = {
    "pvig_ti": (484, "177c1b7456b53b54a55d3d786eb3c616a45f366966daf51d70b218bd2522c0e0"),
    "pvig_s": (484, "9510154bff19a33581e79f56b46820ba0df53352da7a8a4f7bb61b9cbee277dd"),
    "pvig_m": (844, "a2dc2d1028949658f1df667e1fed4394bf86fe13873f528b76c54fe9246f0950"),
    "pvig_b": (916, "9e2cdd9092e96f5fbe603910aa28605fa2f300a2a84f2cf8fea4b84da44e6fc1"),
    "pvt_tiny": (161, "93f50540864f62748c85e67edb526c0336392ccc7cd1599610194747082dc685"),
    "pvt_small": (301, "d36c7036bf0270901c0275762649942c98942e8cd963a9f089ecdb00c243616c"),
    "pvt_medium": (517, "b88c493b8bf788840182d4bd539bada448909962738cbe059425ba6802bfcc44"),
    "pvt_large": (751, "4c1ef852bea33665baa6dba284313667e0f414bed808552f4168ab83b482ab5f"),
    "vig_ti": (465, "0c7375618f2251b8cca051a346993384ad73d0a13ecc11c4cbc1ced11b7f1c99"),
    "vig_s": (605, "4e52a0cfa35a02bc504921f3201a3774dde04efaa843e10ae8007df3641a81d1"),
    "vig_b": (605, "a7586241f55895b928b1b89854397b50c8b42965f6e656793dcfdfa797d5ee06"),
}


@pytest.mark.parametrize("variant", list_models())
def test_renamed_entries_are_those_of_the_authors(
    variant: str, official: Callable[[str, nn.Module], dict[str, Tensor]]
) -> None:
    with torch.device("meta"):
        state = official(variant, create_model(variant))
    lines = sorted(f"{name}\t{list(entry.shape)}" for name, entry in state.items())
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert (len(lines), digest) == OFFICIAL_ENTRIES[variant]


@pytest.mark.parametrize("variant", list_models())
def test_the_authors_entries_are_renamed_to_ours(
    variant: str, official: Callable[[str, nn.Module], dict[str, Tensor]]
) -> None:
    with torch.device("meta"):
        model = create_model(variant)
    module = family_module(str(family_of(variant)))
    renamed = [from_official(name, module.OFFICIAL_NAMES) for name in official(variant, model)]
    assert renamed == list(model.state_dict())


def test_the_first_prefix_that_fits_decides() -> None:
    renames = [("layer.{}.mlp.", "l.{}.1."), ("layer.{}.", "l.{}.0.")]
    assert to_official("layer.12.mlp.bias", renames) == "l.12.1.bias"
    assert to_official("layer.12.bias", renames) == "l.12.0.bias"


@pytest.mark.parametrize("rename", [to_official, from_official])
def test_a_name_without_a_pair_stays(rename: Callable[..., str]) -> None:
    assert rename("other.layer.1.bias", [("layer.{}.", "l.{}.0.")]) == "other.layer.1.bias"
