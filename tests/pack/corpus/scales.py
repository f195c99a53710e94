"""Scales of weights and activations: computed, learned, balanced, of powers of two."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import GREY, RGB, network
from tests.pack.corpus._parts import BConv2d, BLinear, PlusMinus, Sign


def sign(x: Tensor) -> Tensor:
    return PlusMinus.apply(x)  # pyright: ignore[reportReturnType]


class _ScaledConv(nn.Conv2d):
    """A binary convolution whose weights a subclass computes."""

    def binary_weight(self) -> Tensor:
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.binary_weight(), self.bias)


def _network(conv: type[nn.Module], *arguments: Any, **options: Any) -> nn.Module:
    """The scaled layer twice, each before a norm and a sign, then integers to the end."""
    return nn.Sequential(
        BConv2d(3, 16, 3, bias=False),
        nn.BatchNorm2d(16),
        Sign(),
        conv(16, 24, 3, *arguments, **options),
        nn.BatchNorm2d(24),
        Sign(),
        conv(24, 16, 3, stride=2, bias=False),
        nn.BatchNorm2d(16),
        Sign(),
        nn.Flatten(),
        BLinear(144, 5),
    )


# A scale of the weights multiplies every term of torch's sum, which is rounded then: these
# networks are of real numbers, although the packed ones may count.
@network(RGB)
def mean_magnitude_of_the_layer() -> nn.Module:
    class Conv(_ScaledConv):
        def binary_weight(self) -> Tensor:
            return sign(self.weight) * self.weight.abs().mean()

    return _network(Conv)


@network(RGB)
def mean_magnitude_of_each_channel() -> nn.Module:
    class Conv(_ScaledConv):
        def binary_weight(self) -> Tensor:
            alpha = self.weight.abs().mean(dim=(1, 2, 3), keepdim=True)
            return alpha * sign(self.weight)

    return _network(Conv)


@network(RGB)
def xnor_net_norm_of_weights() -> nn.Module:
    """XNOR-Net's code: centred, clamped, then norm(1) / n by channel."""

    class Conv(_ScaledConv):
        def binary_weight(self) -> Tensor:
            w = self.weight - self.weight.mean(1, keepdim=True)
            w = w.clamp(-1.0, 1.0)
            n = w[0].nelement()
            m = w.norm(1, 3, keepdim=True).sum(2, keepdim=True).sum(1, keepdim=True).div(n)
            return torch.where(w > 0, 1.0, -1.0).mul(m.expand(w.size()))

    return _network(Conv)


@network(RGB)
def weights_balanced_by_their_mean() -> nn.Module:
    """alpha * sign(w) + mean(w): two values a channel, neither the other's negative."""

    class Conv(_ScaledConv):
        def binary_weight(self) -> Tensor:
            mean = self.weight.mean((1, 2, 3), keepdim=True)
            return sign(self.weight - mean) * self.weight.std() + mean

    return _network(Conv)


@network(RGB)
def zero_and_alpha_weights() -> nn.Module:
    class Conv(_ScaledConv):
        def binary_weight(self) -> Tensor:
            return (self.weight > 0).float() * 0.25

    return _network(Conv)


@network(RGB, integers=True)
def scale_of_a_power_of_two() -> nn.Module:
    class Conv(_ScaledConv):
        def binary_weight(self) -> Tensor:
            mean = self.weight.abs().mean((1, 2, 3), keepdim=True)
            return sign(self.weight) * 2 ** (mean.log() / math.log(2)).round()

    return _network(Conv)


@network(RGB)
def standardised_weights() -> nn.Module:
    class Conv(_ScaledConv):
        def binary_weight(self) -> Tensor:
            w = self.weight
            mean, std = w.mean((1, 2, 3), keepdim=True), w.std((1, 2, 3), keepdim=True)
            return sign((w - mean) / (std + 1e-5)) * std

    return _network(Conv)


class _Learned(nn.Conv2d):
    """XNOR-Net++: a learned scale on the output, negative in some channels."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.alpha = nn.Parameter(torch.randn(self.out_channels, 1, 1))

    def forward(self, input: Tensor) -> Tensor:
        out = F.conv2d(input, sign(self.weight), None, self.stride, self.padding)
        out = out * self.alpha
        return out if self.bias is None else out + self.bias.view(1, -1, 1, 1)


@network(RGB, integers=True)
def learned_scale_of_the_output() -> nn.Module:
    return _network(_Learned)


class _ScaleOfPositions(_Learned):
    """XNOR-Net++ with one scale for each channel, row and column, multiplied."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.rows = nn.Parameter(torch.rand(1, 8 if self.in_channels == 16 else 3, 1) + 0.5)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * self.rows


