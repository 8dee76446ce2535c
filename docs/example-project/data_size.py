"""Data size: how many rows a data set has.

Protocol: count the rows that scikit-learn ships.
Cost: under 2 s, most of it scikit-learn's import. Source: the descriptions of the data.
"""

from typing import Literal

from reproductions.contract import (
    Convention,
    Device,
    Measurement,
    Quantity,
    Spec,
    declare,
    reproduction,
)
from shipped_data import ShippedParams, sklearn


class DataSizeParams(ShippedParams):
    """Which data set."""

    data: Literal["iris", "wine"]


declare(
    Spec(
        name="data_size",
        module=__name__,
        params=DataSizeParams,
        unit="samples",
        conventions=(Convention(name="rows", counts="every row once"),),
        better="none",
        protocol=1,
        cost_s=1,
        time_limit_s=120,
        memory_limit_gib=2,
    )
)


@reproduction
def data_size(params: DataSizeParams, device: Device) -> Measurement:
    """Count the rows of ``params.data``."""
    datasets = sklearn("datasets")
    loaded = datasets.load_iris() if params.data == "iris" else datasets.load_wine()
    return Measurement(values={"rows": Quantity.exact(len(loaded.data), "samples")})
