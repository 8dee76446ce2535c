"""Running statistics: how often they move, and the momentum that makes n moves one."""

import pytest
import torch
from torch import nn

from reproductions.batchnorm import norms_of, updates_of, with_lower_momentum


def model_with(momentum=0.1):
    return nn.Sequential(nn.BatchNorm1d(3, momentum=momentum), nn.Linear(3, 3), nn.BatchNorm1d(3))


def test_norms_are_found_by_name_and_moves_are_counted():
    model = model_with()
    assert [name for name, _ in norms_of(model)] == ["0", "2"]
    assert updates_of(model) == {"0": 0, "2": 0}
    model(torch.randn(4, 3))
    assert updates_of(model) == {"0": 1, "2": 1}


@pytest.mark.parametrize("moves", [1, 2, 4])
@pytest.mark.parametrize("momentum", [0.01, 0.1, 0.5])
def test_several_moves_of_a_lower_momentum_go_as_far_as_one(moves, momentum):
    torch.manual_seed(0)
    plain = model_with(momentum)
    mended = with_lower_momentum(plain, {"0": moves, "2": 1})
    batch = torch.randn(16, 3) + 2
    plain(batch)
    for _ in range(moves):
        mended[0](batch)
    torch.testing.assert_close(mended[0].running_mean, plain[0].running_mean, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(mended[0].running_var, plain[0].running_var, atol=1e-6, rtol=1e-5)
    assert mended[2].momentum == plain[2].momentum


def test_the_model_given_stays_as_it_is_and_an_average_over_all_has_no_momentum():
    model = model_with(None)
    mended = with_lower_momentum(model, {"0": 2, "2": 2})
    assert mended[0].momentum is None
    assert model[2].momentum == 0.1
    assert mended[2].momentum < 0.1
