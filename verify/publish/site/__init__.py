"""Ledger to a static site: pages that people read, files that machines read."""
