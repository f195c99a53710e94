"""ReLU in place of a sign, for real networks whose only nonlinearity would be the sign."""

import torch.nn.functional as F
from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating


@quantizers.register("relu")
class Relu(AbstractQuantizer):
    """max(x, 0) in place of a sign, for the real-valued twin of a binary network.

    y = x where x > 0, else 0.  dy/dx = 1 where x > 0, else 0.

    With `identity` instead, a network without other activations would be linear.

    Shape:  x and y are alike, any rank.
    Range:  0 and all positive reals, so the layer does not pack into bits.
    Raises: InputTypeError if x is not floating point.
    """

    binary = False

    def forward(self, x: Tensor) -> Tensor:
        """max(x, 0)."""
        require_floating(x)
        return F.relu(x)
