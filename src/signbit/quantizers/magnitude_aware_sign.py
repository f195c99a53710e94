"""Sign of a weight whose gradient is scaled by the mean magnitude of its output channel."""

from torch import Tensor

from signbit.quantizers._base import quantizers
from signbit.quantizers._channels import mean_magnitude
from signbit.quantizers._scaled import AbstractClippedScaledSign


@quantizers.register("magnitude_aware_sign")
class MagnitudeAwareSign(AbstractClippedScaledSign):
    """alpha sign(x), where alpha is a constant for the gradient; for weights.

    alpha = mean |x| of the output channel (axis 0).  y = +alpha where x > 0, else -alpha.
    dy/dx = alpha for |x| <= clip, else 0; with clip=None it is alpha everywhere.

    The gradient grows with the weights of a channel, so that large weights flip as easily as small
    ones.

    Shape:  x and y are alike, any rank; rank 0 or 1 is one channel.
    Range:  y in {-alpha, +alpha}; after packing one bit per element, and one float32 per channel.
    Raises: InputTypeError if x is not floating point, UsageError if clip is not positive.
    Source: Bi-Real Net, arXiv:1808.00278, section 3.3; one alpha per channel, as in its code.
    """

    def scale(self, x: Tensor) -> Tensor:
        """alpha, without a gradient."""
        return mean_magnitude(x.detach())
