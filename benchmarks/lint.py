"""Seconds that ``lint`` takes on generated projects: ``python -m benchmarks.lint [CLAIMS ...]``.

The first column is a fresh interpreter that starts, imports, reads and checks, the median of
five after one warm-up; the second is reading and checking alone. The budgets are 0.6 s for 800
claims and 6 s for 10,000.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from verify.load import load

INDEX = f"""schema: 1
sources:
  toyvig: {{title: "ToyViG: a generated document", file: toyvig.txt, sha256: {"a" * 64}}}
"""

SINGLE = """  - id: toyvig.parameter_count.subject_{number}
    statement: Model {number} has 11.7 M parameters.
    found_at: [{{table: "2", row: "Row {number}", column: "Params (M)"}}]
    reproduction: parameter_count
    params: {{model: resnet18, num_classes: {classes}}}
    expect: {{kind: value, printed: "11.7", unit: Mparam}}
"""

BLOCK = """  - table: {{table: "{number}", column: "Params (M)"}}
    title: Generated
    statement: "{{row}} has {{printed}} M parameters."
    reproduction: parameter_count
    params: {{num_classes: {classes}}}
    expect: {{kind: value, unit: Mparam}}
    rows:
"""

ROW = '      "Row {number}": {{printed: "11.7", model: resnet18, subject: subject_{number}}}\n'
ROWS = 40
REPEATS = 5
_NOT_KEPT = "PYTHONDONTWRITEBYTECODE"


def single_form(claims: int) -> str:
    """Write claims one by one, each with a measurement of its own."""
    entries = [SINGLE.format(number=number, classes=number + 1) for number in range(claims)]
    return "".join(["source: toyvig\nclaims:\n", *entries])


def table_form(claims: int) -> str:
    """Write claims as rows of tables with 40 rows each."""
    lines = ["source: toyvig\ntables:\n"]
    for number in range(claims):
        if number % ROWS == 0:
            lines.append(BLOCK.format(number=number // ROWS, classes=number + 1))
        lines.append(ROW.format(number=number))
    return "".join(lines)


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _measure(text: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "claims").mkdir()
        (root / "claims.yaml").write_text(INDEX)
        (root / "claims" / "toyvig.yaml").write_text(text)
        command = [sys.executable, "-m", "verify", "lint", "--project", folder]
        # As installed: compiled modules are kept.
        kept = {name: text for name, text in os.environ.items() if name != _NOT_KEPT}
        run = partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL, env=kept)
        _seconds(run)
        whole = statistics.median(_seconds(run) for _ in range(REPEATS))
        return whole, _seconds(lambda: load(root))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("claims", nargs="*", type=int, default=[800, 10_000])
    print(f"{'claims':>7} {'form':<7} {'process':>8} {'load':>8}")
    for claims in parser.parse_args().claims:
        for form, text in (("single", single_form(claims)), ("table", table_form(claims))):
            whole, alone = _measure(text)
            print(f"{claims:>7} {form:<7} {whole:>7.2f}s {alone:>7.2f}s")


if __name__ == "__main__":
    main()
