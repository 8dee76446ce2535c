"""Measure one thing by hand: ``python -m reproductions NAME '{"param": value}'``.

Prints the measurement as JSON. Exit codes: 0 measured, 2 bad input, 3 not measurable here,
130 interrupted, 141 nobody read it to the end.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from reproductions.artifacts import use_catalogue
from reproductions.contract import SPECS, Params, Spec
from reproductions.errors import NotMeasurableError, ReproductionError
from reproductions.measure import import_modules, measure, parse_params


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or list what can be measured; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        import_modules(options.module)
        use_catalogue(options.artifacts)
        if options.list or options.name is None:
            print(_listing())
        else:
            print(_measured(options.name, options.params, options.device))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone (`| head`); keep the interpreter from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except NotMeasurableError as error:
        print(error, file=sys.stderr)
        return 3
    except ReproductionError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reproductions", description=__doc__)
    parser.add_argument("name", nargs="?", help="reproduction; without one, all are listed")
    parser.add_argument("params", nargs="?", default="{}", help="its params as a JSON object")
    parser.add_argument("--device", default="cpu", help="as torch names it (default: cpu)")
    parser.add_argument("--list", action="store_true", help="name the reproductions, their params")
    parser.add_argument(
        "--module",
        action="append",
        default=[],
        metavar="NAME",
        help="import a module with further reproductions; may be repeated",
    )
    parser.add_argument(
        "--artifacts",
        type=Path,
        metavar="FILE",
        help="a catalogue of further weights and data sets",
    )
    return parser


def _measured(name: str, text: str, device: str) -> str:
    params = parse_params(name, _object(text))
    with contextlib.redirect_stdout(sys.stderr):  # whatever libraries print
        measurement = measure(name, params, device)
    shown = {
        "reproduction": name,
        "params": params.model_dump(mode="json"),
        "measurement": measurement.model_dump(mode="json"),
    }
    return json.dumps(shown, indent=2)


def _object(text: str) -> dict[str, object]:
    try:
        params = json.loads(text)
    except json.JSONDecodeError as error:
        raise ReproductionError(f"params: want a JSON object, got {text!r} ({error})") from error
    if not isinstance(params, dict):
        raise ReproductionError(f"params: want a JSON object, got {text!r}")
    return params


def _listing() -> str:
    return "\n".join(_described(SPECS[name]) for name in sorted(SPECS))


def _described(spec: Spec) -> str:
    return f"{spec.name} ({_signature(spec.params)}) in {spec.unit}: {spec.keys_told()}"


def _signature(params: type[Params]) -> str:
    fields = params.model_fields.items()
    return ", ".join(
        name if field.is_required() else f"{name} = {json.dumps(field.default)}"
        for name, field in fields
    )


if __name__ == "__main__":
    sys.exit(main())
