"""No quantization, for ablations: the same network in real numbers."""

from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating


@quantizers.register("identity")
class Identity(AbstractQuantizer):
    """y = x, dy/dx = 1: switches one binarization off without touching the network.

    Shape:  x and y alike, any rank.
    Range:  all reals, so the layer does not pack into bits.
    Raises: InputTypeError if x is not floating point.
    """

    binary = False

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`."""
        require_floating(x)
        return x
