"""Sign of a weight after its output channel is brought to mean 0 and variance 1."""

import math

from torch import Tensor

from signbit.errors import UsageError
from signbit.quantizers._base import (
    AbstractQuantizer,
    Choice,
    changing,
    create,
    quantizers,
    require_floating,
    signs_of,
)
from signbit.quantizers._channels import centre_and_deviation, channel_mean, widened
from signbit.quantizers._ste import StraightThrough


@quantizers.register("standardized_sign")
class StandardizedSign(AbstractQuantizer):
    """The sign of standardized weights, clamped so that none is too far from 0 to flip.

    z = (x - mean) / sqrt(variance + 1e-5) over the output channel (axis 0). Nearly as many weights
    become +1 as -1.
    y = +1 where z > 0, else -1.
    dy/dz = 1 for |z| <= q(tau), else 0. dy/dx also contains the derivatives of mean and variance.
    q(tau) = -mean |z| ln(2 - 2 tau): the quantile tau of a Laplace distribution; -q is the quantile
    1 - tau.
    tau = tau_start + (tau_end - tau_start)(e^progress - 1)/(e - 1).

    tau_start, tau_end: tau in the first and in the last epoch; None for 0.85 and 0.99.
    quantizer: the name, mapping or object of another sign for z, which replaces the clamp and its
        dy/dz. With `ede_sign`, the weights are those of IR-Net.

    Shape:  x and y are alike, any rank; rank 0 or 1 is one channel.
    Range:  y in {-1, +1}; one bit per element after packing.
    Raises: InputTypeError if x is not floating point; UsageError unless
        0.5 < tau_start <= tau_end < 1, if both tau and a quantizer are given, or for a quantizer
        that is for weights or gives values other than -1 and +1.
    Source: ReCU, arXiv:2103.12369. Its code uses one q for a layer and the unbiased variance, and
        divides z by another constant, which changes only the size of the gradients.
        Standardization: IR-Net, arXiv:1909.10788.
    """

    for_weights = True
    width: Tensor

    def __init__(
        self,
        tau_start: float | None = None,
        tau_end: float | None = None,
        quantizer: Choice | None = None,
    ):
        super().__init__()
        if quantizer is not None and not tau_start is tau_end is None:
            raise UsageError(
                f"tau_start {tau_start!r} and tau_end {tau_end!r} have no effect with quantizer "
                f"{quantizer!r}; leave them out"
            )
        tau_start = 0.85 if tau_start is None else tau_start
        tau_end = 0.99 if tau_end is None else tau_end
        numbers = all(isinstance(tau, int | float) for tau in (tau_start, tau_end))
        if not numbers or not 0.5 < tau_start <= tau_end < 1:
            raise UsageError(
                f"tau_start is {tau_start!r}, tau_end {tau_end!r}; give quantiles with "
                "0.5 < tau_start <= tau_end < 1"
            )
        self.tau_start, self.tau_end = tau_start, tau_end
        self.quantizer = create(quantizer)
        if self.quantizer is not None and (
            not self.quantizer.binary
            or self.quantizer.for_weights
            or self.quantizer.distance_and_centre() is not None
        ):
            raise UsageError(
                f"StandardizedSign: quantizer is {self.quantizer!r}, which is not a sign of single "
                "numbers; give one that is, such as ede_sign"
            )
        self.register_buffer("width", changing(_width(tau_start)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`."""
        require_floating(x)
        wide = widened(x)
        mean, deviation = centre_and_deviation(wide)
        z = (wide - mean) / deviation
        signs = self._clamped(z) if self.quantizer is None else self.quantizer(z)
        return signs.to(x.dtype)

    def _clamped(self, z: Tensor) -> Tensor:
        quantile = channel_mean(z.detach().abs()) * self.width
        z = z.clamp(-quantile, quantile)
        return StraightThrough.apply(z, signs_of(z), None)  # pyright: ignore

    def set_progress(self, progress: float) -> None:
        """Raise tau, so that the gradient reaches weights further from 0."""
        share = math.expm1(progress) / math.expm1(1)
        self.width.fill_(_width(self.tau_start + (self.tau_end - self.tau_start) * share))

    def extra_repr(self) -> str:
        """tau at both ends of the training, or the other sign."""
        if self.quantizer is not None:
            return f"quantizer={self.quantizer!r}"
        return f"tau_start={self.tau_start}, tau_end={self.tau_end}"


def _width(tau: float) -> float:
    return -math.log(2 - 2 * tau)
