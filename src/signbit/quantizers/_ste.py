"""The straight-through estimator, shared by the quantizers that differ only forwards."""

from typing import Any

import torch
from torch import Tensor

from signbit.quantizers._base import check_positive, to_signs


class StraightThrough(torch.autograd.Function):
    """Given bits forwards; backwards the gradient passes where |x| <= clip."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, bits: Tensor, clip: float | None) -> Tensor:
        """+1 where a bit is set, else -1."""
        return to_signs(bits, x.dtype)

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
        return torch.where(x.abs() <= ctx.clip, gradient, 0), None, None


def check_clip(clip: float | None) -> None:
    """Raises: UsageError where the clip value is neither None nor positive."""
    if clip is not None:
        check_positive("clip", clip, hint=", or None for no clipping")
