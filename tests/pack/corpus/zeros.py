"""Every rule for the sign of zero, where zero is common: even sums of signs, without a norm.

A packer that knows one rule only gives other bits in every fifth place.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import GREY, RGB, network
from tests.pack.corpus._parts import BConv2d, BLinear, Call, Sign


class _EvenSums(nn.Module):
    """The sums of 16 signs are even, and zero in every fifth place."""

    def __init__(self, sign: Callable[[Tensor], Tensor]):
        super().__init__()
        self.conv1, self.bn1 = BConv2d(3, 16, 3, bias=False), nn.BatchNorm2d(16)
        self.first, self.sign = Sign(), sign
        self.conv2 = BConv2d(16, 16, 1, bias=False)
        self.fc = BLinear(400, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(self.bn1(self.conv1(x)))
        x = self.sign(self.conv2(x))
        return self.fc(F.max_pool2d(x, 2).flatten(1))


@network(RGB, integers=True)
def zero_is_minus() -> nn.Module:
    return _EvenSums(lambda x: torch.where(x > 0, 1.0, -1.0))


@network(RGB, integers=True)
def zero_is_plus() -> nn.Module:
    return _EvenSums(lambda x: torch.where(x >= 0, 1.0, -1.0))


@network(RGB, integers=True)
def not_below_zero() -> nn.Module:
    return _EvenSums(lambda x: 1.0 - 2.0 * x.lt(0).float())


@network(RGB, integers=True)
def sign_of_sign_and_little() -> nn.Module:
    return _EvenSums(lambda x: torch.sign(torch.sign(x) + 0.1))


@network(RGB, integers=True)
def sign_of_x_and_little() -> nn.Module:
    return _EvenSums(lambda x: torch.sign(x + 1e-6))


@network(RGB, integers=True)
def sign_with_zeros_replaced() -> nn.Module:
    def sign(x: Tensor) -> Tensor:
        out = x.sign()
        out[out == 0] = -1
        return out

    return _EvenSums(sign)


@network(RGB, integers=True)
def sign_with_zeros_added() -> nn.Module:
    return _EvenSums(lambda x: x.sign() + (x == 0).float())


@network(RGB, integers=True)
def rounds_half_to_even() -> nn.Module:
    """round(0.5) is 0: zero is minus one, after a hard sigmoid."""
    return _EvenSums(lambda x: torch.round(F.hardtanh(x * 0.5 + 0.5, 0, 1)) * 2 - 1)


@network(RGB, integers=True)
def copied_sign() -> nn.Module:
    """The sum +0.0 is positive, and so is its sign."""
    return _EvenSums(lambda x: torch.copysign(torch.ones_like(x), x))


@network(RGB, integers=True)
def sign_bit() -> nn.Module:
    return _EvenSums(lambda x: torch.where(torch.signbit(x), -1.0, 1.0))


@network(RGB, integers=True)
def falling_zero_is_plus() -> nn.Module:
    return _EvenSums(lambda x: torch.where(x <= 0, 1.0, -1.0))


@network(RGB, integers=True)
def negated_before() -> nn.Module:
    """The sign of -x: zero stays on the minus side, x just below it does not."""
    return _EvenSums(lambda x: torch.where(-x > 0, 1.0, -1.0))


@network(RGB, integers=True)
def negated_after() -> nn.Module:
    return _EvenSums(lambda x: -torch.where(x > 0, 1.0, -1.0))


@network(RGB, integers=True)
def levels_of_zero_and_one() -> nn.Module:
    return _EvenSums(lambda x: (x >= 0).float())


@network(RGB, integers=True)
def threshold_on_a_sum() -> nn.Module:
    """The threshold 4 is a sum that occurs."""
    return _EvenSums(lambda x: (x > 4).float() * 2 - 1)


@network(RGB, integers=True)
def threshold_of_a_fraction() -> nn.Module:
    """The sum 6 times 0.1 meets 0.6, both rounded: float32 decides."""
    return _EvenSums(lambda x: (x * 0.1 >= 0.6).float() * 2 - 1)


@network(RGB, refused=r"zero|\b0\b|three")
def three_values() -> nn.Module:
    return _EvenSums(torch.sign)


@network(RGB, refused=r"zero|\b0\b|three|not a number|nan")
def zero_over_zero() -> nn.Module:
    """x / |x| without a guard: not a number."""
    return _EvenSums(lambda x: x / x.abs())


@network(RGB, integers=True)
def odd_sums_have_no_zero() -> nn.Module:
    """torch.sign of 15 signs, each +1 or -1: zero is out of reach."""
    return nn.Sequential(
        BConv2d(3, 15, 3, bias=False),
        nn.BatchNorm2d(15),
        Sign(),
        BConv2d(15, 15, 1, bias=False),
        Call(torch.sign),
        nn.Flatten(),
        BLinear(1500, 5),
    )


@network(RGB, refused=r"zero|\b0\b|three")
def odd_sums_with_padding() -> nn.Module:
    """A padded tap adds nothing, so that a corner of 15 * 4 signs can be zero."""
    return nn.Sequential(
        BConv2d(3, 15, 3, bias=False),
        nn.BatchNorm2d(15),
        Sign(),
        BConv2d(15, 15, 3, padding=1, bias=False),
        Call(torch.sign),
        nn.Flatten(),
        BLinear(1500, 5),
    )


@network(GREY, integers=True)
def pixel_at_the_threshold() -> nn.Module:
    """The pixel 128 is exactly zero, and is plus here."""
    return nn.Sequential(
        Call(lambda x: torch.where(x >= 0, 1.0, -1.0)), nn.Flatten(), BLinear(64, 5)
    )


@network(GREY, integers=True)
def norm_with_all_gammas_zero() -> nn.Module:
    """Every bit after it is the sign of its bias, and some biases are zero."""

    class Dead(nn.BatchNorm1d):
        def forward(self, input: Tensor) -> Tensor:
            gamma = torch.zeros(48)
            gamma[::2] = 1
            beta = torch.arange(48) % 3 - 1.0
            return F.batch_norm(
                input, self.running_mean, self.running_var, gamma, beta, self.training, 1.0
            )

    return nn.Sequential(
        nn.Flatten(), BLinear(64, 48), Dead(48), Sign(), BLinear(48, 33), Sign(), BLinear(33, 5)
    )
