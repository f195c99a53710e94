"""Binary layers as papers' code has them; nothing here is of signbit."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PlusMinus(torch.autograd.Function):
    """+1 where x > 0, else -1; the clipped straight-through estimator."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x > 0, torch.ones_like(x), -torch.ones_like(x))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grads[0] * (x.abs() <= 1)


class Sign(nn.Module):
    """The function as a module."""

    def forward(self, x: Tensor) -> Tensor:
        return PlusMinus.apply(x)  # pyright: ignore[reportReturnType]


class BConv2d(nn.Conv2d):
    """A convolution with binary weights; its input is binarized before."""

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, PlusMinus.apply(self.weight), self.bias)  # pyright: ignore


class BConv1d(nn.Conv1d):
    """The same for sequences."""

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, PlusMinus.apply(self.weight), self.bias)  # pyright: ignore


class BLinear(nn.Linear):
    """A fully connected layer with binary weights."""

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, PlusMinus.apply(self.weight), self.bias)  # pyright: ignore


class Call(nn.Module):
    """A function of one tensor as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Between(nn.Module):
    """A small binary network with something between its first norm and the sign after it.

    middle: a module, or a function of (N, 16, 12, 12).
    channels: what it leaves.
    """

    def __init__(
        self,
        middle: Callable[[Tensor], Tensor],
        channels: int = 16,
        sign: Callable[[Tensor], Tensor] | None = None,
    ):
        super().__init__()
        self.conv1 = BConv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.middle = middle
        self.sign = Sign() if sign is None else sign
        self.conv2 = BConv2d(channels, 24, 3, stride=2, padding=1)
        self.bn2 = nn.BatchNorm2d(24)
        self.binarize = Sign()
        self.fc = BLinear(self.features(torch.zeros(2, 3, 12, 12)).shape[1], 5)

    def features(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x))
        x = self.sign(self.middle(x))
        x = self.bn2(self.conv2(x))
        return F.max_pool2d(self.binarize(x), 2).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x))


class Real(nn.Module):
    """The same, where the middle's real numbers reach the scores."""

    def __init__(self, middle: Callable[[Tensor], Tensor], channels: int = 16):
        super().__init__()
        self.conv1 = BConv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.sign = Sign()
        self.conv2 = BConv2d(16, 16, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(16)
        self.middle = middle
        self.fc = nn.Linear(channels, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.sign(self.bn1(self.conv1(x)))
        x = self.middle(self.bn2(self.conv2(x)))
        return self.fc(x.mean((2, 3)) if x.dim() == 4 else x)
