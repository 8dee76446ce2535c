"""Which card is the first that CUDA shows."""

from types import SimpleNamespace

import pytest

from reproductions.devices import first_visible

LIBRARY = SimpleNamespace(
    nvmlDeviceGetCount=lambda: 3,
    nvmlDeviceGetHandleByIndex=lambda index: f"card {index}",
    nvmlDeviceGetHandleByUUID=lambda uuid: f"part {uuid}",
    nvmlDeviceGetUUID=lambda card: f"GPU-{card[-1]}f00",
)


@pytest.mark.parametrize(
    ("listed", "card"),
    [
        pytest.param(None, "card 0", id="nothing said"),
        pytest.param("2", "card 2", id="one"),
        pytest.param("1,0", "card 1", id="the first of two"),
        pytest.param(" 1 ,0", "card 1", id="spaces"),
        pytest.param("GPU-2f00,GPU-1f00", "card 2", id="by name"),
        pytest.param("GPU-1", "card 1", id="by the start of a name"),
        pytest.param("GPU-9", None, id="by a name that no card has"),
        pytest.param("MIG-7", "part MIG-7", id="part of a card"),
        pytest.param("", None, id="none"),
        pytest.param("-1", None, id="minus one"),
        pytest.param("NoDevFiles", None, id="another word"),
    ],
)
def test_the_first_card_is_that_which_cuda_counts_first(listed, card):
    environ = {} if listed is None else {"CUDA_VISIBLE_DEVICES": listed}
    assert first_visible(LIBRARY, environ) == card
