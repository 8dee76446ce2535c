"""The data that scikit-learn ships, loaded only where something is measured."""

from importlib import import_module
from types import ModuleType

from reproductions.contract import NotMeasurableError, Params

SUPPLIER = "scikit-learn"
COLUMNS = ("sepal length", "sepal width", "petal length", "petal width")
"""Of iris, as scikit-learn orders them."""


class ShippedParams(Params):
    """Params of what is measured on data that scikit-learn ships."""

    def packages(self) -> tuple[str, ...]:
        """Name the package whose version counts: data and classifiers are its."""
        return (SUPPLIER,)


class ColumnParams(ShippedParams):
    """Which measure of iris."""

    column: str

    def absent(self) -> str | None:
        """Say so if there is no such measure."""
        return None if self.column in COLUMNS else f"no measure {self.column!r} in iris"


def sklearn(part: str) -> ModuleType:
    """Import a part of scikit-learn.

    Raises:
        NotMeasurableError: it is not installed.
    """
    try:
        return import_module(f"sklearn.{part}")
    except ImportError as error:
        raise NotMeasurableError(
            f"wants scikit-learn, found none ({error}); pip install scikit-learn"
        ) from error


def column_of(name: str) -> tuple[list[float], list[int]]:
    """Give a measure of iris and the classes, row by row."""
    iris = sklearn("datasets").load_iris()
    return iris.data[:, COLUMNS.index(name)].tolist(), iris.target.tolist()
