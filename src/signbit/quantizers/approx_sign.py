"""Sign with a triangular pseudo-gradient."""

from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating, signs_of
from signbit.quantizers._ste import Triangle


def approx_sign(x: Tensor) -> Tensor:
    """`ApproxSign` as a function."""
    require_floating(x)
    return Triangle.apply(x, signs_of(x))  # pyright: ignore[reportReturnType]


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
