"""Whether a machine was fit for a timing session: pure, and without torch.

A session is unfit if the known answers drifted by more than 3 % from its beginning to its end,
if the GPU slowed down because of heat or of its own hardware, if another process computed on it,
or if it was lost. A power cap is normal at full load and only remarked upon, as is the absence of
telemetry, or of any process at all: containers may hide them. A CPU shares its clocks with
everything else, and its drift is only remarked upon too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reproductions.contract import Measurement
from reproductions.telemetry import Summary

DRIFT = 0.03
"""Share by which an anchor may move."""
_EPSILON = 1e-12  # exactly 3 % is fit, whichever way the last bit of a quotient falls
_OVERLAP = 5
"""Readings in a row, a second of them, in which two processes may compute on a GPU.

Ours are one at a time, but the next may start before the driver has forgotten the last.
"""
_UNFIT = ("hardware_slowdown", "thermal_software", "thermal_hardware", "power_brake")


@dataclass(frozen=True)
class Fitness:
    """What is to be said of a session."""

    unfit: tuple[str, ...]
    """Why nothing it measured counts; empty if it was fit. One sentence each."""
    remarks: tuple[str, ...]


def fitness(
    opening: Measurement | None, closing: Measurement | None, watched: Summary, *, is_gpu: bool
) -> Fitness:
    """Judge a session.

    Args:
        opening: the anchors before; None if they could not be measured.
        closing: the anchors after.
        watched: what telemetry saw.
        is_gpu: whether it ran on a GPU.
    """
    unfit = list(_watched_unfit(watched))
    drifts = list(_drifts(opening, closing))
    remarks = list(_remarks(watched))
    (unfit if is_gpu else remarks).extend(drifts)
    return Fitness(tuple(unfit), tuple(remarks))


def _drifts(opening: Measurement | None, closing: Measurement | None) -> Iterator[str]:
    if opening is None or closing is None:
        yield "the anchors could not be measured before and after"
        return
    for name, before in opening.values.items():
        after = closing.values[name]
        drift = after.value / before.value - 1
        if abs(drift) > DRIFT + _EPSILON:
            yield (
                f"the anchor {name} drifted by {100 * drift:+.1f} %, from {before.value:.4g} to "
                f"{after.value:.4g} {before.unit}; at most {100 * DRIFT:g} % are allowed"
            )


def _watched_unfit(watched: Summary) -> Iterator[str]:
    slowed: Mapping[str, int] = watched.get("readings_slowed_by", {})
    for name in _UNFIT:
        if slowed.get(name):
            told = f"in {slowed[name]} of {watched['readings']} readings"
            yield f"the GPU slowed down ({name.replace('_', ' ')}) {told}"
    others, most = watched.get("other_processes", 0), watched.get("most_processes", 0)
    row = watched.get("readings_crowded", 0)
    if others:
        yield f"{others} other process(es) computed on the GPU before the session began"
    elif most > 2 or row > _OVERLAP:  # noqa: PLR2004  # ours and the one before it
        told = f"{most} processes computed on the GPU at once, {row} readings in a row"
        yield f"{told}; only one is ours"
    if watched.get("lost"):
        yield f"the GPU could no longer be read: {watched['lost']}"


def _remarks(watched: Summary) -> Iterator[str]:
    if not watched["available"]:
        yield f"no telemetry: {watched['because']}"
        return
    if not watched.get("most_processes"):
        yield "the driver shows no process, not even ours; whether others computed is not known"
    if capped := watched["readings_slowed_by"].get("power_cap"):
        yield f"the GPU was at its power cap in {capped} of {watched['readings']} readings"
