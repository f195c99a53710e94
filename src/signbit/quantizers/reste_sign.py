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
    """`ResteSign` as a function, with the power 1/o."""
    require_floating(x)
    o = o if isinstance(o, Tensor) else changing(o)
    return _ResteSign.apply(x, o, near, clip)  # pyright: ignore[reportReturnType]


@quantizers.register("reste_sign")
class ResteSign(AbstractQuantizer):
    """Sign forwards, the derivative of sign(x) |x|^(1/o) backwards (rectified estimator).

    y = +1 where x > 0, else -1.
    dy/dx = |x|^(1/o - 1) / o for near < |x| <= clip; near^(1/o - 1), the slope from 0 to near,
    for |x| <= near, where the derivative has no bound; 0 beyond clip and for NaN.
    o = 1 + (o_end - 1)(1 - cos(progress pi / 2)): the clipped identity at first.

    Shape:  x and y alike, any rank.
    Range:  y in {-1, +1}; one bit per element once packed.
    Raises: InputTypeError if x is not floating point, UsageError where o_end is below 1 or
        0 < near < clip does not hold.
    Source: ReSTE, arXiv:2308.06689; near, clip and the course of o as in its code.
    """

    o: Tensor

    def __init__(self, o_end: float = 3.0, near: float = 0.1, clip: float = 1.5):
        super().__init__()
        for option, value in (("o_end", o_end), ("near", near), ("clip", clip)):
            check_positive(option, value)
        if o_end < 1:
            raise UsageError(f"o_end is {o_end!r}; give 1 or more, a root")
        if near >= clip:
            raise UsageError(f"near is {near!r}; give less than clip, {clip!r}")
        self.o_end, self.near, self.clip = o_end, near, clip
        self.register_buffer("o", changing(1.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        return reste_sign(x, self.o, self.near, self.clip)

    def set_progress(self, progress: float) -> None:
        """Bring the gradient nearer to that of the step."""
        self.o.fill_(1 + (self.o_end - 1) * (1 - math.cos(progress * math.pi / 2)))

    def extra_repr(self) -> str:
        """The root at the end of the training, and where the gradient is cut."""
        return f"o_end={self.o_end}, near={self.near}, clip={self.clip}"
