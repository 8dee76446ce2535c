"""What each command does: load, run or judge, show. A module each, so that none loads another's."""

import argparse

DONE, FOUND, ERROR = 0, 1, 3
"""Exit codes."""
Options = argparse.Namespace
