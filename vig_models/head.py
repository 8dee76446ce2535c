"""The classifier behind a backbone: average pooling, one hidden layer, one or two outputs.

Source: https://github.com/huawei-noah/Efficient-AI-Backbones@f90e129, vig_pytorch/vig.py (one
output), and https://github.com/SLDGroup/MobileViG@087df4f (two, after DeiT: H. Touvron et al.,
"Training data-efficient image transformers & distillation through attention",
arXiv:2012.12877, Section 4); read, not copied.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vig_models.layers import conv_bn, initialize_convs, initialize_linears
from vig_models.naming import Renames

HIDDEN_CHANNELS = 1024
"""Hidden width in ViG and the families that follow it."""


OFFICIAL_DISTILLED_NAMES: Renames = (
    ("head.hidden.0.", "prediction.1."),
    ("head.hidden.1.", "prediction.2."),
    ("head.fc.", "head."),
    ("head.fc_distilled.", "dist_head."),
)
"""Prefixes of our state-dict entries of a distilled head and of the authors'."""


class Head(nn.Module):
    """Average pooling, a hidden layer, and a linear map to the logits of each class.

    With ``distilled`` there is a second linear map, trained towards a teacher: while
    training both logits are returned, otherwise their mean. Without classes the hidden
    features are returned.
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        *,
        hidden_channels: int = HIDDEN_CHANNELS,
        distilled: bool = False,
    ) -> None:
        """Make a head for maps of ``channels`` channels."""
        super().__init__()
        self.num_features = channels
        self.hidden_channels = hidden_channels
        self.distilled = distilled
        self.distilled_training = distilled
        self.hidden = conv_bn(channels, hidden_channels).append(nn.GELU())
        self.hidden.append(nn.Dropout(0.0))  # the authors' rate in every variant
        self.reset(num_classes)

    def reset(self, num_classes: int) -> None:
        """Put fresh outputs for ``num_classes`` classes (0: none) in the place of the old."""
        self.num_classes = num_classes
        self.fc = self._output()
        if self.distilled:
            self.fc_distilled = self._output()

    def outputs(self) -> nn.Module | tuple[nn.Module, nn.Module]:
        """Return the linear map to the logits, or both of them."""
        return (self.fc, self.fc_distilled) if self.distilled else self.fc

    def forward(self, x: Tensor, *, pre_logits: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Classify a map.

        Args:
            x: (B, C, H, W).
            pre_logits: stop before the linear map to the logits.

        Returns:
            Logits, (B, num_classes); two of them where a distilled head is training. Hidden
            features, (B, hidden_channels), with ``pre_logits`` or without classes.
        """
        pooled = functional.adaptive_avg_pool2d(x, 1)  # (B, C, 1, 1)
        hidden = self.hidden(pooled)  # (B, hidden_channels, 1, 1)
        if pre_logits or self.num_classes == 0:
            return cast(Tensor, hidden.flatten(1))
        logits: Tensor = self.fc(hidden).flatten(1)  # (B, num_classes)
        if not self.distilled:
            return logits
        distilled: Tensor = self.fc_distilled(hidden).flatten(1)  # (B, num_classes)
        if self.training and self.distilled_training:
            return logits, distilled
        return (logits + distilled) / 2

    def _output(self) -> nn.Module:
        if self.num_classes == 0:
            return nn.Identity()
        like = cast(Tensor, self.hidden[0].weight)
        output = nn.Conv2d(self.hidden_channels, self.num_classes, kernel_size=1)
        initialize_convs(output)
        return output.to(like.device, like.dtype)


class LinearHead(nn.Module):
    """A linear map from pooled features to the logits of each class, as in transformers."""

    def __init__(self, channels: int, num_classes: int) -> None:
        """Make a head for ``channels`` features."""
        super().__init__()
        self.num_features = channels
        self.hidden_channels = channels
        self.fc: nn.Module = nn.Linear(channels, num_classes) if num_classes else nn.Identity()

    def reset(self, num_classes: int) -> None:
        """Put a fresh map to ``num_classes`` classes (0: none) in the place of the old."""
        like = next(self.fc.parameters(), torch.empty(0))
        self.fc = LinearHead(self.num_features, num_classes).fc.to(like.device, like.dtype)
        initialize_linears(self.fc)

    def outputs(self) -> nn.Module:
        """Return the linear map to the logits."""
        return self.fc

    def forward(self, x: Tensor, *, pre_logits: bool = False) -> Tensor:
        """Classify pooled features.

        Args:
            x: (B, C).
            pre_logits: return them as they are.

        Returns:
            Logits, (B, num_classes), or features, (B, C), with ``pre_logits`` or no classes.
        """
        return x if pre_logits else cast(Tensor, self.fc(x))
