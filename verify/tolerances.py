"""What a claim is allowed where it states no tolerance: the default of its quantity."""

from collections.abc import Mapping

from reproductions.contract import Unit
from verify.claim import Claim, Tolerance
from verify.expect import Bound, Ratio, Value
from verify.need import Need


def with_default_tolerances(
    claims: Mapping[str, Claim], needs: Mapping[str, tuple[Need, ...]]
) -> dict[str, Claim]:
    """Give every claim on one printed number the tolerance of its reproduction."""
    return {id_: _with_default(claim, needs[id_]) for id_, claim in claims.items()}


def _with_default(claim: Claim, needs: tuple[Need, ...]) -> Claim:
    default = needs[0].spec.tolerance if needs else None
    if claim.tolerance is not None or default is None or not _takes(claim, needs, default[1]):
        return claim
    by, unit = default
    tolerance = Tolerance(
        by=by,
        unit=unit,
        basis="measured_noise",
        because=f"the default of {needs[0].reproduction}",
    )
    return claim.model_copy(update={"tolerance": tolerance})


def _takes(claim: Claim, needs: tuple[Need, ...], unit: Unit) -> bool:
    """Tell whether the default is meant for what the claim prints: a figure, or a ratio of two."""
    if isinstance(claim.expect, Ratio):
        relative = unit == "percent" and needs[0].spec.unit != "percent"
        return relative and len({need.reproduction for need in needs}) == 1
    return claim.reproduction is not None and isinstance(claim.expect, Value | Bound)
