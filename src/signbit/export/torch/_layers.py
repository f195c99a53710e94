"""Layers of networks of -1 and +1. The torch exporter writes this code into its module."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Sign(torch.autograd.Function):
    """+1 where x > 0, else -1. The gradient is that of clip(x / window, -1, 1)."""

    @staticmethod
    def forward(ctx, x, window):
        ctx.save_for_backward(x)
        ctx.window = window
        return (x > 0).to(x.dtype) * 2 - 1

    @staticmethod
    def backward(ctx, gradient):  # pyright: ignore[reportIncompatibleMethodOverride]
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= ctx.window) / ctx.window, None


class BinaryConv2d(nn.Conv2d):
    """A convolution with the signs of its weights.  wide: sum in float64, to be exact."""

    def __init__(self, *arguments, wide=False, **options):
        super().__init__(*arguments, bias=False, **options)
        self.wide = wide

    def forward(self, x: Tensor) -> Tensor:
        weight = Sign.apply(self.weight, 1.0)
        if self.wide:
            x, weight = x.double(), weight.double()
        return self._conv_forward(x, weight, None)


class Threshold(nn.Module):
    """+1 where x > threshold, or x < threshold where direction is -1; else -1.

    window: how far from the threshold a gradient still passes.
    """

    def __init__(self, channels, window, dtype=torch.float32):
        super().__init__()
        self.window = window
        self.threshold = nn.Parameter(torch.zeros(channels, 1, 1, dtype=dtype))
        self.direction = nn.Buffer(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return Sign.apply(self.direction * (x - self.threshold), self.window).float()


class Affine(nn.Module):
    """scale * x + bias per channel, rounded to float64 (the product is exact) and then float32."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x.float().double() * self.scale.double() + self.bias.double()).float()


class Normalize(nn.Module):
    """scale * x + bias per channel, rounded after each."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.bias


class Flip(nn.Module):
    """The opposite in the channels whose sign is -1."""

    def __init__(self, channels):
        super().__init__()
        self.sign = nn.Buffer(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.sign


class Move(nn.Module):
    """Elements at other places.

    Output (y, x, k) is the input's element rows[y] + columns[x] + channels[k], counted row by row,
    channels innermost. It is `fill` where one of the three is -1.
    """

    def __init__(self, height, width, channels, fill):
        super().__init__()
        self.fill = fill
        self.rows = nn.Buffer(torch.zeros(height, dtype=torch.int32))
        self.columns = nn.Buffer(torch.zeros(width, dtype=torch.int32))
        self.channels = nn.Buffer(torch.zeros(channels, dtype=torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        elements = x.permute(0, 2, 3, 1).flatten(1)
        parts = self.channels[:, None, None], self.rows[:, None], self.columns
        filled = (parts[0] < 0) | (parts[1] < 0) | (parts[2] < 0)
        places = (parts[0] + parts[1] + parts[2]).masked_fill(filled, elements.shape[1])
        return F.pad(elements, (0, 1), value=self.fill)[:, places]


def sign(x: Tensor) -> Tensor:
    """-1, 0 or +1; NaN stays."""
    return torch.where(x.isnan(), x, x.sign())


def max_pool(x: Tensor, kernel, stride, pads, dilation=1) -> Tensor:
    """The highest of each window inside the map; pads are left, right, top, bottom."""
    return F.max_pool2d(F.pad(x, pads, value=-torch.inf), kernel, stride, 0, dilation)


def avg_pool(x: Tensor, kernel, stride, pads, count_padding) -> Tensor:
    """The mean of each window; the zeros around the map count, or not."""
    mean = F.avg_pool2d(F.pad(x, pads), kernel, stride)
    if count_padding:
        return mean
    return mean / F.avg_pool2d(F.pad(torch.ones_like(x), pads), kernel, stride)
