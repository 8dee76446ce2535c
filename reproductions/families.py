"""Every module of this package that holds a reproduction, alphabetically: the one list."""

from reproductions import anchors, architecture, multiply_accumulates, parameter_count, throughput

__all__ = ["anchors", "architecture", "multiply_accumulates", "parameter_count", "throughput"]
