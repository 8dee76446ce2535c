"""Ledger to pages."""
