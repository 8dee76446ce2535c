"""Every module of this package that holds a reproduction, alphabetically: the one list."""

from reproductions import (
    anchors,
    architecture,
    block_latency,
    block_structure,
    cost_scaling,
    degc_module,
    graph_construction,
    graph_properties,
    graph_scaling,
    multiply_accumulates,
    parameter_count,
    partition_size,
    peak_memory,
    throughput,
    training_memory,
    update_rule,
)

__all__ = [
    "anchors",
    "architecture",
    "block_latency",
    "block_structure",
    "cost_scaling",
    "degc_module",
    "graph_construction",
    "graph_properties",
    "graph_scaling",
    "multiply_accumulates",
    "parameter_count",
    "partition_size",
    "peak_memory",
    "throughput",
    "training_memory",
    "update_rule",
]
