"""Reproductions that claims name before they are written: free params, nothing to run."""

from pydantic import ConfigDict

from reproductions.contract import Convention, Params, Spec
from verify.index import PlannedReproduction


class FreeParams(Params):
    """Whatever a claim says will be measured; nobody has declared what may stand here yet."""

    model_config = ConfigDict(extra="allow")

    def subject(self) -> str | None:
        """Name the model, if the params do."""
        model = (self.__pydantic_extra__ or {}).get("model")
        return model if isinstance(model, str) else None

    def absent(self) -> str | None:
        """Say that nothing can be run with them."""
        return "no such reproduction yet"


def planned_spec(name: str, planned: PlannedReproduction) -> Spec:
    """Declare, for this project only, what is known of a reproduction to come."""
    return Spec(
        name=name,
        module=__name__,
        params=FreeParams,
        unit=planned.unit,
        conventions=(Convention(name="planned", counts="what it will count"),),
        better=planned.better,
        protocol=0,
        cost_s=0,
        time_limit_s=0,
        memory_limit_gib=0,
        tolerance=(planned.tolerance.by, planned.tolerance.unit) if planned.tolerance else None,
    )
