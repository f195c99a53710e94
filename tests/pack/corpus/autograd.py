"""Binarizers from papers' code: torch.autograd.Function with all kinds of sign.

A sign of three values (torch.sign) is a bit only where zero is out of reach. After a batch norm of
integer sums that can be shown; for the pixels or a ReLU it cannot.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from tests.pack.corpus._case import IMAGENET, RGB, network
from tests.pack.corpus._parts import BConv2d, Between, BLinear, Call, PlusMinus, Real

ZERO = r"zero|\b0\b|three"


class _Clipped(torch.autograd.Function):
    """Any binarizer with the clipped straight-through estimator."""

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        grad = grads[0].clone()
        grad[x.ge(1)] = 0
        grad[x.le(-1)] = 0
        return grad


class _TorchSign(_Clipped):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sign()


class _GreaterTimesTwo(_Clipped):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x > 0).float() * 2 - 1


class _GreaterEqual(_Clipped):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.ge(0).to(x.dtype).mul(2).sub(1)


class _SignThenMask(_Clipped):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        out = torch.sign(x)
        out[out == 0] = 1
        return out


class _FillByMask(_Clipped):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        out = torch.zeros_like(x)
        out.masked_fill_(x > 0, 1.0)
        return out.masked_fill_(x <= 0, -1.0)


class _SignPlusSmall(_Clipped):
    """XNOR-Net code: a little is added, so that zero becomes one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.sign(torch.sign(x) + 0.1)


class _Rounded(_Clipped):
    """BinaryNet of Theano: round(hard_sigmoid(x)), to 0 and 1, then to -1 and 1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.round(torch.clamp((x + 1) / 2, 0, 1)) * 2 - 1


class _WhereStays(_Clipped):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x < 0, -1.0, 1.0)


class _AsMark(torch.autograd.Function):
    """With setup_context, as torch asks for today."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.sign().add(0.5).sign()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grads[0] * (2 - 2 * x.abs()).clamp(min=0)


def _between(function: Any) -> nn.Module:
    return Between(nn.Identity(), sign=Call(function.apply))


@network(RGB, integers=True)
def torch_sign_after_norm() -> nn.Module:
    return _between(_TorchSign)


@network(RGB, integers=True)
def greater_times_two() -> nn.Module:
    return _between(_GreaterTimesTwo)


@network(RGB, integers=True)
def greater_equal() -> nn.Module:
    return _between(_GreaterEqual)


@network(RGB, integers=True)
def sign_then_mask() -> nn.Module:
    return _between(_SignThenMask)


@network(RGB, integers=True)
def fill_by_mask() -> nn.Module:
    return _between(_FillByMask)


@network(RGB, integers=True)
def sign_plus_small() -> nn.Module:
    return _between(_SignPlusSmall)


@network(RGB, integers=True)
def rounded_hard_sigmoid() -> nn.Module:
    return _between(_Rounded)


@network(RGB, integers=True)
def where_below_zero() -> nn.Module:
    return _between(_WhereStays)


@network(RGB, integers=True)
def setup_context() -> nn.Module:
    return _between(_AsMark)


class _BiRealActivation(nn.Module):
    """Bi-Real Net's BinaryActivation: a polynomial whose value cancels, with masks."""

    def forward(self, x: Tensor) -> Tensor:
        out_forward = torch.sign(x)
        mask1, mask2, mask3 = x < -1, x < 0, x < 1
        out1 = (-1) * mask1.type(torch.float32) + (x * x + 2 * x) * (1 - mask1.type(torch.float32))
        out2 = out1 * mask2.type(torch.float32) + (-x * x + 2 * x) * (1 - mask2.type(torch.float32))
        out3 = out2 * mask3.type(torch.float32) + 1 * (1 - mask3.type(torch.float32))
        return out_forward.detach() - out3.detach() + out3


class _HardBinaryConv(nn.Conv2d):
    """ReActNet's HardBinaryConv: weights of a parameter, scaled by the mean magnitude."""

    def forward(self, input: Tensor) -> Tensor:
        real = self.weight
        factor = torch.mean(
            torch.mean(torch.mean(real.abs(), dim=3, keepdim=True), dim=2, keepdim=True),
            dim=1,
            keepdim=True,
        ).detach()
        binary_no_grad = factor * torch.sign(real)
        clipped = torch.clamp(real, -1.0, 1.0)
        binary = binary_no_grad.detach() - clipped.detach() + clipped
        return nn.functional.conv2d(input, binary, stride=self.stride, padding=self.padding)