@network(RGB, integers=True, may_refuse=r"position|height|width|row|shape")
def learned_scale_of_positions() -> nn.Module:
    return _network(_ScaleOfPositions)


class _InputScale(nn.Module):
    """XNOR-Net: the input's mean magnitude K, by a convolution with ones, multiplies the sums."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = BConv2d(3, 16, 3), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = BConv2d(16, 16, 3, bias=False), nn.BatchNorm2d(16)
        self.register_buffer("ones", torch.full((1, 1, 3, 3), 1 / 9))
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x))
        k = F.conv2d(x.abs().mean(1, keepdim=True), self.ones)  # pyright: ignore
        return self.fc(self.bn2(self.conv2(sign(x)) * k).mean((2, 3)))


@network(RGB)
def scale_of_the_input() -> nn.Module:
    return _InputScale()


class _LearnedLevels(nn.Module):
    """Activations of two learned levels, alpha * sign(x - beta) + gamma."""

    def __init__(self, features: int):
        super().__init__()
        self.alpha = nn.Parameter(torch.rand(1, features) + 0.5)
        self.beta = nn.Parameter(torch.randn(1, features))
        self.gamma = nn.Parameter(torch.randn(1, features) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return sign(x - self.beta) * self.alpha + self.gamma


@network(GREY)
def learned_levels_of_each_feature() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), BLinear(64, 48), nn.BatchNorm1d(48), _LearnedLevels(48), BLinear(48, 5)
    )


@network(GREY)
def learned_levels_of_the_layer() -> nn.Module:
    """One number each; BNext and AdaBin have such activations."""
    return nn.Sequential(
        nn.Flatten(), BLinear(64, 48), nn.BatchNorm1d(48), _LearnedLevels(1), BLinear(48, 5)
    )


class _TwoBases(nn.Module):
    """ABC-Net: weights as a sum of scaled binary ones, activations with two shifts."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = BConv2d(3, 16, 3), nn.BatchNorm2d(16)
        self.weight = nn.Parameter(torch.randn(16, 16, 3, 3) * 0.1)
        self.shifts = nn.Parameter(torch.tensor([-0.5, 0.5]))
        self.alphas = nn.Parameter(torch.tensor([1.0, 0.5]))
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x, total = self.bn1(self.conv1(x)), 0
        mean, std = self.weight.mean(), self.weight.std()
        for shift, alpha in zip(self.shifts, self.alphas, strict=True):
            base = sign(self.weight - mean + shift * std)
            total = total + alpha * F.conv2d(sign(x + shift), base)
        return self.fc(torch.as_tensor(total).mean((2, 3)))


@network(RGB)
def sum_of_binary_bases() -> nn.Module:
    return _TwoBases()


@network(RGB)
def ternary_weights() -> nn.Module:
    """-1, 0 and +1: these are not one bit, so the layer stays real, and right."""

    class Conv(_ScaledConv):
        def binary_weight(self) -> Tensor:
            w = self.weight
            return torch.where(w.abs() < 0.05, torch.zeros_like(w), torch.sign(w))

    return _network(Conv)


@network(RGB)
def one_weight_is_zero() -> nn.Module:
    """torch.sign of a weight that is exactly zero."""

    class Conv(_ScaledConv):
        def __init__(self, *arguments: Any, **options: Any):
            super().__init__(*arguments, **options)
            with torch.no_grad():
                self.weight[0, 0, 0, 0] = 0

        def binary_weight(self) -> Tensor:
            return torch.sign(self.weight)

    return _network(Conv)


@network(RGB, integers=True)
def one_filter_is_constant() -> nn.Module:
    """All weights of a filter are the same sign: one value, not two."""

    class Conv(_ScaledConv):
        def __init__(self, *arguments: Any, **options: Any):
            super().__init__(*arguments, **options)
            with torch.no_grad():
                self.weight[0] = self.weight[0].abs() + 0.1
                self.weight[1] = -self.weight[0]

        def binary_weight(self) -> Tensor:
            return sign(self.weight)

    return _network(Conv)


@network(RGB)
def two_bit_activations() -> nn.Module:
    """DoReFa with k = 2: four levels, no bits, so the layer after them stays real."""

    class Dorefa(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.round(x.clamp(0, 1) * 3) / 3

    return nn.Sequential(
        BConv2d(3, 16, 3),
        nn.BatchNorm2d(16),
        Dorefa(),
        BConv2d(16, 16, 3),
        nn.BatchNorm2d(16),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 5),
    )
