"""Column statistic: least, greatest and mean value and standard deviation of a measure, in cm.

Protocol: all rows that scikit-learn ships; the standard deviation is that of a sample, and that
of a population beside it, since documents seldom say which they mean.
Cost: under 2 s, most of it scikit-learn's import. Source: the summary statistics of iris.
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
from shipped_data import ColumnParams, column_of


class ColumnStatisticParams(ColumnParams):
    """Which measure of iris, and what of it."""

    statistic: Literal["least", "greatest", "mean", "deviation"]


declare(
    Spec(
        name="column_statistic",
        module=__name__,
        params=ColumnStatisticParams,
        unit="cm",
        conventions=(
            Convention(name="sample", counts="every row; squares divided by n - 1 of them"),
            Convention(name="population", counts="every row; squares divided by n of them"),
        ),
        better="none",
        protocol=1,
        cost_s=1,
        time_limit_s=120,
        memory_limit_gib=2,
    )
)


@reproduction
def column_statistic(params: ColumnStatisticParams, device: Device) -> Measurement:
    """Compute ``params.statistic`` of ``params.column``."""
    values, _ = column_of(params.column)
    count, mean = len(values), sum(values) / len(values)
    squares = sum((value - mean) ** 2 for value in values)
    found = {"least": min(values), "greatest": max(values), "mean": mean}
    figures = {
        "sample": found.get(params.statistic, (squares / (count - 1)) ** 0.5),
        "population": found.get(params.statistic, (squares / count) ** 0.5),
    }
    return Measurement(
        values={name: Quantity.exact(figure, "cm") for name, figure in figures.items()},
        evidence={"rows": count, "squares": squares},
    )
