"""No quantization, for ablations: the same network in real numbers."""

from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating


@quantizers.register("identity")
class Identity(AbstractQuantizer):
    """No quantization: it switches one binarization off without a change of the network.

    y = x.  dy/dx = 1.

    Shape:  x and y are alike, any rank.
    Range:  all reals, so the layer does not pack into bits.
    Raises: InputTypeError if x is not floating point.
    """

    binary = False

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`."""
        require_floating(x)
        return x
