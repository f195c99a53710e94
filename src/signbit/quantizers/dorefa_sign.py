"""Sign of a weight, scaled by the mean magnitude of the whole layer."""

import torch
from torch import Tensor

from signbit.quantizers._base import quantizers, require_floating, signs_of
from signbit.quantizers._channels import widened
from signbit.quantizers._scaled import AbstractScaledSign
from signbit.quantizers._ste import StraightThrough


@quantizers.register("dorefa_sign")
class DorefaSign(AbstractScaledSign):
    """alpha sign(x), whose pseudo-gradient is the identity; for weights.

    alpha = mean |x| over the whole weight.  y = +alpha where x > 0, else -alpha.
    dy/dx = 1 everywhere.

    Shape:  x and y are alike, any rank.
    Range:  y in {-alpha, +alpha}; after packing one bit per element, and one float32 for the layer.
    Raises: InputTypeError if x is not floating point.
    Source: DoReFa-Net, arXiv:1606.06160, section 2.3, the case of 1 bit.
    """

    def signs(self, x: Tensor) -> Tensor:
        """-1 and +1; their gradient is divided by alpha, since the scale multiplies it by alpha."""
        require_floating(x)
        wide = widened(x)
        alpha = self.scale(x).clamp_min(torch.finfo(wide.dtype).tiny)
        return StraightThrough.apply(wide / alpha, signs_of(wide), None).to(x.dtype)  # pyright: ignore

    def scale(self, x: Tensor) -> Tensor:
        """alpha, without a gradient."""
        magnitude = widened(x.detach()).abs()
        return magnitude.mean(tuple(range(x.ndim)), keepdim=True)
