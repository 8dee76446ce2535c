"""Every module of this package that holds a reproduction, alphabetically: the one list."""

from reproductions import multiply_accumulates, parameter_count

__all__ = ["multiply_accumulates", "parameter_count"]
