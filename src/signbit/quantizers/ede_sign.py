"""Sign with the derivative of a tanh that sharpens while the network is trained."""

from typing import Any

import torch
from torch import Tensor

from signbit.quantizers._base import (
    AbstractQuantizer,
    changing,
    check_positive,
    quantizers,
    require_floating,
    signs_of,
)


class _EdeSign(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, t: Tensor) -> Tensor:
        return signs_of(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        x, t = ctx.saved_tensors
        t = t.to(x.dtype)
        # An infinite x gives tanh = 1 and a gradient of 0. NaN must give 0 as well.
        slope = torch.tanh((t * x).nan_to_num(nan=torch.inf))
        # k t = max(1 / t, 1) t = max(1, t).
        return gradients[0] * (t.clamp_min(1) * (1 - slope * slope)), None


def ede_sign(x: Tensor, t: Tensor | float) -> Tensor:
    """`EdeSign` as a function, with the sharpness t.

    Shape:  x and the result are alike, any rank; t is one number.
    Range:  {-1, +1}.
    Raises: InputTypeError if x is not floating point.
    """
    require_floating(x)
    t = t if isinstance(t, Tensor) else changing(t)
    return _EdeSign.apply(x, t)  # pyright: ignore[reportReturnType]


@quantizers.register("ede_sign")
class EdeSign(AbstractQuantizer):
    """A sign whose pseudo-gradient is the derivative of k tanh(t x): the error decay estimator.

    y = +1 where x > 0, else -1.
    dy/dx = k t (1 - tanh(t x)^2) with k = max(1/t, 1); this is max(1, t) at x = 0, and 0 for NaN.
    t = start (end / start)^progress.

    At first the estimator is near the identity, at the end near the step.

    start, end: the sharpness t in the first and in the last epoch.

    Shape:  x and y are alike, any rank.
    Range:  y in {-1, +1}; one bit per element after packing.
    Raises: InputTypeError if x is not floating point, UsageError if start or end is not positive.
    Source: IR-Net, arXiv:1909.10788, section 3.3.
    """

    t: Tensor

    def __init__(self, start: float = 0.1, end: float = 10.0):
        super().__init__()
        check_positive("start", start)
        check_positive("end", end)
        self.start, self.end = start, end
        self.register_buffer("t", changing(start), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        return ede_sign(x, self.t)

    def set_progress(self, progress: float) -> None:
        """Sharpen the gradient."""
        self.t.fill_(self.start * (self.end / self.start) ** progress)

    def extra_repr(self) -> str:
        """The sharpness at both ends of the training."""
        return f"start={self.start}, end={self.end}"
