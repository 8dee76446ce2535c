"""Every counting convention a verdict may rest on, declared in one place.

Declared 2026-11-20, knowing the counts of the models in the tables then encoded:
which conventions exist is a fact of the field, which of them a paper used is
inferred from its own table, never chosen row by row.
"""

from reproductions.contract import Convention

PARAMETER_CONVENTIONS = (
    Convention(name="all", counts="every parameter, training form, every head"),
    Convention(name="trainable", counts="parameters that receive a gradient"),
    Convention(
        name="reparameterized",
        counts="every parameter after parallel branches are merged with their own "
        "BatchNorms, nothing else folded",
    ),
    Convention(
        name="bn_folded",
        counts="every parameter after each BatchNorm is folded into the convolution or "
        "linear layer directly before it (a bias is added where there was none)",
    ),
    Convention(name="single_head", counts="every parameter except a distillation head"),
)
