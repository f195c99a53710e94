"""Sign of a weight, scaled by the mean magnitude of the whole layer."""

import torch
from torch import Tensor

from signbit.quantizers._base import quantizers, require_floating, signs_of
from signbit.quantizers._channels import widened
from signbit.quantizers._scaled import AbstractScaledSign
from signbit.quantizers._ste import StraightThrough


@quantizers.register("dorefa_sign")
class DorefaSign(AbstractScaledSign):
    """alpha sign(x) forwards, the identity backwards; for weights.

    alpha = mean |x| of all x.  y = +alpha where x > 0, else -alpha.  dy/dx = 1 everywhere.

    Shape:  x and y alike, any rank.
    Range:  y in {-alpha, +alpha}; one bit per element once packed, one float32 for the layer.
    Raises: InputTypeError if x is not floating point.
    Source: DoReFa-Net, arXiv:1606.06160, section 2.3, the case of 1 bit.
    """

    def signs(self, x: Tensor) -> Tensor:
        """-1 and +1; the gradient is divided by alpha, which it was multiplied with."""
        require_floating(x)
        wide = widened(x)
        alpha = self.scale(x).clamp_min(torch.finfo(wide.dtype).tiny)
        return StraightThrough.apply(wide / alpha, signs_of(wide), None).to(x.dtype)  # pyright: ignore

    def scale(self, x: Tensor) -> Tensor:
        """alpha, without a gradient."""
        magnitude = widened(x.detach()).abs()
        return magnitude.mean(tuple(range(x.ndim)), keepdim=True)
