"""Activations before a sign, where they only move the threshold, and where their numbers count.

A rising function before a sign is one comparison. Some of these fall somewhere (SiLU, GELU,
Hardswish): their sign is still that of x, or zero where they are flat.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import RGB, network
from tests.pack.corpus._parts import Between, Call, Real

SHAPE = r"monoton|interval|twice|more than one|falls|rises"


@network(RGB, integers=True)
def leaky_relu() -> nn.Module:
    return Between(nn.LeakyReLU(0.1, inplace=True))


@network(RGB, integers=True)
def leaky_relu_of_negative_slope() -> nn.Module:
    """Negative x becomes positive: nearly every sign is +1, whichever way x falls."""
    return Between(Call(lambda x: F.leaky_relu(x, -0.5) - 0.3))


@network(RGB, integers=True)
def prelu_per_channel() -> nn.Module:
    return Between(nn.PReLU(16))


@network(RGB, integers=True)
def prelu_shared() -> nn.Module:
    return Between(nn.PReLU(init=0.1))


@network(RGB, integers=True)
def relu6_and_shift() -> nn.Module:
    return Between(Call(lambda x: F.relu6(x) - 0.5))


@network(RGB, integers=True)
def relu_sign_is_larger_than_zero() -> nn.Module:
    """The sign of a ReLU under x > 0 is that of x."""
    return Between(nn.ReLU())


@network(RGB, integers=True)
def tanh() -> nn.Module:
    return Between(nn.Tanh())


@network(RGB, integers=True)
def sigmoid_and_half() -> nn.Module:
    return Between(Call(lambda x: torch.sigmoid(x) - 0.5))


@network(RGB, integers=True)
def hardsigmoid_and_shift() -> nn.Module:
    return Between(Call(lambda x: F.hardsigmoid(x) * 2 - 1.25))


@network(RGB, integers=True)
def elu_and_shift() -> nn.Module:
    return Between(Call(lambda x: F.elu(x, alpha=0.5) + 0.2))


@network(RGB, integers=True)
def softplus_and_shift() -> nn.Module:
    return Between(Call(lambda x: F.softplus(x) - 0.7))


@network(RGB, integers=True)
def softsign_and_clamps() -> nn.Module:
    return Between(nn.Sequential(nn.Softsign(), nn.Hardtanh(-0.5, 0.5), Call(lambda x: x + 0.1)))


@network(RGB, integers=True)
def clamp_method() -> nn.Module:
    return Between(lambda x: x.clamp(-1, 1))


@network(RGB, integers=True)
def clip_of_one_side() -> nn.Module:
    return Between(lambda x: torch.clip(x, min=-0.75) + 0.5)


@network(RGB, integers=True)
def minimum_and_maximum_of_numbers() -> nn.Module:
    low, high = torch.tensor(-1.0), torch.tensor(1.0)
    return Between(lambda x: torch.minimum(torch.maximum(x, low), high) - 0.25)


@network(RGB, integers=True)
def silu_keeps_the_sign() -> nn.Module:
    return Between(nn.SiLU())


@network(RGB, integers=True)
def gelu_keeps_the_sign() -> nn.Module:
    return Between(nn.GELU())


@network(RGB, integers=True, may_refuse=SHAPE)
def hardswish_is_flat_below() -> nn.Module:
    """0 below -3, negative to 0: its sign under x > 0 is that of x."""
    return Between(nn.Hardswish())


@network(RGB, integers=True, may_refuse=SHAPE)
def silu_above_a_low_level() -> nn.Module:
    """SiLU + 0.2 is above zero twice: left of its valley, and right of it."""
    return Between(Call(lambda x: F.silu(x) + 0.2))


@network(RGB, integers=True, may_refuse=SHAPE)
def square_and_shift() -> nn.Module:
    return Between(Call(lambda x: x**2 - 0.3))


@network(RGB, integers=True, may_refuse=SHAPE)
def sine() -> nn.Module:
    return Between(Call(lambda x: torch.sin(3 * x)))


def _real(function: Callable[[Tensor], Tensor]) -> nn.Module:
    return Real(Call(function))


@network(RGB)
def real_leaky_relu() -> nn.Module:
    return _real(lambda x: F.leaky_relu(x, 0.1))


@network(RGB)
def real_relu6() -> nn.Module:
    return Real(nn.ReLU6(inplace=True))


@network(RGB)
def real_prelu() -> nn.Module:
    return Real(nn.PReLU(16))


@network(RGB)
def real_tanh_and_sigmoid() -> nn.Module:
    """A gate: one half of the channels multiplies the other."""
    return Real(Call(lambda x: torch.tanh(x[:, :8]) * torch.sigmoid(x[:, 8:])), 8)


@network(RGB)
def real_hardsigmoid() -> nn.Module:
    return Real(nn.Hardsigmoid())


@network(RGB)
def real_hardswish() -> nn.Module:
    return Real(nn.Hardswish())


@network(RGB)
def real_silu() -> nn.Module:
    return _real(F.silu)


@network(RGB)
def real_gelu() -> nn.Module:
    return Real(nn.GELU(approximate="tanh"))


@network(RGB)
def real_elu() -> nn.Module:
    return _real(F.elu)


@network(RGB)
def real_softplus() -> nn.Module:
    return Real(nn.Softplus(beta=2))


@network(RGB)
def real_mish_by_hand() -> nn.Module:
    return _real(lambda x: x * torch.tanh(F.softplus(x)))


@network(RGB)
def real_glu() -> nn.Module:
    return Real(nn.GLU(dim=1), 8)
