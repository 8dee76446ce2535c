"""Reproductions: they measure. They have never heard of claims or expected values."""
