"""What every model here is to its user: images in, logits out, the methods of a timm model.

The one base class of this package. The families share no layers by inheritance, but what
follows from having an embedding, layers and a head, and nothing else, stands here once.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Protocol, Self, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vig_models.errors import ModelError
from vig_models.graph import BlockGraph, Graph
from vig_models.head import Head, LinearHead

Logits = Tensor | tuple[Tensor, Tensor]
"""(B, num_classes); two of them while a distilled head is training."""


class Config(Protocol):
    """What the configs of all families have; each is a frozen dataclass."""

    @property
    def num_classes(self) -> int:
        """Logits per image; 0 leaves the last linear map away."""

    @property
    def in_chans(self) -> int:
        """Channels of an image."""

    @property
    def implementation(self) -> str:
        """``fast`` or ``published``."""


class Classifier(nn.Module):
    """A backbone between an embedding and a head.

    A family's model supplies ``config``, ``backbone`` and ``head``, and says in ``embed`` how
    images become the first map, or writes ``forward_features`` and ``forward_head`` itself. A
    layer of the backbone maps x to x; one whose class says ``draws = True`` draws random numbers,
    also in evaluation, and takes a generator (or None) as second argument. A block with a graph
    has a child ``grapher``, called once per forward pass, which hands its arguments to its method
    ``search`` and works on with what that finds; its method ``graph`` describes what was found.
    """

    config: Any  # a Config; each family knows its own
    backbone: nn.Sequential
    head: Head | LinearHead
    pretrained_cfg: dict[str, Any]
    """How the authors' weights were trained and where they are, in timm's words."""

    def __init__(self) -> None:
        """Prepare for the parts that the family adds."""
        super().__init__()
        self.grad_checkpointing = False

    def embed(self, images: Tensor) -> Tensor:
        """Make the first map: (B, in_chans, H, W) -> (B, C, H', W')."""
        raise NotImplementedError

    def lay_out(self, images: Tensor) -> Tensor:
        """Put the channels of each pixel side by side where convolutions are faster so."""
        if self.config.implementation == "fast" and images.device.type == "cpu":
            return images.contiguous(memory_format=torch.channels_last)
        return images

    def layers(self) -> Iterator[nn.Module]:
        """Go through the layers of the backbone in the order in which they run."""
        yield from self.backbone

    def forward_features(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Compute the map behind the last block.

        Args:
            images: (B, in_chans, H, W), normalized as in training.
            generator: where families that draw random numbers draw from; None is torch's
                default one. On the device of the images.

        Returns:
            (B, num_features, H', W').

        Raises:
            ModelError: for images of a shape that the model does not take.
        """
        x = self.embed(self.lay_out(images))
        for layer in self.layers():
            x = self._run(layer, x, generator)
        return x

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Logits:
        """Classify the map behind the last block.

        Args:
            x: (B, num_features, H', W').
            pre_logits: stop before the last linear map.

        Returns:
            Logits, (B, num_classes), or features, (B, head_hidden_size).
        """
        return cast(Logits, self.head(x, pre_logits=pre_logits))

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Logits:
        """Classify images.

        Args:
            images: (B, in_chans, H, W), normalized as in training.
            generator: where families that draw random numbers draw from; None is torch's
                default one. On the device of the images.

        Returns:
            Logits, (B, num_classes); two of them while a distilled head is training.

        Raises:
            ModelError: for images of a shape that the model does not take.
        """
        return self.forward_head(self.forward_features(images, generator))

    def forward_graphs(
        self, images: Tensor, generator: torch.Generator | None = None
    ) -> list[BlockGraph]:
        """Classify images and keep the graph of every block; see ``show_graphs``.

        Returns:
            Graphs in the order in which the blocks run; none for a model without a graph.
        """
        graphs: list[BlockGraph] = []
        self.show_graphs(images, graphs.append, generator)
        return graphs

    @torch.no_grad()
    def show_graphs(
        self,
        images: Tensor,
        see: Callable[[BlockGraph], object],
        generator: torch.Generator | None = None,
    ) -> None:
        """Classify images and show the graph of every block, as soon as the block is done.

        Args:
            images: (B, in_chans, H, W), normalized as in training.
            see: is called with each graph, in the order in which the blocks run.
            generator: as for ``forward``.

        Raises:
            ModelError: in training mode, where looking would move the statistics of BatchNorms.
        """
        if self.training:
            raise ModelError("forward_graphs: want a model in evaluation mode; call eval() before")
        with ExitStack() as hooks:
            for name, block in self.named_modules():
                grapher = block._modules.get("grapher")
                if grapher is not None:
                    watch = hooks.enter_context(_Watch(name, grapher, see))
                    hooks.enter_context(block.register_forward_hook(watch.leave))
            self(images, generator)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep only the inputs of the layers for backward, and run each layer once more there."""
        self.grad_checkpointing = enable

    def set_distilled_training(self, enable: bool = True) -> None:
        """Return both logits of a distilled head while training (as made), or their mean."""
        if isinstance(self.head, Head):
            self.head.distilled_training = enable

    def get_classifier(self) -> nn.Module | tuple[nn.Module, nn.Module]:
        """Return the last linear map, or both of a distilled head."""
        return self.head.outputs()

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Put a fresh last linear map in the place of the old.

        Args:
            num_classes: logits per image; 0 leaves features, (B, head_hidden_size).
            global_pool: ``avg`` or None; these models have no other pooling.

        Raises:
            ModelError: for a negative number of classes or another pooling.
        """
        if num_classes < 0 or global_pool not in {None, "avg"}:
            raise ModelError(
                "reset_classifier: want 0 or more classes and the pooling 'avg', "
                f"got {num_classes!r} and {global_pool!r}"
            )
        self.head.reset(num_classes)
        self.config = replace(self.config, num_classes=num_classes)

    @property
    def num_classes(self) -> int:
        """Logits per image; 0 without a last linear map."""
        return int(self.config.num_classes)

    @property
    def num_features(self) -> int:
        """Channels of the map behind the last block."""
        return self.head.num_features

    @property
    def head_hidden_size(self) -> int:
        """Features that the last linear map reads."""
        return self.head.hidden_channels

    def _run(self, layer: nn.Module, x: Tensor, generator: torch.Generator | None) -> Tensor:
        draws = getattr(layer, "draws", False)
        if not (self.grad_checkpointing and torch.is_grad_enabled()):
            return cast(Tensor, layer(x, generator) if draws else layer(x))
        if generator is None or not draws:  # the default generators are rewound by checkpoint
            return cast(Tensor, checkpoint(layer, x, use_reentrant=False))
        start, ends = generator.clone_state(), []

        def replay(x: Tensor) -> Tensor:
            again = start.clone_state()
            ends.append(again)
            return cast(Tensor, layer(x, again))

        result: Tensor = checkpoint(replay, x, use_reentrant=False)
        generator.set_state(ends[0].get_state())
        return result


class _Watch:
    """Shows the graph of one block while the model runs."""

    def __init__(self, name: str, grapher: nn.Module, see: Callable[[BlockGraph], object]) -> None:
        self._name = name
        self._grapher = cast(Any, grapher)
        self._see = see
        self._graph: Graph | None = None

    def __enter__(self) -> Self:
        search = self._grapher.search

        def overheard(*args: Any) -> Any:
            found = search(*args)
            self._graph = self._grapher.graph(*found)
            return found

        self._grapher.search = overheard
        return self

    def __exit__(self, *_: object) -> None:
        del self._grapher.search

    def leave(self, _block: nn.Module, _args: object, output: Tensor) -> None:
        """Forward hook of the block."""
        if self._graph is not None:
            self._see(BlockGraph(name=self._name, graph=self._graph, output=output))
            self._graph = None
