"""Class correlation: Pearson's correlation of a measure of iris with the number of the class.

Protocol: all rows that scikit-learn ships, classes numbered as it numbers them.
Cost: under 2 s, most of it scikit-learn's import. Source: the summary statistics of iris.
"""

from math import sqrt

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


class ClassCorrelationParams(ColumnParams):
    """Which measure of iris."""


declare(
    Spec(
        name="class_correlation",
        module=__name__,
        params=ClassCorrelationParams,
        unit="correlation",
        conventions=(Convention(name="pearson", counts="Pearson's coefficient"),),
        better="none",
        protocol=1,
        cost_s=1,
        time_limit_s=120,
        memory_limit_gib=2,
    )
)


@reproduction
def class_correlation(params: ClassCorrelationParams, device: Device) -> Measurement:
    """Correlate ``params.column`` with the class."""
    values, classes = column_of(params.column)
    count = len(values)
    mean, middle = sum(values) / count, sum(classes) / count
    pairs = list(zip(values, classes, strict=True))
    together = sum((value - mean) * (number - middle) for value, number in pairs)
    spread = sum((value - mean) ** 2 for value in values)
    classes_spread = sum((number - middle) ** 2 for number in classes)
    found = together / sqrt(spread * classes_spread)
    return Measurement(
        values={"pearson": Quantity.exact(found, "correlation")},
        evidence={"rows": count, "covariance_sum": together},
    )