class _BiReal(nn.Module):
    def __init__(self, norm_first: bool):
        super().__init__()
        self.conv1, self.bn1 = BConv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.binary_activation = _BiRealActivation()
        self.conv2, self.bn2 = _HardBinaryConv(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.norm_first = norm_first
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x = self.bn1(x) if self.norm_first else torch.relu(x)
        x = self.bn2(self.conv2(self.binary_activation(x)))
        return self.fc(x.mean(dim=[2, 3]))


@network(RGB)
def bi_real_activation() -> nn.Module:
    """Its values are -1 and +1 but for the last bit of a float."""
    return _BiReal(norm_first=True)


@network(RGB)
def bi_real_activation_of_zeros() -> nn.Module:
    """A ReLU before torch.sign: zeros are the rule."""
    return _BiReal(norm_first=False)


class _Detach(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        clipped = torch.clamp(x, -1.0, 1.0)
        return torch.where(x > 0, 1.0, -1.0).detach() - clipped.detach() + clipped


@network(RGB)
def straight_through_by_detach() -> nn.Module:
    return Between(nn.Identity(), sign=_Detach())


class _TanhDetach(nn.Module):
    """IR-Net and others: the backward pass is that of a tanh."""

    k: Tensor
    t: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("k", torch.tensor(1.0))
        self.register_buffer("t", torch.tensor(10.0))

    def forward(self, x: Tensor) -> Tensor:
        soft = self.k * torch.tanh(self.t * x)
        return soft + (x.gt(0).float() * 2.0 - 1.0 - soft).detach()


@network(RGB)
def tanh_with_detached_sign() -> nn.Module:
    return Between(nn.Identity(), sign=_TanhDetach())


class _Ede(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, k: Tensor, t: Tensor) -> Tensor:
        ctx.save_for_backward(x, k, t)
        return torch.sign(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        x, k, t = ctx.saved_tensors
        return k * t * (1 - torch.pow(torch.tanh(x * t), 2)) * grads[0], None, None


class _IRConv2d(nn.Conv2d):
    """IR-Net: the weight is balanced, standardised, binarized and scaled by a power of two."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.k = torch.tensor([10.0])
        self.t = torch.tensor([0.1])

    def forward(self, input: Tensor) -> Tensor:
        w = self.weight
        bw = w - w.view(w.size(0), -1).mean(-1).view(w.size(0), 1, 1, 1)
        bw = bw / bw.view(bw.size(0), -1).std(-1).view(bw.size(0), 1, 1, 1)
        mean = bw.abs().view(bw.size(0), -1).mean(-1)
        sw = torch.pow(
            torch.tensor([2.0] * bw.size(0)),
            (torch.log(mean) / math.log(2)).round().float(),
        ).view(bw.size(0), 1, 1, 1)
        ba = _Ede.apply(input, self.k, self.t)
        bw = _Ede.apply(bw, self.k, self.t) * sw
        return nn.functional.conv2d(ba, bw, self.bias, self.stride, self.padding)


@network(RGB, integers=True)
def ir_net_convolution() -> nn.Module:
    return nn.Sequential(
        BConv2d(3, 16, 3, bias=False),
        nn.BatchNorm2d(16),
        _IRConv2d(16, 24, 3, padding=1, bias=False),
        nn.BatchNorm2d(24),
        Call(PlusMinus.apply),
        nn.Flatten(),
        BLinear(2400, 5),
    )


@network(IMAGENET, may_refuse=ZERO)
def torch_sign_of_real_numbers() -> nn.Module:
    """Zero is hardly ever met, yet nothing shows that it cannot be."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3),
        nn.BatchNorm2d(16),
        Call(_TorchSign.apply),
        BConv2d(16, 16, 3),
        nn.BatchNorm2d(16),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 5),
    )


@network(RGB, refused=ZERO)
def torch_sign_of_pixels() -> nn.Module:
    """The pixel 128 is 0."""
    return nn.Sequential(Call(_TorchSign.apply), BConv2d(3, 8, 3), nn.Flatten(), BLinear(800, 5))


@network(RGB, refused=ZERO)
def torch_sign_of_even_sums() -> nn.Module:
    """Sums of an even number of signs, without a norm: every fifth is zero."""
    return nn.Sequential(
        BConv2d(3, 16, 3, bias=False),
        nn.BatchNorm2d(16),
        Call(PlusMinus.apply),
        BConv2d(16, 16, 1, bias=False),
        Call(_TorchSign.apply),
        nn.Flatten(),
        BLinear(1600, 5),
    )


class _Stochastic(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        p = torch.clamp((x + 1) / 2, 0, 1)
        return torch.bernoulli(p) * 2 - 1

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


@network(RGB, refused=r"random|stochastic|bernoulli")
def stochastic_in_eval() -> nn.Module:
    return Between(nn.Identity(), sign=Call(_Stochastic.apply))  # pyright: ignore


class _ScaledActivation(torch.autograd.Function):
    """XNOR-Net's BinActive returns the signs and their mean magnitude, K is left out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x)
        mean = torch.mean(x.abs(), 1, keepdim=True)
        return torch.where(x >= 0, 1.0, -1.0), mean

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


@network(RGB, integers=True)
def function_of_two_results() -> nn.Module:
    return Between(nn.Identity(), sign=Call(lambda x: _ScaledActivation.apply(x)[0]))  # pyright: ignore


class _DataInForward(nn.Conv2d):
    """BinaryNet.pytorch's BinarizeConv2d: changes its own weight, and its input, through .data."""

    def forward(self, input: Tensor) -> Tensor:
        if input.size(1) != 3:
            input.data = torch.where(input.data >= 0, 1.0, -1.0)
        if not hasattr(self.weight, "org"):
            self.weight.org = self.weight.data.clone()  # pyright: ignore
        self.weight.data = torch.where(self.weight.org >= 0, 1.0, -1.0)  # pyright: ignore
        return nn.functional.conv2d(input, self.weight, None, self.stride, self.padding)


@network(RGB, may_refuse=r"data|\.org|adopt")
def data_written_in_forward() -> nn.Module:
    return nn.Sequential(
        _DataInForward(3, 16, 3),
        nn.BatchNorm2d(16),
        _DataInForward(16, 16, 3),
        nn.BatchNorm2d(16),
        nn.Flatten(),
        nn.Linear(1024, 5),
    )


@network(RGB)
def sign_of_a_polynomial() -> nn.Module:
    """x^3 + x rises: the sign of it is a bit; two real networks' worth of numbers meet it."""
    return Real(Call(lambda x: PlusMinus.apply(x**3 + x)))  # pyright: ignore
