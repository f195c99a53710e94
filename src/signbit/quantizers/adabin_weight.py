"""A weight as one of two values per output channel, around its mean."""

from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating
from signbit.quantizers._channels import centre_and_deviation, widened
from signbit.quantizers.ede_sign import EdeSign


@quantizers.register("adabin_weight")
class AdabinWeight(AbstractQuantizer):
    """The adaptive binary set of AdaBin for weights: beta - alpha and beta + alpha of a channel.

    beta is the mean of the output channel (axis 0), and alpha = sqrt(variance + 1e-5) of it.
    z = (x - beta) / alpha.  y = beta + alpha where z > 0, else beta - alpha.
    dy/dx contains the derivatives of alpha, beta and z. The derivative of the sign of z is that of
    `ede_sign` with the same start and end.

    A network with it can be trained and evaluated, but not packed: beta times the sum of a window's
    inputs differs from place to place, so that no threshold per channel can replace it.

    start, end: the sharpness of the gradient in the first and in the last epoch.

    Shape:  x and y are alike, any rank; rank 0 or 1 is one channel.
    Range:  two real numbers per channel, so the layer does not pack into bits.
    Raises: InputTypeError if x is not floating point, UsageError if start or end is not positive.
    Source: AdaBin, arXiv:2208.08084, section 3.2; estimator as in its code.
    """

    binary = False
    for_weights = True

    def __init__(self, start: float = 0.1, end: float = 10.0):
        super().__init__()
        self.sign = EdeSign(start, end)

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        require_floating(x)
        wide = widened(x)
        beta, alpha = centre_and_deviation(wide)
        return (self.sign((wide - beta) / alpha) * alpha + beta).to(x.dtype)

    def extra_repr(self) -> str:
        """The sharpness at both ends of the training."""
        return self.sign.extra_repr()
