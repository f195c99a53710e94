"""Deterministic sign that gives +1 for zero, the rule of most published code."""

from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating
from signbit.quantizers._ste import StraightThrough, check_clip


def plus_sign(x: Tensor, clip: float | None = 1.0) -> Tensor:
    """`PlusSign` as a function.

    Shape:  x and the result are alike, any rank.
    Range:  {-1, +1}.
    Raises: InputTypeError if x is not floating point.
    """
    require_floating(x)
    # A comparison with NaN is false, so that NaN gives -1 here too.
    signs = x.detach().ge(0).to(x.dtype).mul_(2).sub_(1)
    return StraightThrough.apply(x, signs, clip)  # pyright: ignore[reportReturnType]


@quantizers.register("plus_sign")
class PlusSign(AbstractQuantizer):
    """`ste_sign` with another rule for zero: +1 where x >= 0.

    y = +1 where x >= 0, also for zero of either sign, else -1; NaN gives -1.
    dy/dx = 1 for |x| <= clip, else 0; with clip=None it is 1 everywhere.

    Shape:  x and y are alike, any rank.
    Range:  y in {-1, +1}; one bit per element after packing.
    Raises: InputTypeError if x is not floating point, UsageError if clip is not positive.
    Source: the sign of Larq (https://docs.larq.dev/larq/api/quantizers/), Brevitas and FINN.
    """

    def __init__(self, clip: float | None = 1.0):
        super().__init__()
        check_clip(clip)
        self.clip = clip

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        return plus_sign(x, self.clip)

    def extra_repr(self) -> str:
        """The clip value."""
        return f"clip={self.clip}"
