"""Pooling in all spellings: of bits, of numbers, of sequences, global and uneven."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import RGB, network
from tests.pack.corpus._parts import BConv2d, BLinear, Call, Real, Sign


class _Pooled(nn.Module):
    """Bits of (N, 16, 10, 10), pooled by a function, then a binary linear layer."""

    def __init__(self, pool: Callable[[Tensor], Tensor], size: int = 12, sign_after: bool = False):
        super().__init__()
        self.conv, self.norm, self.sign, self.pool = (
            BConv2d(3, 16, 3),
            nn.BatchNorm2d(16),
            Sign(),
            pool,
        )
        self.sign_after = sign_after
        self.fc = BLinear(self.features(torch.zeros(2, 3, size, size)).shape[1], 5)

    def features(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        x = self.sign(self.pool(x)) if self.sign_after else self.pool(self.sign(x))
        return x.reshape(len(x), -1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x))


@network(RGB, integers=True)
def max_of_bits_with_padding() -> nn.Module:
    return _Pooled(nn.MaxPool2d(3, stride=2, padding=1))


@network(RGB, integers=True)
def max_ceil_mode() -> nn.Module:
    return _Pooled(nn.MaxPool2d(3, stride=2, ceil_mode=True))


@network(RGB, integers=True)
def max_dilated() -> nn.Module:
    return _Pooled(Call(lambda x: F.max_pool2d(x, 3, 2, 0, dilation=2)))


@network(RGB, integers=True)
def max_of_numbers_then_sign() -> nn.Module:
    return _Pooled(nn.MaxPool2d((2, 5)), sign_after=True)


@network(RGB, integers=True)
def min_pool_by_negation() -> nn.Module:
    return _Pooled(Call(lambda x: -F.max_pool2d(-x, 2)))


@network(RGB, integers=True)
def max_with_indices_dropped() -> nn.Module:
    return _Pooled(Call(lambda x: F.max_pool2d(x, 2, return_indices=True)[0]))


@network(RGB, integers=True)
def adaptive_max_uneven() -> nn.Module:
    """10 rows to 4: windows of 3, 3, 3 and 3 that overlap."""
    return _Pooled(nn.AdaptiveMaxPool2d((4, 3)))


@network(RGB, integers=True)
def adaptive_max_global() -> nn.Module:
    return _Pooled(Call(lambda x: F.adaptive_max_pool2d(x, 1)))


@network(RGB, integers=True)
def amax_over_the_map() -> nn.Module:
    return _Pooled(Call(lambda x: torch.amax(x, dim=(-2, -1))))


@network(RGB, integers=True)
def max_over_one_axis() -> nn.Module:
    return _Pooled(Call(lambda x: x.max(dim=3)[0].max(2).values))


@network(RGB, integers=True)
def max_over_a_flat_map() -> nn.Module:
    return _Pooled(Call(lambda x: x.view(x.size(0), x.size(1), -1).max(-1).values))


@network(RGB, integers=True)
def mean_of_bits() -> nn.Module:
    """Means of four signs: halves, and exact."""
    return _Pooled(nn.AvgPool2d(2))


@network(RGB, integers=True)
def sum_of_bits() -> nn.Module:
    return _Pooled(Call(lambda x: x.sum(dim=[2, 3])))


@network(RGB, integers=True)
def mean_then_sign() -> nn.Module:
    """Of bits, four at a time: a majority, where zero counts as minus one."""
    return _Pooled(nn.Sequential(Sign(), nn.AvgPool2d(2)), sign_after=True)


@network(RGB)
def real_mean_then_sign() -> nn.Module:
    return _Pooled(nn.AvgPool2d(2, padding=1), sign_after=True)


@network(RGB)
def average_without_the_padding() -> nn.Module:
    return Real(nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False))


@network(RGB)
def average_ceil_mode() -> nn.Module:
    return Real(nn.AvgPool2d(5, stride=2, ceil_mode=True))


@network(RGB)
def average_with_divisor() -> nn.Module:
    return Real(Call(lambda x: F.avg_pool2d(x, 2, divisor_override=3)))


@network(RGB)
def adaptive_average_uneven() -> nn.Module:
    return Real(nn.AdaptiveAvgPool2d((5, 7)))


@network(RGB)
def adaptive_average_of_none() -> nn.Module:
    return Real(nn.AdaptiveAvgPool2d((None, 1)))


@network(RGB)
def average_of_the_size() -> nn.Module:
    return Real(Call(lambda x: F.avg_pool2d(x, x.size(3)).view(x.size(0), -1)))


@network(RGB)
def average_of_the_shape() -> nn.Module:
    return Real(Call(lambda x: F.avg_pool2d(x, kernel_size=x.size()[2:]).flatten(1)))


@network(RGB)
def mean_twice_squeezed() -> nn.Module:
    return Real(Call(lambda x: x.mean(3).mean(2)))


@network(RGB)
def mean_kept_and_squeezed() -> nn.Module:
    return Real(Call(lambda x: torch.mean(x, dim=(-1, -2), keepdim=True).squeeze(-1).squeeze(-1)))


@network(RGB)
def mean_of_a_flat_map() -> nn.Module:
    return Real(Call(lambda x: x.flatten(2).mean(-1)))


@network(RGB)
def adaptive_and_squeezed() -> nn.Module:
    return Real(Call(lambda x: F.adaptive_avg_pool2d(x, (1, 1)).squeeze()))


@network(RGB)
def sum_over_rows_mean_over_columns() -> nn.Module:
    return Real(Call(lambda x: x.sum(-2).mean(-1)))


@network(RGB)
def mean_over_channels() -> nn.Module:
    return Real(Call(lambda x: x.mean(1).flatten(1)), 144)


@network(RGB)
def maximum_plus_mean() -> nn.Module:
    return Real(Call(lambda x: x.amax((2, 3)) + x.mean((2, 3))))


@network(RGB)
def mixed_and_concatenated() -> nn.Module:
    def both(x: Tensor) -> Tensor:
        return torch.cat([F.adaptive_max_pool2d(x, 1), F.adaptive_avg_pool2d(x, 1)], 1).flatten(1)

    return Real(Call(both), 32)


@network(RGB)
def power_average() -> nn.Module:
    """Generalised mean pooling."""
    return Real(Call(lambda x: x.clamp(0.5, 2).pow(3).mean((2, 3)).pow(1 / 3)))


@network(RGB)
def norm_pooling() -> nn.Module:
    return Real(nn.LPPool2d(2, 3))
