"""The straight-through estimator, shared by the quantizers that differ only forwards."""

from typing import Any

import torch
from torch import Tensor

from signbit.quantizers._base import check_positive


class StraightThrough(torch.autograd.Function):
    """Given signs forwards; backwards the gradient passes where |x| <= clip."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, signs: Tensor, clip: float | None) -> Tensor:
        """The signs."""
        return signs.view_as(signs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep x, unless the estimator is unclipped and needs nothing."""
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


def gradient_where(slope: Tensor, gradient: Tensor) -> Tensor:
    """`gradient` where `slope` is above 0, elsewhere 0 even if the gradient is infinite."""
    # The derivative of ReLU: on a CPU `where` takes several times as long.
    return torch.ops.aten.threshold_backward(gradient, slope, 0)


def check_clip(clip: float | None) -> None:
    """Raises: UsageError where the clip value is neither None nor positive."""
    if clip is not None:
        check_positive("clip", clip, hint=", or None for no clipping")
