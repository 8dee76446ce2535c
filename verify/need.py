"""A measurement a claim needs: which reproduction, with which params."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import JsonValue

from reproductions.contract import SPECS, Params, Spec
from verify.digest import digest

WANTS_CUDA = "wants a CUDA device"
"""What is said of a measurement on a machine without one."""


@dataclass(frozen=True)
class Need:
    """One reproduction with resolved params; claims with equal keys share one measurement."""

    reproduction: str
    params: Params
    planned: Spec | None = field(default=None, compare=False)
    """What is known of a reproduction that is still to be written; None once it exists."""

    @cached_property
    def key(self) -> str:
        """Identify the measurement: a hash over the reproduction's name and all its params."""
        return digest({"reproduction": self.reproduction, "params": self.params.model_dump()})

    @property
    def column(self) -> tuple[str, str]:
        """Name it but for its model: what shares this is timed in turn, in the same processes."""
        return self.reproduction, repr(self.params.model_copy(update={"model": None}))

    @property
    def spec(self) -> Spec:
        """What is declared of the reproduction."""
        return self.planned or SPECS[self.reproduction]

    @property
    def runs_on_cpu(self) -> bool:
        """Whether any machine can measure it."""
        return not self.params.wants_cuda()

    def params_with(self, overrides: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Give the params with some of them changed, unchecked."""
        return {**self.params.model_dump(), **overrides}

    def under(self, overrides: Mapping[str, JsonValue]) -> "Need":
        """Give the same measurement with some params changed, which are known to fit."""
        params = type(self.params).model_validate(self.params_with(overrides))
        return Need(self.reproduction, params, self.planned)

    def corrected(self) -> "Need":
        """Give the same measurement without the mistake that is made in it."""
        return Need(self.reproduction, self.params.corrected(), self.planned)

    def absent(self) -> str | None:
        """Say in one clause what is still to be written; None if it can be measured."""
        if self.planned is not None:
            told = ", ".join(f"{key} {value}" for key, value in self.params.model_dump().items())
            return f"no reproduction named {self.reproduction} yet" + (f" ({told})" if told else "")
        absent, name = self.params.absent(), self.params.subject()
        return f"no model named {name} yet" if absent and name is not None else absent

    def __str__(self) -> str:
        """Name it for a human: ``parameter_count of resnet50``."""
        subject = self.params.subject()
        return f"{self.reproduction} of {subject}" if subject else self.reproduction
