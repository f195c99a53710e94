"""The operations of random networks, and random choices among them.

Operations are written as code, so that the network's text says what it computes.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.quantizers import create
from tests.pack.corpus._parts import BConv2d, BLinear, PlusMinus

Shape = tuple[int, ...]


def bits(x: Tensor) -> Tensor:
    return PlusMinus.apply(x)  # pyright: ignore[reportReturnType]


def straight(x: Tensor) -> Tensor:
    """A straight-through estimator by detach."""
    clipped = x.clamp(-1, 1)
    return (bits(x) - clipped).detach() + clipped


def part_changed(x: Tensor, channels: int, factor: float) -> Tensor:
    """Some channels are multiplied in place."""
    x[:, :channels] *= factor
    return x


def shuffled(x: Tensor, groups: int) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


_NAMES = {
    "torch": torch,
    "F": F,
    "bits": bits,
    "straight": straight,
    "part_changed": part_changed,
    "shuffled": shuffled,
}


class Code(nn.Module):
    """A function written as an expression of x, or of x and an earlier value y."""

    def __init__(self, code: str, earlier: int | None = None):
        super().__init__()
        self.code, self.earlier = code, earlier
        self.function = eval(f"lambda x, y=None: {code}", _NAMES)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.function(x) if y is None else self.function(x, y)

    def extra_repr(self) -> str:
        return self.code + ("" if self.earlier is None else f", y = value {self.earlier}")


class Again(nn.Module):
    """A module in a loop."""

    def __init__(self, module: nn.Module, times: int):
        super().__init__()
        self.module, self.times = module, times

    def forward(self, x: Tensor) -> Tensor:
        for index in range(self.times):
            x = self.module(x)
            if x.shape[1] > 1 and index == 0:
                x = bits(x)
        return x


class Draw:
    """Random choices for a value of a shape."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def one(self, *choices):
        return choices[int(self.rng.integers(len(choices)))]

    def divisor(self, number: int) -> int:
        return self.one(*(d for d in (1, 1, 2, 4, number) if number % d == 0))

    def conv(self, shape: Shape) -> nn.Module:
        kernel = self.one(1, 2, 3, 3, (1, 3))
        options = {
            "stride": self.one(1, 1, 2),
            "padding": self.one(0, 1, 1),
            "dilation": self.one(1, 1, 1, 2),
            "bias": self.one(True, False),
        }
        groups = self.divisor(shape[1])
        out = groups * self.one(3, 4, 8)
        kind = self.one(nn.Conv2d, *[BConv2d] * 3, *[BinaryConv2d] * 3)
        if kind is BinaryConv2d:
            options["padding_value"] = self.one(0.0, 0.0, -1.0, 1.0)
            options["input_quantizer"] = self.one("ste_sign", "ste_sign", None, "approx_sign")
            options["weight_quantizer"] = self.one("ste_sign", "ste_sign", "xnor_sign")
        return kind(shape[1], out, kernel, groups=groups, **options)

    def norm(self, shape: Shape) -> nn.Module:
        rest = nn.GroupNorm(1, shape[1], eps=0.1), nn.BatchNorm2d(shape[1], affine=False)
        return self.one(*[nn.BatchNorm2d(shape[1])] * 6, *rest)

    def sign(self, shape: Shape) -> nn.Module:
        codes = "bits(x)", "bits(x)", "torch.where(x >= 0, 1.0, -1.0)", "(x > 0).float() * 2 - 1"
        more = "straight(x)", "(x > 0.25).float()", "x.sign()", "torch.where(x < 0, 0.5, -0.5)"
        code = self.one(*codes, *codes, *more, None)
        return create("ste_sign") if code is None else Code(code)

    def activation(self, shape: Shape) -> nn.Module:
        modules = nn.ReLU(True), nn.Hardtanh(), nn.PReLU(shape[1]), nn.LeakyReLU(0.2), nn.ReLU6()
        codes = "F.relu(x)", "torch.tanh(x)", "x.clamp_(-1, 1)", "F.silu(x)", "F.gelu(x)"
        more = "torch.sigmoid(x) - 0.5", "F.hardswish(x)", "F.elu_(x)", "F.softplus(x) - 1"
        return self.one(*modules, *map(Code, codes), *map(Code, more))

    def arithmetic(self, shape: Shape) -> nn.Module:
        part = int(self.rng.integers(1, shape[1] + 1))
        return Code(
            self.one(
                "-x",
                "x * 0.5 + 0.125",
                "x.add_(0.25)",
                "x.mul_(-1.5)",
                "1 - x",
                "x / 3",
                "x.neg_()",
                f"part_changed(x, {part}, -1)",
                f"part_changed(x, {part}, 0.5)",
                "x.detach()",
                "x.clone().sub_(0.5)",
            )
        )

    def pool(self, shape: Shape) -> nn.Module:
        modules = nn.MaxPool2d(2, 2), nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(2, 1), nn.MaxPool2d(3, 2)
        codes = "F.adaptive_max_pool2d(x, (3, 2))", "F.avg_pool2d(x, 3, 2, 1)"
        more = "F.adaptive_avg_pool2d(x, (2, 3))", "x.amax(2, keepdim=True)"
        return self.one(*modules, *modules, *map(Code, codes), *map(Code, more))

    def move(self, shape: Shape) -> nn.Module:
        rng, channels = self.rng, shape[1]
        pads = tuple(int(pad) for pad in rng.integers(0, 3, 4))
        order = [int(index) for index in rng.permutation(channels)][: self.one(3, 64)]
        cut = int(rng.integers(0, channels))
        return Code(
            self.one(
                f"F.pad(x, {pads}, value={self.one(0.0, -1.0, 0.5)})",
                f"F.pad(x, {(1, 0, 0, 1)}, mode={self.one('reflect', 'replicate', 'circular')!r})",
                "x[:, :, 1:, :-1]",
                "x[..., ::2, 1::2]",
                "x.transpose(2, 3)",
                "x.flip(2)",
                "torch.roll(x, (1, 2), (3, 1))",
                f"x[:, {order}]",
                f"torch.cat([x[:, {cut}:], x[:, :{cut}]], dim=1)",
                f"shuffled(x, {self.divisor(channels)})",
                "F.pixel_unshuffle(x, 2)",
                "F.pixel_shuffle(x, 2)",
                "x.repeat(1, 2, 1, 1)",
                "F.interpolate(x, scale_factor=2)",
                "x.flatten(2).view(x.shape)",
                "x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)",
                "torch.cat(x.chunk(2, 1)[::-1], 1)",
            )
        )

    def join(self, values: int) -> nn.Module:
        codes = "x + y", "y - x", "torch.cat([x, y], 1)", "torch.cat((y, x), dim=1)", "x.add_(y)"
        more = "torch.maximum(x, y)", "x * y", "torch.stack([x, y], 1).flatten(1, 2)"
        return Code(self.one(*codes, *codes, *more), int(self.rng.integers(0, values)))

    def again(self, used: list[nn.Module]) -> nn.Module:
        module = self.one(*used)
        return self.one(module, Again(module, 2))

    def head(self, value: Tensor) -> list[nn.Module]:
        """Rows of scores."""
        codes = ["x.flatten(1)", "x.reshape(len(x), -1)", "x.mean((2, 3))", "x.amax((-1, -2))"]
        codes.append("x.contiguous().view(x.size(0), -1)")
        rows = Code(self.one(*codes))
        linear = self.one(nn.Linear, BLinear, BinaryLinear)(rows(value).shape[1], 5)
        last = self.one([], [], [nn.BatchNorm1d(5)], [nn.LogSoftmax(1)])
        return [rows, linear, *last]
