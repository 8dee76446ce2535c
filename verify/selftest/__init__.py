"""The tool against itself: decoys, planted mistakes and noise of known truth."""
