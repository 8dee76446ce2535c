"""What a claim is allowed where it states no tolerance: the default of its quantity."""

from collections.abc import Mapping

from verify.claim import Claim, Tolerance
from verify.expect import Bound, Value
from verify.need import Need


def with_default_tolerances(
    claims: Mapping[str, Claim], needs: Mapping[str, tuple[Need, ...]]
) -> dict[str, Claim]:
    """Give every claim on one printed number the tolerance of its reproduction."""
    return {id_: _with_default(claim, needs[id_]) for id_, claim in claims.items()}


def _with_default(claim: Claim, needs: tuple[Need, ...]) -> Claim:
    expect = claim.expect
    if claim.tolerance is not None or claim.reproduction is None or not needs:
        return claim
    default = needs[0].spec.tolerance
    if default is None or not isinstance(expect, Value | Bound):
        return claim
    by, unit = default
    tolerance = Tolerance(
        by=by,
        unit=unit,
        basis="measured_noise",
        because=f"the default of {claim.reproduction}",
    )
    return claim.model_copy(update={"tolerance": tolerance})
