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
    """Sign of standardized weights, clamped so that none is too far from 0 to flip.

    z = (x - mean) / sqrt(variance + 1e-5) over the output channel, which is axis 0; as many
    weights are +1 as -1, nearly.  y = +1 where z > 0, else -1.
    dy/dz = 1 for |z| <= q(tau), else 0, and dy/dx follows through mean and variance.
    q(tau) = -mean |z| ln(2 - 2 tau) is the quantile of a Laplace distribution, its 1 - tau the
    opposite.  tau = tau_start + (tau_end - tau_start)(e^progress - 1)/(e - 1).

    tau_start, tau_end: 0.85 and 0.99 where they are None.
    quantizer: name, mapping or object of a sign that z goes through in place of the clamp, with
        its dy/dz: `ede_sign` makes it the weights of IR-Net.

    Shape:  x and y alike, any rank; rank 0 or 1 is one channel.
    Range:  y in {-1, +1}; one bit per element once packed.
    Raises: InputTypeError if x is not floating point, UsageError where
        0.5 < tau_start <= tau_end < 1 does not hold, or for a quantizer next to them, or one that
        gives others than -1 and +1 or looks at a channel itself.
    Source: ReCU, arXiv:2103.12369. Its code takes one q for a layer and the unbiased variance,
        and divides z by another constant, which changes the size of gradients alone.
        Standardization from IR-Net, arXiv:1909.10788.
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
                f"StandardizedSign: {self.quantizer!r} is no sign of single numbers; give one "
                "such as ede_sign"
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
        """Let the gradient reach weights that are further out."""
        share = math.expm1(progress) / math.expm1(1)
        self.width.fill_(_width(self.tau_start + (self.tau_end - self.tau_start) * share))

    def extra_repr(self) -> str:
        """The quantile at both ends of the training, or the other sign."""
        if self.quantizer is not None:
            return f"quantizer={self.quantizer!r}"
        return f"tau_start={self.tau_start}, tau_end={self.tau_end}"


def _width(tau: float) -> float:
    return -math.log(2 - 2 * tau)
