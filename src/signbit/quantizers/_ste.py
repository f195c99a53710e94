"""Estimators that several quantizers share."""

import math
from typing import Any

import torch
from torch import Tensor

from signbit.quantizers._base import check_positive


class StraightThrough(torch.autograd.Function):
    """The forward pass returns the given signs; the gradient passes where |x| <= clip."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, signs: Tensor, clip: float | None) -> Tensor:
        """The signs."""
        return signs.view_as(signs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep x; without clipping, nothing is needed."""
        x, _, clip = inputs
        ctx.clip = clip
        if clip is not None:
            ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """The gradient where |x| <= clip, 0 elsewhere."""
        (gradient,) = gradients
        if ctx.clip is None:
            return gradient, None, None
        (x,) = ctx.saved_tensors
        if torch.compiler.is_compiling():  # The compiler makes one loop of these operators.
            return torch.where(x.abs() <= ctx.clip, gradient, 0), None, None
        # This is the derivative of hardtanh, which is 0 at its bounds. It needs the fewest passes.
        bound, known = _next_above(ctx.clip, x.dtype), x.nan_to_num(nan=torch.inf)
        return torch.ops.aten.hardtanh_backward(gradient, known, -bound, bound), None, None


class Triangle(torch.autograd.Function):
    """The forward pass returns the given signs; the gradient is times 2 - 2|x| where |x| <= 1."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, signs: Tensor) -> Tensor:
        """The signs."""
        return signs.view_as(signs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep x."""
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient times 2 - 2|x|; 0 where |x| > 1, and for NaN."""
        (x,) = ctx.saved_tensors
        # Values beyond 1 and NaN are treated as 1, where the slope is 0.
        magnitude = x.abs().nan_to_num_(nan=1.0, posinf=1.0).clamp(max=1)
        slope = magnitude.mul_(-2).add_(2)
        return gradient_where(slope, gradients[0]).mul_(slope), None


def _next_above(value: float, dtype: torch.dtype) -> float:
    """Round `value` to the digits of `dtype`, and return the next larger number of that type."""
    digits = 1 - round(math.log2(torch.finfo(dtype).eps))
    fraction, exponent = math.frexp(value)
    return math.ldexp(round(math.ldexp(fraction, digits)) + 1, exponent - digits)


def gradient_where(slope: Tensor, gradient: Tensor) -> Tensor:
    """`gradient` where `slope` is above 0, elsewhere 0, even if the gradient is infinite."""
    # This is the derivative of ReLU. On a CPU, `where` takes several times as long.
    return torch.ops.aten.threshold_backward(gradient, slope, 0)


def check_clip(clip: float | None) -> None:
    """Raises: UsageError if the clip value is neither None nor positive."""
    if clip is not None:
        check_positive("clip", clip, hint=", or None for no clipping")
