"""A claim under each way of measuring that was declared for it, side by side.

A reader sees what the verdict rests on, and what the print is without it. It decides nothing.
"""

from collections.abc import Mapping
from dataclasses import replace

from verify.claim import Claim
from verify.judge import judge
from verify.need import Need
from verify.project import Project
from verify.stored import Stored
from verify.verdict import Verdict

CORRECTED = "without the mistake"


def by_protocol(project: Project, stored: Mapping[str, Stored], claim: Claim) -> dict[str, Verdict]:
    """Judge a claim by the same rules under each of its other protocols alone.

    Returns:
        By the protocol's name; what is measured without a known mistake is among them, whether
        it was declared or not.
    """
    declared = project.protocols.get(claim.id, {})
    others: dict[str, tuple[Need, ...]] = {name: (need,) for name, need in declared.items()}
    right = project.without_mistakes(claim)
    if right and right not in others.values():
        others[CORRECTED] = right
    found = {}
    for name, needs in others.items():
        alone = replace(project, needs={**project.needs, claim.id: needs}, protocols={})
        found[name] = judge(alone, stored, [claim.id])[claim.id]
    return found
