"""One training step, and what it takes: peak memory, arithmetic, time.

A step is forward, cross-entropy against random labels, backward; with micro-batches the
gradients of their shares of the loss add up, so that the batch and its mean loss are the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from reproductions.checkpointing import checkpointed
from reproductions.graph_work import seconds
from reproductions.live_bytes import LiveBytes, bytes_of
from vig_models.classifier import Classifier

GIB = 2**30


@dataclass(frozen=True)
class Mode:
    """How a step keeps and computes activations."""

    checkpoints: str = "none"
    """``none``, ``layers``, ``graphers`` or ``segments``."""
    segments: int = 1
    micro_batches: int = 1


@dataclass(frozen=True)
class Peak:
    """The most memory that was taken, in bytes."""

    allocated: int
    """By tensors: weights, buffers, gradients, images and all that was computed."""
    held: int
    """By weights, buffers and images alone, before the step."""
    reserved: int | None = None
    """By torch's allocator; of a GPU."""
    driver: int | None = None
    """By everything on the card; of a GPU."""


def step(model: nn.Module, images: Tensor, labels: Tensor, mode: Mode) -> Tensor:
    """Run one step; gradients are left with the parameters.

    Args:
        model: in training mode; with checkpoints, one of ``vig_models``.
        images: (B, 3, H, W).
        labels: (B,), int64.
        mode: micro-batches divide B.

    Returns:
        The mean loss over the batch, a scalar without a graph.
    """
    total = torch.zeros((), device=images.device)
    model.zero_grad(set_to_none=True)
    with checkpointed(cast(Classifier, model), mode.checkpoints, mode.segments):
        for some, their in zip(
            images.chunk(mode.micro_batches), labels.chunk(mode.micro_batches), strict=True
        ):
            loss = loss_of(model(some), their) / mode.micro_batches
            torch.autograd.backward(loss)
            total = total + loss.detach()
    return total


def loss_of(logits: Tensor | tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
    """Give the mean cross-entropy, of both outputs of a distilled head."""
    if isinstance(logits, tuple):
        return sum((loss_of(one, labels) for one in logits), torch.zeros_like(logits[0].sum())) / 2
    return functional.cross_entropy(logits.float(), labels)


def peak_of(run: Callable[[], object], model: nn.Module, images: Tensor) -> Peak:
    """Run once and give the most memory it took, on the CPU by watching every operation."""
    held = bytes_of([*model.parameters(), *model.buffers(), images])
    if images.is_cuda:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        run()
        torch.cuda.synchronize()
        free, total = torch.cuda.mem_get_info()
        return Peak(
            torch.cuda.max_memory_allocated(),
            held,
            torch.cuda.max_memory_reserved(),
            total - free,
        )
    with LiveBytes() as memory:
        run()
    return Peak(held + memory.peak, held)


def operations_of(run: Callable[[], object]) -> int:
    """Count what convolutions and products of matrices execute, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def seconds_of(
    runs: Sequence[Callable[[], object]], device: torch.device, laps: int
) -> list[list[float]]:
    """Give the seconds of each run, ``laps`` of them after one that does not count.

    They take turns, so that a machine that slows down slows all of them.
    """
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(laps + 1):
        for run, its in zip(runs, taken, strict=True):
            start = seconds(str(device))
            run()
            its.append(seconds(str(device)) - start)
    return [its[1:] for its in taken]
