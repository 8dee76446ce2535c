"""Verify: claims are read, measurements planned and judged, verdicts kept and published."""
