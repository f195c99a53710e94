"""Sign drawn at random, with the clipped input as its mean."""

import torch
from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating, signs_of
from signbit.quantizers._ste import StraightThrough, check_clip
from signbit.quantizers.ste_sign import ste_sign


def stochastic_sign(x: Tensor, clip: float | None = 1.0) -> Tensor:
    """`StochasticSign` in training mode, as a function.

    Shape:  x and the result are alike, any rank.
    Range:  {-1, +1}.
    Raises: InputTypeError if x is not floating point.
    """
    require_floating(x)
    # Half precision has too few values between 0 and 1 to draw a probability from.
    wide = torch.promote_types(x.dtype, torch.float32)
    probability = ((x.detach().to(wide) + 1) / 2).clamp(0, 1)
    signs = signs_of(probability - torch.rand_like(probability)).to(x.dtype)
    return StraightThrough.apply(x, signs, clip)  # pyright: ignore[reportReturnType]


@quantizers.register("stochastic_sign")
class StochasticSign(AbstractQuantizer):
    """+1 with probability clip((x + 1) / 2, 0, 1), else -1; deterministic in `eval()`.

    The mean of y is x clipped to [-1, 1]. The derivative of that mean is the pseudo-gradient:
    dy/dx = 1 for |x| <= clip, else 0; with clip=None it is 1 everywhere.

    The random numbers come from torch's generator on the device of x. NaN gives -1.

    Shape:  x and y are alike, any rank.
    Range:  y in {-1, +1}; one bit per element after packing.
    Raises: InputTypeError if x is not floating point, UsageError if clip is not positive.
    Source: BinaryConnect, arXiv:1511.00363; BinaryNet, arXiv:1602.02830.
    """

    def __init__(self, clip: float | None = 1.0):
        super().__init__()
        check_clip(clip)
        self.clip = clip

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        return stochastic_sign(x, self.clip) if self.training else ste_sign(x, self.clip)

    def extra_repr(self) -> str:
        """The clip value."""
        return f"clip={self.clip}"
