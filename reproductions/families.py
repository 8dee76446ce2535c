"""Every module of this package that holds a reproduction, alphabetically: the one list."""

from reproductions import (
    anchors,
    architecture,
    graph_construction,
    graph_scaling,
    multiply_accumulates,
    parameter_count,
    peak_memory,
    throughput,
    training_memory,
    training_modes,
)

__all__ = [
    "anchors",
    "architecture",
    "graph_construction",
    "graph_scaling",
    "multiply_accumulates",
    "parameter_count",
    "peak_memory",
    "throughput",
    "training_memory",
    "training_modes",
]
