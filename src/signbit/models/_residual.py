"""What the residual networks share: a shortcut around every binary convolution."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from signbit.layers import BinaryConv2d
from signbit.models._blocks import check_choice

SHORTCUTS = ("real", "binary", "duplicate")
STEMS = ("cifar", "imagenet")
# From width of the input, width of the output and stride to a convolution.
MakeConv = Callable[[int, int, int], nn.Module]


class ResidualConv(nn.Module):
    """activation(batch norm(convolution(x)) + shortcut(x)); input and output are real.

    Shape:  (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride), rounded up.
    Source: Bi-Real Net, arXiv:1808.00278.
    """

    def __init__(self, conv: BinaryConv2d, shortcut: nn.Module, activation: nn.Module):
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(conv.out_channels)
        self.shortcut = shortcut
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """The activation of the sum of the two paths."""
        return self.activation(self.norm(self.conv(x)) + self.shortcut(x))


class Duplicate(nn.Module):
    """Repeat all channels `times` times: this widens a map without parameters."""

    def __init__(self, times: int):
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, times * C, H, W)."""
        return torch.cat([x] * self.times, 1)

    def extra_repr(self) -> str:
        """The number of repeats."""
        return str(self.times)


def shortcut(width_in: int, width_out: int, stride: int, kind: str, **quantizers: Any) -> nn.Module:
    """The shortcut around a convolution: the identity, or average pooling and a change of width.

    kind: "real" and "binary" widen with a 1x1 convolution and a batch norm; "duplicate" repeats
        the channels.

    Raises: UsageError for another kind.
    """
    check_choice("shortcut", kind, SHORTCUTS)
    if (width_in, stride) == (width_out, 1):
        return nn.Identity()
    pool = mean_pool(stride)
    if kind == "duplicate":
        times = width_out // width_in
        return nn.Sequential(pool, Duplicate(times)) if times > 1 else pool
    sizes: dict[str, Any] = {"in_channels": width_in, "out_channels": width_out, "kernel_size": 1}
    widen = (
        nn.Conv2d(**sizes, bias=False)
        if kind == "real"
        else BinaryConv2d(**sizes, bias=False, **quantizers)
    )
    return nn.Sequential(pool, widen, nn.BatchNorm2d(width_out))


def mean_pool(stride: int) -> nn.Module:
    """The mean over windows of stride x stride; odd sizes are rounded up, as in a convolution."""
    if stride == 1:
        return nn.Identity()
    return nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False)


def sections(widths: Sequence[int], convolutions: int, make: MakeConv) -> nn.Sequential:
    """A section per width. Each has that many convolutions. All but the first halve the map."""
    parts = []
    for index, (width_in, width) in enumerate(pairwise([widths[0], *widths])):
        first = make(width_in, width, 1 if index == 0 else 2)
        more = [make(width, width, 1) for _ in range(convolutions - 1)]
        parts.append(nn.Sequential(first, *more))
    return nn.Sequential(*parts)


def stem(kind: str, in_channels: int, width: int) -> nn.Sequential:
    """The real first layer, with a batch norm.

    kind: "cifar" for a 3x3 convolution that keeps the size; "imagenet" for a 7x7 convolution and
        max pooling, which together divide height and width by 4.

    Raises: UsageError for another kind.
    """
    check_choice("stem", kind, STEMS)
    if kind == "cifar":
        conv = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(width))
    conv = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.MaxPool2d(3, 2, 1))


def pooled_scores(width: int, num_classes: int) -> nn.Sequential:
    """The mean over the map, a real linear layer, log-probabilities."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, num_classes),
        nn.LogSoftmax(dim=1),
    )
