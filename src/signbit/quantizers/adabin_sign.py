"""Sign of an activation around a learned centre, with a learned distance from it."""

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

    A layer multiplies by the signs alone. It then multiplies its sums by alpha and adds beta times
    the sum of the output channel's weights.

    A layer with padding_value=0 pads the signs with 0, so that its padding counts as beta. The
    paper pads with the number 0. With beta, the number that is added is the same everywhere in a
    channel, also at the border.

    alpha, beta: learned numbers, one of each per layer; 1 and 0 at first. Only the magnitude of
        alpha counts.

    Shape:  x and y are alike, any rank.
    Range:  y in {beta - alpha, beta + alpha}; one bit per element after packing. beta is then part
        of the threshold.
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
        # The quotient can round to 0 where `centred` is not 0.
        return Triangle.apply(centred / distance, signs_of(centred))  # pyright: ignore

    def distance_and_centre(self) -> tuple[Tensor, Tensor]:
        """alpha, made positive, and beta."""
        return self.alpha.abs().clamp_min(_LEAST), self.beta
