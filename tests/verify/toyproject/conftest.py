"""The toy project is material for tests, not a place of tests."""

collect_ignore_glob = ["*.py"]
