"""Estimators that several quantizers share."""

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
        # +1 inside, 0 at the clip, -1 beyond and for NaN.
        side = x.abs().nan_to_num_(nan=torch.inf).neg_().add_(ctx.clip).sign_()
        return gradient_where(side.add_(1), gradient), None, None


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
        return gradient_where(slope, gradients[0] * slope), None


def gradient_where(slope: Tensor, gradient: Tensor) -> Tensor:
    """`gradient` where `slope` is above 0, elsewhere 0, even if the gradient is infinite."""
    # This is the derivative of ReLU. On a CPU, `where` takes several times as long.
    return torch.ops.aten.threshold_backward(gradient, slope, 0)


def check_clip(clip: float | None) -> None:
    """Raises: UsageError if the clip value is neither None nor positive."""
    if clip is not None:
        check_positive("clip", clip, hint=", or None for no clipping")
