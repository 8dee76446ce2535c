"""Every module of this package that holds a reproduction, alphabetically: the one list."""

from reproductions import (
    anchors,
    architecture,
    detection_ap,
    graph_construction,
    graph_scaling,
    multiply_accumulates,
    parameter_count,
    peak_memory,
    throughput,
    top1_accuracy,
    training_memory,
)

__all__ = [
    "anchors",
    "architecture",
    "detection_ap",
    "graph_construction",
    "graph_scaling",
    "multiply_accumulates",
    "parameter_count",
    "peak_memory",
    "throughput",
    "top1_accuracy",
    "training_memory",
]
