"""Every module of this package that holds a reproduction, alphabetically: the one list."""

from reproductions import architecture, multiply_accumulates, parameter_count, throughput

__all__ = ["architecture", "multiply_accumulates", "parameter_count", "throughput"]
