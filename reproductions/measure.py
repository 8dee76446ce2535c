"""From a name and params to a measurement. Imports no torch until something is measured."""

import difflib
import importlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext

from pydantic import ValidationError
from pydantic_core import ErrorDetails

import reproductions.catalog  # noqa: F401  # declares the reproductions of this package
from reproductions.contract import REGISTRY, SPECS, Device, Measurement, Params, Spec
from reproductions.errors import ReproductionError


def import_modules(names: Iterable[str]) -> None:
    """Import modules that declare further reproductions.

    Raises:
        ReproductionError: there is no such module.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise ReproductionError(
                f"module {name!r}: want a module that can be imported, found none of that name; "
                "is its folder on the path?"
            ) from error


def spec_of(name: str) -> Spec:
    """Look a reproduction up.

    Raises:
        ReproductionError: there is none of that name.
    """
    if name not in SPECS:
        known = f"; known are {', '.join(sorted(SPECS))}"
        raise ReproductionError(f"no reproduction {name!r}{_guess(name, SPECS) or known}")
    return SPECS[name]


def parse_params(name: str, mapping: Mapping[str, object]) -> Params:
    """Check the params of one reproduction, as JSON types them: nothing is converted.

    Raises:
        ReproductionError: no such reproduction, or a param unknown, missing or mistyped.
    """
    spec = spec_of(name)
    try:
        return spec.params.model_validate_json(json.dumps(mapping))
    except TypeError as error:
        raise ReproductionError(f"{name}: want params that JSON can hold: {error}") from error
    except ValidationError as error:
        problems = "; ".join(_problem(spec, detail) for detail in error.errors())
        raise ReproductionError(f"{name}: {problems}") from error


def measure(name: str, params: Params, device: Device) -> Measurement:
    """Run one reproduction.

    Raises:
        ReproductionError: the params name something that does not exist.
        NotMeasurableError: an obstacle that the reproduction knows.
    """
    absent = params.absent()
    if absent is not None:
        raise ReproductionError(f"{name}: {absent}{params.suggestion()}")
    module = spec_of(name).module
    importlib.import_module(module)
    if name not in REGISTRY:
        raise ReproductionError(
            f"{name}: want a function {name!r} under @reproduction in {module}, found none; add it"
        )
    with _one_thread() if spec_of(name).beside else nullcontext():
        found = REGISTRY[name](params, device)
    if not isinstance(found, Measurement):
        raise ReproductionError(f"{name}: want a Measurement, got {found!r:.80}; return one")
    _check_units(spec_of(name), found)
    return found


@contextmanager
def _one_thread() -> Iterator[None]:
    torch = importlib.import_module("torch")  # which what is to be measured has imported
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_units(spec: Spec, found: Measurement) -> None:
    """Hold what is declared and measured in one unit: the number alone would be judged."""
    declared = {*(convention.name for convention in spec.conventions), *spec.units}
    for key in sorted(declared & found.values.keys()):
        wanted, unit = spec.unit_of(key), found.values[key].unit
        if unit != wanted:
            raise ReproductionError(
                f"{spec.name}: want {key} in {wanted}, as declared, got {unit}; mend either"
            )


def _problem(spec: Spec, detail: ErrorDetails) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    fields = spec.params.model_fields
    if detail["type"] == "extra_forbidden":
        known = f"; it takes {', '.join(fields)}"
        return f"no param {where!r}{_guess(where, fields) or known}"
    if detail["type"] == "missing":
        return f"param {where!r} is missing; add it"
    if not where:  # params that do not go together say so themselves
        return detail["msg"]
    wanted = detail["msg"].removeprefix("Input should be ")
    return f"param {where!r}: want {wanted}, found {detail['input']!r}"


def _guess(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
