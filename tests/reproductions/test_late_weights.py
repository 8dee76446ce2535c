"""Weights drawn part by part: the model that their authors draw, and little memory."""

import pytest
import torch
from torch import nn

from reproductions.errors import NotMeasurableError
from reproductions.late_weights import late_weights
from reproductions.live_bytes import bytes_of
from reproductions.models import build_model

SMALLEST = (
    "clustervig_ti",
    "greedyvig_s",
    "mobilevig_ti",
    "mobilevigv2_ti",
    "pvg_s",
    "pvig_ti",
    "pvihgnn_ti",
    "pvt_tiny",
    "vig_ti",
    "vihgnn_ti",
)


def generator():
    return torch.Generator().manual_seed(1)


def weights_seen_in(model):
    """Collect, while a model runs, every weight of every part that is called."""
    seen = {}

    def collect(prefix):
        def hook(part, _args):
            for name, weight in part.named_parameters():
                if not weight.isnan().any():
                    seen[f"{prefix}.{name}"] = weight.detach().clone()

        return hook

    for name, part in model.named_modules():
        if name:
            part.register_forward_pre_hook(collect(name))
    return seen


@pytest.mark.parametrize("implementation", ["fast", "published"])
@pytest.mark.parametrize("name", SMALLEST)
def test_it_computes_what_a_model_with_the_same_weights_computes(name, implementation):
    def build():
        return build_model(name, num_classes=10, implementation=implementation)

    torch.manual_seed(0)
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad(), late_weights(build) as late:
        seen = weights_seen_in(late)
        found = late(images, generator())
    usual = build()
    usual.load_state_dict({**late.state_dict(), **seen})
    with torch.no_grad():
        assert torch.equal(usual(images, generator()), found)


@pytest.mark.parametrize("name", ["clustervig_ti", "greedyvig_s", "vig_ti"])
def test_weights_come_from_the_distribution_that_the_model_draws_from(name):
    def build():
        return build_model(name, num_classes=10)

    torch.manual_seed(0)
    usual = dict(build().named_parameters())
    with torch.no_grad(), late_weights(build) as late:
        seen = weights_seen_in(late)
        late(torch.rand(1, 3, 224, 224))
    large = [name for name, weight in seen.items() if weight.numel() > 10_000]
    assert len(large) > 20
    for weight in large:
        spread = usual[weight].std().item()
        assert seen[weight].std().item() == pytest.approx(spread, rel=0.1), weight
        assert not torch.equal(seen[weight], usual[weight])


def test_no_more_than_the_weights_of_one_part_live():
    def build():
        return build_model("vig_ti", num_classes=10)

    whole = bytes_of(build().parameters())
    lives = []
    with torch.no_grad(), late_weights(build) as late:
        for block in late.backbone:
            block.register_forward_hook(lambda *_: lives.append(bytes_of(late.parameters())))
        late(torch.rand(1, 3, 224, 224))
        after = bytes_of(late.parameters())
    assert len(lives) == 12
    assert max(lives) < whole / 5
    assert after < whole / 20


def test_the_same_seed_draws_the_same():
    def build():
        return build_model("mobilevig_ti", num_classes=10)

    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        images = torch.rand(1, 3, 64, 64)
        with torch.no_grad(), late_weights(build) as late:
            found.append(late(images))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


class Scaled(nn.Module):
    """Reads what it has drawn while it is built, and hands it on."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        with torch.no_grad():
            self.layer.weight.normal_()
            self.layer.weight.mul_(0).add_(2)
        self.total = float(self.layer.weight.detach().sum())
        self.handed_on = nn.Linear(4, 4)
        self.handed_on.weight.data.uniform_(3, 3)

    def forward(self, x):
        return self.handed_on(self.layer(x))


def test_what_is_read_while_building_has_its_value_and_keeps_it():
    with late_weights(Scaled) as model:
        assert model.total == 32
        assert model.layer.weight.unique().tolist() == [2]
        assert model.handed_on.weight.isnan().all()
        assert model(torch.zeros(1, 4)).isfinite().all()


class Around(nn.Module):
    """Reads a weight without calling the layer that it belongs to."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return x @ self.layer.weight


def test_an_output_that_rests_on_a_weight_of_no_part_is_refused():
    with late_weights(Around) as model, pytest.raises(NotMeasurableError, match="Around: want num"):
        model(torch.ones(1, 4))


def test_afterwards_nothing_is_watched():
    with late_weights(lambda: nn.Sequential(nn.Linear(2, 2))) as model:
        pass
    assert model(torch.ones(1, 2)).isnan().all()
