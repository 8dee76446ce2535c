"""Leave-one-out accuracy of a classifier on the wine data, in percent.

Protocol: for each wine, train on all others with scikit-learn's defaults and predict it.
Cost: 2 s. Source: the description of the wine data, by S. Aeberhard and others, 1992.
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


class LeaveOneOutParams(ShippedParams):
    """Which classifier."""

    classifier: Literal["lda", "qda"]


declare(
    Spec(
        name="leave_one_out",
        module=__name__,
        params=LeaveOneOutParams,
        unit="percent",
        conventions=(Convention(name="accuracy", counts="wines whose class is predicted"),),
        better="higher",
        protocol=1,
        cost_s=2,
        time_limit_s=300,
        memory_limit_gib=2,
    )
)


@reproduction
def leave_one_out(params: LeaveOneOutParams, device: Device) -> Measurement:
    """Count the wines that ``params.classifier`` gets right."""
    analysis, selection = sklearn("discriminant_analysis"), sklearn("model_selection")
    name = {"lda": "LinearDiscriminantAnalysis", "qda": "QuadraticDiscriminantAnalysis"}
    model = getattr(analysis, name[params.classifier])()
    wines = sklearn("datasets").load_wine()
    folds = selection.LeaveOneOut()
    scores = selection.cross_val_score(model, wines.data, wines.target, cv=folds)
    right, tested = int(scores.sum()), len(scores)
    return Measurement(
        values={"accuracy": Quantity.exact(100 * right / tested, "percent")},
        evidence={"right": right, "tested": tested},
    )
