"""``python -m verify``."""

import sys

from verify.cli import script

if __name__ == "__main__":
    sys.exit(script())
