"""The one way to standard output."""

import sys


def say(line: str = "") -> None:
    """Write one line to standard output, as it is."""
    sys.stdout.write(f"{line}\n")
