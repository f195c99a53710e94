"""Sign of an activation around a learned centre, with a learned distance of its two values."""

import torch
from torch import Tensor, nn

from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating, signs_of
from signbit.quantizers._ste import Triangle

# The distance stays positive, so that dividing by it is defined.
_LEAST = 2.0**-20


@quantizers.register("adabin_sign")
class AdabinSign(AbstractQuantizer):
    """The adaptive binary set of AdaBin: beta - alpha and beta + alpha, both learned.

    y = beta + alpha where x > beta, else beta - alpha.
    dy/dx = g = 2 - 2|z| for |z| <= 1, else 0, with z = (x - beta) / alpha.
    dy/dalpha = sign - g z.  dy/dbeta = 1 - g.

    A layer multiplies with the signs; alpha scales its sums, beta times the sum of an output
    channel's weights is added to them. Where a layer pads with 0 it pads between the two values,
    with beta, not with the number 0 as the paper does: then one number per channel is added
    everywhere, at the border too.

    alpha, beta: learned numbers, one each for the layer, 1 and 0 at first. Of alpha the magnitude
        counts.

    Shape:  x and y alike, any rank.
    Range:  y in {beta - alpha, beta + alpha}; one bit per element once packed, whose threshold
        holds beta.
    Raises: InputTypeError if x is not floating point.
    Source: AdaBin, arXiv:2208.08084, section 3.3; estimator as in its code.
    """

    def __init__(self):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(()))
        self.beta = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        distance, centre = self.distance_and_centre()
        return self.signs(x) * distance.to(x.dtype) + centre.to(x.dtype)

    def signs(self, x: Tensor) -> Tensor:
        """-1 and +1."""
        require_floating(x)
        distance, centre = (value.to(x.dtype) for value in self.distance_and_centre())
        centred = x - centre
        # A quotient may round to 0, its dividend not.
        return Triangle.apply(centred / distance, signs_of(centred))  # pyright: ignore

    def distance_and_centre(self) -> tuple[Tensor, Tensor]:
        """alpha and beta."""
        return self.alpha.abs().clamp_min(_LEAST), self.beta
