"""Sign of a weight, scaled by the mean magnitude of its output channel."""

from torch import Tensor

from signbit.quantizers._base import quantizers
from signbit.quantizers._channels import mean_magnitude
from signbit.quantizers._scaled import AbstractClippedScaledSign


@quantizers.register("xnor_sign")
class XnorSign(AbstractClippedScaledSign):
    """alpha sign(x), where the gradient also reaches x through alpha; for weights.

    alpha = mean |x| of the output channel (axis 0).  y = +alpha where x > 0, else -alpha.
    dy/dx = alpha for |x| <= clip, else 0; with clip=None it is alpha everywhere.
    d alpha/dx = sign(x) / n, where n is the number of weights in the channel.

    Shape:  x and y are alike, any rank; rank 0 or 1 is one channel.
    Range:  y in {-alpha, +alpha}; after packing one bit per element, and one float32 per channel.
    Raises: InputTypeError if x is not floating point, UsageError if clip is not positive.
    Source: XNOR-Net, arXiv:1603.05279.
    """

    def scale(self, x: Tensor) -> Tensor:
        """alpha."""
        return mean_magnitude(x)
