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
    "clustervig_b": (
        735,
        "e94af7865c0e3915a2e56a1a1f75ba106e8ac7d886c39ff8d8fdeb75e02492a1",
    ),
    "clustervig_b_g4": (
        831,
        "3b1b19be517102d05894972842acc56aff9e9d780e24bbf8a01c04e9c5fd61c4",
    ),
    "clustervig_b_hr": (
        735,
        "b75dc5f5a1a20431dd8ddab82b20e0b2579bf211970bb23bb5ac54615b05c8b2",
    ),
    "clustervig_b_hr_g4": (
        831,
        "06374998c4e693f20923f9f13574e1f82b95185ce9313352832cd71cfe558b04",
    ),
    "clustervig_s": (
        735,
        "c938079bef2cabc44608180cda002c8e796966cb6dca5e74b8893d3fa4c90365",
    ),
    "clustervig_s_g4": (
        831,
        "9bb213055356f6b0bf4454ece6992e86fa24d1a096137b775abaffa78eda01dc",
    ),
    "clustervig_ti": (
        563,
        "e9cb26defe061dc355738c00c87baf626e181da2df26ba2138fd303bcf21bcc2",
    ),
    "greedyvig_b": (
        1137,
        "7ad070b2941a86a8c41f6e1a8f31788308747994728af72e12007ab64ef621d8",
    ),
    "greedyvig_m": (
        910,
        "362b1cc6b22d7beef575607a9112d30aad9cefe3394a11cae3cc287e2ee4166e",
    ),
    "greedyvig_s": (
        622,
        "e42b9e272622aeb8e74d58f2e902697e2337b7b93b0f642bf9bf9f5587963c4d",
    ),
    "mobilevig_b": (
        771,
        "98cda79e4251a6f749ddce3e7765ccc4d48cde0b016b951db116cd30fa21db6c",
    ),
    "mobilevig_m": (
        481,
        "20b95695f6a3950872611879acda12cb90495a62bfc54617729a58b43b3d7ccb",
    ),
    "mobilevig_s": (
        481,
        "350626ba4271e0a43bcabbc7d90676897ce5132c9fc0abebd8af9308fd245526",
    ),
    "mobilevig_ti": (
        336,
        "98ae56094073ec056279b5955335dc29e31d198ef97d87141004ff17b7cdc0a6",
    ),
    "mobilevigv2_b": (
        793,
        "67205933c50425bad0594281e2a187c54367819e081571e8cb314a008cefad2b",
    ),
    "mobilevigv2_m": (
        793,
        "279ab27e532f65ad9cc4104faa8b783b1486f0fbceb9179104e212662dd1b053",
    ),
    "mobilevigv2_s": (
        793,
        "a7248885b45f05b9bb45d7e4720365c6be2ed0cbdaa06df70819f6e8bcad7683",
    ),
    "mobilevigv2_ti": (
        544,
        "663d458ca89e9be4b216246914bda71d3a520a03c8ba6725fd60784ea6a2be8f",
    ),
    "pvg_l": (
        1031,
        "ea32d64dfade79f0ac9d0b4e4f96ff89d1d4926c89d0fc004bf00f211606dfe5",
    ),
    "pvg_m": (
        743,
        "0729a180f3863f0c91a7153940d3a10aec47a9d661cd5b0f01a6b17adc993db3",
    ),
    "pvg_s": (
        537,
        "76cabc596df4575ef019655022e2be1fba2b0870d2ce07b36bf15a4514bd36a5",
    ),
    "pvig_b": (
        916,
        "9e2cdd9092e96f5fbe603910aa28605fa2f300a2a84f2cf8fea4b84da44e6fc1",
    ),
    "pvig_m": (
        844,
        "a2dc2d1028949658f1df667e1fed4394bf86fe13873f528b76c54fe9246f0950",
    ),
    "pvig_s": (
        484,
        "9510154bff19a33581e79f56b46820ba0df53352da7a8a4f7bb61b9cbee277dd",
    ),
    "pvig_ti": (
        484,
        "177c1b7456b53b54a55d3d786eb3c616a45f366966daf51d70b218bd2522c0e0",
    ),
    "pvihgnn_b": (
        1108,
        "39e2740b23c4e2ffa491ccd7ae34ff1b471f26e4e7a58f59696e7271dd8af5d8",
    ),
    "pvihgnn_m": (
        1020,
        "ab05420edb8d023c4121671bf3502c2efd4a5acfad7e8f9666f4e81df6dd767c",
    ),
    "pvihgnn_s": (
        580,
        "25f6e447f93c69f8a67fc2ce4f10a0a4ca52d90a6e229b610e9812fa70ca8940",
    ),
    "pvihgnn_ti": (
        580,
        "b47381a0c5bd7426fe9cc8e0f0e9dd4962b3c7897352e7820ae632f6afe9c9c4",
    ),
    "pvt_large": (
        751,
        "4c1ef852bea33665baa6dba284313667e0f414bed808552f4168ab83b482ab5f",
    ),
    "pvt_medium": (
        517,
        "b88c493b8bf788840182d4bd539bada448909962738cbe059425ba6802bfcc44",
    ),
    "pvt_small": (
        301,
        "d36c7036bf0270901c0275762649942c98942e8cd963a9f089ecdb00c243616c",
    ),
    "pvt_tiny": (
        161,
        "93f50540864f62748c85e67edb526c0336392ccc7cd1599610194747082dc685",
    ),
    "vig_b": (
        605,
        "a7586241f55895b928b1b89854397b50c8b42965f6e656793dcfdfa797d5ee06",
    ),
    "vig_s": (
        605,
        "4e52a0cfa35a02bc504921f3201a3774dde04efaa843e10ae8007df3641a81d1",
    ),
    "vig_ti": (
        465,
        "0c7375618f2251b8cca051a346993384ad73d0a13ecc11c4cbc1ced11b7f1c99",
    ),
    "vihgnn_b": (
        733,
        "1a4857c6d6567960d0c94da34a713460e5a63faf886c0805aa81cfd7746c8cf2",
    ),
    "vihgnn_s": (
        733,
        "2585ab302b11122f1a5e524b056fe749b56abc5a4e6198f5d2394076942c4503",
    ),
    "vihgnn_ti": (
        561,
        "f0bc953d08be3d71003a1dd382d80e26b9194d28d7bfcaa9a97bcfaa2b5b775a",
    ),
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
