"""Sign with a triangular pseudo-gradient."""

from typing import Any

import torch
from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating, signs_of
from signbit.quantizers._ste import gradient_where


class _ApproxSign(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, signs: Tensor) -> Tensor:
        return signs.view_as(signs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        # Beyond 1, and for NaN, as at 1.
        magnitude = x.abs().nan_to_num_(nan=1.0, posinf=1.0).clamp(max=1)
        slope = magnitude.mul_(-2).add_(2)
        return gradient_where(slope, gradients[0] * slope), None


def approx_sign(x: Tensor, signs: Tensor | None = None) -> Tensor:
    """`ApproxSign` as a function; signs: those to give forwards, where they are known already."""
    require_floating(x)
    return _ApproxSign.apply(x, signs_of(x) if signs is None else signs)  # pyright: ignore


@quantizers.register("approx_sign")
class ApproxSign(AbstractQuantizer):
    """Sign forwards, a triangle backwards.

    y = +1 where x > 0, else -1.  dy/dx = 2 - 2|x| for |x| <= 1, else 0.

    Shape:  x and y alike, any rank.
    Range:  y in {-1, +1}; one bit per element once packed.
    Raises: InputTypeError if x is not floating point.
    Source: Bi-Real Net, arXiv:1808.00278.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        return approx_sign(x)
