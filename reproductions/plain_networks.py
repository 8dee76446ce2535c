"""Small and old convolutional networks that neither ``vig_models`` nor timm holds.

Each is a table of layers, built for its size and its activations; no weights are published here.
AlexNet: A. Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks",
NIPS 2012, Section 3.5, with its two groups. GoogLeNet: C. Szegedy et al., "Going Deeper with
Convolutions", arXiv:1409.4842, Table 1 and Section 5 (the two auxiliary classifiers). LeNet-5:
Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998, as it is commonly
built: full connections between maps and a linear output. SimpleNet: arXiv:1608.06037, code
https://github.com/Coderx7/SimpleNet_Pytorch@0f5ebc0, ``simplenet_cifar_5m`` (read, not copied).
WRN-40-2: S. Zagoruyko and N. Komodakis, "Wide Residual Networks", arXiv:1605.07146, Table 1.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

AUXILIARY = "auxiliary"
"""Module of a network that only training attaches."""


def build_plain_network(name: str, num_classes: int) -> nn.Module:
    """Build a network of this module with random weights, on the current default device.

    Args:
        name: one of ``NETWORKS``.
        num_classes: logits per image.

    Returns:
        A module from images to logits (B, num_classes).
    """
    return NETWORKS[name](num_classes)


def _alexnet(num_classes: int) -> nn.Module:
    """Build AlexNet for images (B, 3, 227, 227)."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, stride=2)

    return nn.Sequential(
        *(nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), pool()),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), pool()),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), pool()),
        nn.Flatten(),
        *(nn.Linear(256 * 6 * 6, 4096), nn.ReLU()),
        *(nn.Linear(4096, 4096), nn.ReLU()),
        nn.Linear(4096, num_classes),
    )


def _lenet5(num_classes: int) -> nn.Module:
    """Build LeNet-5 for images (B, 1, 32, 32)."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        nn.Flatten(),
        *(nn.Linear(16 * 5 * 5, 120), nn.Tanh()),
        *(nn.Linear(120, 84), nn.Tanh()),
        nn.Linear(84, num_classes),
    )


_SIMPLENET = (
    *((64, 3), (128, 3), (128, 3), (128, 3), "pool"),
    *((128, 3), (128, 3), (256, 3), "pool"),
    *((256, 3), (256, 3), "pool"),
    *((512, 3), (2048, 1), (256, 1), "pool", (256, 3)),
)
"""Channels and window of each convolution."""


def _simplenet(num_classes: int) -> nn.Module:
    """Build SimpleNet for images (B, 3, 32, 32)."""
    layers: list[nn.Module] = []
    channels = 3
    for layer in _SIMPLENET:
        if isinstance(layer, str):
            layers.append(nn.MaxPool2d(2))
            continue
        width, window = layer
        layers += [nn.Conv2d(channels, width, window, padding=window // 2)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    head = [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)]
    return nn.Sequential(*layers, *head)


_INCEPTION = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)  # Table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj
_POOL_BEFORE = (2, 7)  # modules 4a and 5a
_CLASSIFIED = (2, 5)  # outputs of modules 4a and 4d


class _Inception(nn.Module):
    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pooled = widths
        self.out_channels = one + three + five + pooled
        self.branches = nn.ModuleList(
            [
                nn.Sequential(*_convolution(channels, one, 1)),
                nn.Sequential(*_convolution(channels, reduce3, 1), *_convolution(reduce3, three)),
                nn.Sequential(*_convolution(channels, reduce5, 1), *_convolution(reduce5, five, 5)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), *_convolution(channels, pooled, 1)),
            ]
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Join the branches: (B, C, H, W) to (B, out_channels, H, W)."""
        return torch.cat([branch(maps) for branch in self.branches], dim=1)


class _GoogLeNet(nn.Module):
    """GoogLeNet for images (B, 3, 224, 224)."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            *(nn.Conv2d(3, 64, 7, stride=2, padding=3), nn.ReLU(), _halve()),
            *(*_convolution(64, 64, 1), *_convolution(64, 192), _halve()),
        )
        self.modules_ = nn.ModuleList()
        heads: dict[str, nn.Module] = {}
        channels = 192
        for number, widths in enumerate(_INCEPTION):
            module = _Inception(channels, widths)
            channels = module.out_channels
            self.modules_.append(module)
            if number in _CLASSIFIED:
                heads[str(number)] = _auxiliary(channels, num_classes)
        self.head = nn.Linear(channels, num_classes)
        self.add_module(AUXILIARY, nn.ModuleDict(heads))

    def forward(self, images: Tensor) -> Tensor:
        """Classify by the last head alone, as deployed."""
        maps = self.stem(images)  # (B, 192, 28, 28)
        for number, module in enumerate(self.modules_):
            maps = module(functional.max_pool2d(maps, 3, 2, 1) if number in _POOL_BEFORE else maps)
        features: Tensor = maps.mean(dim=(2, 3))  # (B, 1024)
        return self.head(features)  # type: ignore[no-any-return]  # modules are untyped


def _auxiliary(channels: int, num_classes: int) -> nn.Module:
    """Build an auxiliary classifier, from maps (B, channels, 14, 14) to logits."""
    return nn.Sequential(
        *(nn.AvgPool2d(5, 3), *_convolution(channels, 128, 1), nn.Flatten()),
        *(nn.Linear(128 * 4 * 4, 1024), nn.ReLU(), nn.Linear(1024, num_classes)),
    )


def _convolution(channels: int, width: int, window: int = 3) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(channels, width, window, padding=window // 2), nn.ReLU()


def _halve() -> nn.Module:
    return nn.MaxPool2d(3, 2, 1)


class _WideBlock(nn.Module):
    """Two convolutions behind BatchNorm and ReLU, and a way around them."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(channels), nn.BatchNorm2d(width)])
        self.first = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.around = (
            nn.Identity()
            if channels == width
            else nn.Conv2d(channels, width, 1, stride, bias=False)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Run the block: (B, C, H, W) to (B, width, H / stride, W / stride)."""
        active = self.norms[0](maps).relu()
        around = maps if isinstance(self.around, nn.Identity) else self.around(active)
        found: Tensor = self.second(self.norms[1](self.first(active)).relu()) + around
        return found


def _wrn_40_2(num_classes: int) -> nn.Module:
    """Build a wide residual network of 40 layers, twice as wide, for images (B, 3, 32, 32)."""
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1, bias=False)]
    channels = 16
    for group, width in enumerate((32, 64, 128)):
        for block in range(6):  # (40 - 4) / 6
            layers.append(_WideBlock(channels, width, 2 if group and not block else 1))
            channels = width
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)]
    return nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU(), *head)


NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "alexnet": _alexnet,
    "googlenet": _GoogLeNet,
    "lenet5": _lenet5,
    "simplenet": _simplenet,
    "wrn_40_2": _wrn_40_2,
}
