"""Sign with a triangular pseudo-gradient."""

from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating, signs_of
from signbit.quantizers._ste import Triangle


def approx_sign(x: Tensor) -> Tensor:
    """`ApproxSign` as a function.

    Shape:  x and the result are alike, any rank.
    Range:  {-1, +1}.
    Raises: InputTypeError if x is not floating point.
    """
    require_floating(x)
    return Triangle.apply(x, signs_of(x))  # pyright: ignore[reportReturnType]


@quantizers.register("approx_sign")
class ApproxSign(AbstractQuantizer):
    """A sign whose pseudo-gradient is a triangle.

    y = +1 where x > 0, else -1.  dy/dx = 2 - 2|x| for |x| <= 1, else 0.

    Shape:  x and y are alike, any rank.
    Range:  y in {-1, +1}; one bit per element after packing.
    Raises: InputTypeError if x is not floating point.
    Source: Bi-Real Net, arXiv:1808.00278.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        return approx_sign(x)
