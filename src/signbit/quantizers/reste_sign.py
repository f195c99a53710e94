"""Sign with the derivative of a root whose power rises while the network is trained."""

import math
from typing import Any

import torch
from torch import Tensor

from signbit.errors import UsageError
from signbit.quantizers._base import (
    AbstractQuantizer,
    changing,
    check_positive,
    quantizers,
    require_floating,
    signs_of,
)


class _ResteSign(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, o: Tensor, near: float, clip: float) -> Tensor:
        return signs_of(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, o, ctx.near, ctx.clip = inputs
        ctx.save_for_backward(x, o)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        x, o = ctx.saved_tensors
        o = o.to(x.dtype)
        magnitude = x.abs()
        power = magnitude.clamp(ctx.near, ctx.clip) ** (1 / o - 1)
        slope = torch.where(magnitude <= ctx.near, power, power / o)
        return torch.where(magnitude <= ctx.clip, gradients[0] * slope, 0), None, None, None


def reste_sign(x: Tensor, o: Tensor | float, near: float = 0.1, clip: float = 1.5) -> Tensor:
    """`ResteSign` as a function, with the power 1/o.

    Shape:  x and the result are alike, any rank; o is one number.
    Range:  {-1, +1}.
    Raises: InputTypeError if x is not floating point.
    """
    require_floating(x)
    o = o if isinstance(o, Tensor) else changing(o)
    return _ResteSign.apply(x, o, near, clip)  # pyright: ignore[reportReturnType]


@quantizers.register("reste_sign")
class ResteSign(AbstractQuantizer):
    """A sign whose pseudo-gradient is the derivative of sign(x) |x|^(1/o): the rectified estimator.

    y = +1 where x > 0, else -1.
    dy/dx = |x|^(1/o - 1) / o for near < |x| <= clip; 0 beyond clip and for NaN.
    For |x| <= near that derivative has no bound. There, dy/dx = near^(1/o - 1), which is the mean
    slope from 0 to near.
    o = 1 + (o_end - 1)(1 - cos(progress pi / 2)). The estimator is the clipped identity at first.

    Shape:  x and y are alike, any rank.
    Range:  y in {-1, +1}; one bit per element after packing.
    Raises: InputTypeError if x is not floating point; UsageError if o_end is below 1, or unless
        0 < near < clip.
    Source: ReSTE, arXiv:2308.06689; near, clip and the formula of o as in its code.
    """

    o: Tensor

    def __init__(self, o_end: float = 3.0, near: float = 0.1, clip: float = 1.5):
        super().__init__()
        for option, value in (("o_end", o_end), ("near", near), ("clip", clip)):
            check_positive(option, value)
        if o_end < 1:
            raise UsageError(f"o_end is {o_end!r}; give 1 or more")
        if near >= clip:
            raise UsageError(f"near is {near!r}; give a number below clip, which is {clip!r}")
        self.o_end, self.near, self.clip = o_end, near, clip
        self.register_buffer("o", changing(1.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        return reste_sign(x, self.o, self.near, self.clip)

    def set_progress(self, progress: float) -> None:
        """Bring the gradient nearer to that of the step."""
        self.o.fill_(1 + (self.o_end - 1) * (1 - math.cos(progress * math.pi / 2)))

    def extra_repr(self) -> str:
        """o at the end of the training, and the places where the gradient is cut."""
        return f"o_end={self.o_end}, near={self.near}, clip={self.clip}"
