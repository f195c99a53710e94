"""Sign with the derivative of a swish-shaped sign as pseudo-gradient."""

from typing import Any

import torch
from torch import Tensor

from signbit.quantizers._base import (
    AbstractQuantizer,
    check_positive,
    quantizers,
    require_floating,
    signs_of,
)

# tanh(20) is 1 in double precision, so the gradient is 0 beyond this bound. Clamping to it avoids
# inf * 0, which is NaN.
_FLAT = 40.0


class _SwishSign(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, beta: float) -> Tensor:
        return signs_of(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, ctx.beta = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        z = (ctx.beta * x).nan_to_num(nan=_FLAT).clamp(-_FLAT, _FLAT)
        t = torch.tanh(z / 2)
        # 1 / (1 + cosh z) = (1 - t^2) / 2, which cannot overflow.
        return gradients[0] * (ctx.beta / 2 * (2 - z * t) * (1 - t * t)), None


def swish_sign(x: Tensor, beta: float = 5.0) -> Tensor:
    """`SwishSign` as a function.

    Shape:  x and the result are alike, any rank.
    Range:  {-1, +1}.
    Raises: InputTypeError if x is not floating point.
    """
    require_floating(x)
    return _SwishSign.apply(x, beta)  # pyright: ignore[reportReturnType]


@quantizers.register("swish_sign")
class SwishSign(AbstractQuantizer):
    """A sign whose pseudo-gradient is the derivative of SignSwish.

    y = +1 where x > 0, else -1.
    dy/dx = beta (2 - beta x tanh(beta x / 2)) / (1 + cosh(beta x)). It is beta at x = 0, slightly
    negative in its tails, and 0 for NaN.

    beta: the steepness.

    Shape:  x and y are alike, any rank.
    Range:  y in {-1, +1}; one bit per element after packing.
    Raises: InputTypeError if x is not floating point, UsageError if beta is not positive.
    Source: BNN+, arXiv:1812.11800.
    """

    def __init__(self, beta: float = 5.0):
        super().__init__()
        check_positive("beta", beta)
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        return swish_sign(x, self.beta)

    def extra_repr(self) -> str:
        """The steepness."""
        return f"beta={self.beta}"
