"""A measurement a claim needs: which reproduction, with which params."""

from dataclasses import dataclass
from functools import cached_property

from reproductions.contract import SPECS, Params, Spec
from verify.digest import digest


@dataclass(frozen=True)
class Need:
    """One reproduction with resolved params; claims with equal keys share one measurement."""

    reproduction: str
    params: Params

    @cached_property
    def key(self) -> str:
        """Identify the measurement: a hash over the reproduction's name and all its params."""
        return digest({"reproduction": self.reproduction, "params": self.params.model_dump()})

    @property
    def spec(self) -> Spec:
        """What is declared of the reproduction."""
        return SPECS[self.reproduction]

    def __str__(self) -> str:
        """Name it for a human: ``parameter_count of resnet50``."""
        subject = self.params.subject()
        return f"{self.reproduction} of {subject}" if subject else self.reproduction
