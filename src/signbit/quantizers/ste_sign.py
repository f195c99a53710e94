"""Deterministic sign with the straight-through estimator."""

from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating, signs_of
from signbit.quantizers._ste import StraightThrough, check_clip


def ste_sign(x: Tensor, clip: float | None = 1.0) -> Tensor:
    """`SteSign` as a function.

    Shape:  x and the result are alike, any rank.
    Range:  {-1, +1}.
    Raises: InputTypeError if x is not floating point.
    """
    require_floating(x)
    return StraightThrough.apply(x, signs_of(x), clip)  # pyright: ignore[reportReturnType]


@quantizers.register("ste_sign")
class SteSign(AbstractQuantizer):
    """A sign whose pseudo-gradient is the clipped identity: the straight-through estimator.

    y = +1 where x > 0, else -1 (zero of either sign and NaN give -1).
    dy/dx = 1 for |x| <= clip, else 0; with clip=None it is 1 everywhere.

    Shape:  x and y are alike, any rank.
    Range:  y in {-1, +1}; one bit per element after packing.
    Raises: InputTypeError if x is not floating point, UsageError if clip is not positive.
    Source: BinaryNet, arXiv:1602.02830.
    """

    def __init__(self, clip: float | None = 1.0):
        super().__init__()
        check_clip(clip)
        self.clip = clip

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        return ste_sign(x, self.clip)

    def extra_repr(self) -> str:
        """The clip value."""
        return f"clip={self.clip}"
