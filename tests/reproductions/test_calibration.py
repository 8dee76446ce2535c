"""A null model's BatchNorms: they get the statistics of what they see, and nothing else changes."""

import torch
from torch import nn

from reproductions.calibration import calibrate


def network():
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.GELU(), nn.Conv2d(4, 5, 1))
    return nn.Sequential(*layers, nn.BatchNorm2d(5)).eval()


def batches():
    torch.manual_seed(1)
    return [3 + 2 * torch.randn(8, 3, 6, 6) for _ in range(3)]


@torch.no_grad()
def test_what_is_normalized_has_mean_0_and_variance_1():
    model = network()
    assert calibrate(model, batches()) == 24
    seen = torch.cat([model(images) for images in batches()])
    assert float(seen.mean(dim=(0, 2, 3)).abs().max()) < 0.05
    assert float((seen.var(dim=(0, 2, 3)) - 1).abs().max()) < 0.1


def test_the_average_over_batches_is_kept():
    model, first = network(), network()[0]
    calibrate(model, batches())
    means = torch.stack([first(images).mean(dim=(0, 2, 3)) for images in batches()]).mean(dim=0)
    torch.testing.assert_close(model[1].running_mean, means, rtol=1e-5, atol=1e-6)


def test_weights_modes_and_momentum_stay():
    model = network()
    before = {name: value.clone() for name, value in model.named_parameters()}
    calibrate(model, batches())
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())
    assert not any(part.training for part in model.modules())
    assert model[1].momentum == 0.1
