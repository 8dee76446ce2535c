"""Every module of this package that holds a reproduction, alphabetically: the one list."""

from reproductions import (
    architecture,
    graph_construction,
    graph_scaling,
    multiply_accumulates,
    parameter_count,
)

__all__ = [
    "architecture",
    "graph_construction",
    "graph_scaling",
    "multiply_accumulates",
    "parameter_count",
]
