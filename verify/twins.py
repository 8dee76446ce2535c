"""Arithmetic over print, asked a second time of the models themselves."""

from collections.abc import Iterator, Mapping

from verify.claim import Claim
from verify.expect import Arithmetic, claims_in


def twins_of(claims: Mapping[str, Claim]) -> Iterator[Claim]:
    """Yield a ``.measured`` claim for each arithmetic claim whose inputs can all be measured."""
    for claim in claims.values():
        if not isinstance(claim.expect, Arithmetic) or claim.check == "none":
            continue
        inputs = [claims.get(id_) for id_ in claims_in(claim.expect)]
        if inputs and all(given is not None and given.reproduction for given in inputs):
            yield claim.model_copy(
                update={
                    "id": f"{claim.id}.measured",
                    "scope": "claim",
                    "twin_of": claim.id,
                    "known_verdict": None,
                }
            )
