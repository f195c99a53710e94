"""Sign of a weight by the rules of published code: its centre, its zero, its scale."""

from typing import Any, Literal

import torch
from torch import Tensor

from signbit.errors import UsageError
from signbit.quantizers._base import AbstractQuantizer, quantizers, require_floating
from signbit.quantizers._channels import widened
from signbit.quantizers._ste import StraightThrough, check_clip
from signbit.quantizers.plus_sign import plus_sign
from signbit.quantizers.ste_sign import ste_sign
from signbit.quantizers.torch_sign import torch_sign

Centre = Literal["channel", "position", "layer"] | None
Deviation = Literal["biased", "unbiased"] | None
Scale = Literal["mean", "power_of_two"] | None

_SIGNS = {-1: ste_sign, 0: torch_sign, 1: plus_sign}
_ALLOWED: dict[str, tuple[Any, ...]] = {
    "centre": (None, "channel", "position", "layer"),
    "zero": (-1, 0, 1),
    "scale": (None, "mean", "power_of_two"),
    "scale_centre": (None, "channel", "position", "layer"),
    "deviation": (None, "biased", "unbiased"),
    "deviation_per": ("channel", "layer"),
    "per": ("channel", "layer"),
}


@quantizers.register("rule_sign")
class RuleSign(AbstractQuantizer):
    """The sign of a weight, centred if wanted, times a scale that is computed from the weight.

    y = alpha sign(x - centre(x)); the sign is `zero` where x equals its centre.
    dy/dx = alpha for |x| <= clip, else 0. Centre and alpha are constants for the gradient.

    centre: the mean that is subtracted: that of the output "channel" (axis 0), that of the input
        channels (axis 1) at each "position" of a kernel, or that of the whole "layer"; None for no
        mean.
    zero: the sign of a number that equals its centre: -1, 0 or +1.
    scale: how alpha is computed from v: "mean" for the mean of |v|, "power_of_two" for the nearest
        power of two, 2^round(log2(mean |v|)); None for alpha = 1.
    per: whether there is one alpha for each output "channel" or one for the "layer".
    clip: the gradient is 0 where |x| is larger; None for no clipping.

    v is x after three steps, each of which can be left out. First, the mean that scale_centre names
    is subtracted. Then v is divided by its standard deviation. Last, v is clamped.

    scale_centre: the mean that the first step subtracts, named as in `centre`; None for no mean.
    deviation: the variance of the second step, "biased" or "unbiased"; None for no division.
    deviation_per: whether that is the deviation of the output "channel" or of the "layer".
    epsilon: the number that is added to the variance.
    scale_clip: the last step clamps v to [-scale_clip, scale_clip]; None for no clamping.

    Shape:  x and y are alike, any rank; rank 0 or 1 is one channel.
    Range:  y in {-alpha, +alpha}, and also 0 with zero=0. After packing one bit per element, and
        alpha.
    Raises: InputTypeError if x is not floating point; UsageError for another value of an option.
    Source: XNOR-Net, arXiv:1603.05279, whose code for PyTorch has centre="position" and
        scale_clip=1; IR-Net, arXiv:1909.10788, which has centre="channel", scale="power_of_two"
        and deviation="unbiased".
    """

    for_weights = True

    def __init__(
        self,
        centre: Centre = None,
        zero: Literal[-1, 0, 1] = -1,
        scale: Scale = "mean",
        scale_centre: Centre = None,
        deviation: Deviation = None,
        deviation_per: Literal["channel", "layer"] = "channel",
        epsilon: float = 0.0,
        scale_clip: float | None = None,
        per: Literal["channel", "layer"] = "channel",
        clip: float | None = 1.0,
    ):
        super().__init__()
        self.centre, self.zero, self.scale_kind = centre, zero, scale
        self.scale_centre, self.deviation, self.epsilon = scale_centre, deviation, epsilon
        self.deviation_per, self.scale_clip = deviation_per, scale_clip
        self.per, self.clip = per, clip
        for name, value in self._options().items():
            if name in _ALLOWED and value not in _ALLOWED[name]:
                allowed = ", ".join(map(repr, _ALLOWED[name]))
                raise UsageError(f"RuleSign: {name} is {value!r}; give one of {allowed}")
        check_clip(clip)
        check_clip(scale_clip)
        if not epsilon >= 0:
            raise UsageError(f"RuleSign: epsilon is {epsilon!r}; give 0 or a positive number")
        self.binary = zero != 0  # pyright: ignore[reportAttributeAccessIssue]

    def forward(self, x: Tensor) -> Tensor:
        """The signs of `x` times alpha."""
        signs, scale = self.signs(x), self.scale(x)
        return signs if scale is None else signs * scale.to(x.dtype)

    def signs(self, x: Tensor) -> Tensor:
        """The signs of `x` around its centre."""
        require_floating(x)
        if self.centre is None:
            return _SIGNS[self.zero](x, self.clip)
        moved = widened(x.detach())
        moved = moved - _mean(moved, self.centre)
        return StraightThrough.apply(  # pyright: ignore[reportReturnType]
            x, _SIGNS[self.zero](moved, None).to(x.dtype), self.clip
        )

    def scale(self, x: Tensor) -> Tensor | None:
        """alpha, without a gradient; None means 1."""
        if self.scale_kind is None:
            return None
        v = widened(x.detach())
        if self.scale_centre is not None:
            v = v - _mean(v, self.scale_centre)
        if self.deviation is not None:
            v = v / self._deviation(v)
        if self.scale_clip is not None:
            v = v.clamp(-self.scale_clip, self.scale_clip)
        mean = _mean(v.abs(), self.per)
        return mean if self.scale_kind == "mean" else torch.exp2(mean.log2().round())

    def _deviation(self, v: Tensor) -> Tensor:
        variance = _mean((v - _mean(v, self.deviation_per)).square(), self.deviation_per)
        if self.deviation == "unbiased":
            count = v.numel() // variance.numel()
            variance = variance * (count / max(count - 1, 1))
        return (variance + self.epsilon).sqrt()

    def _options(self) -> dict[str, Any]:
        return {
            "centre": self.centre,
            "zero": self.zero,
            "scale": self.scale_kind,
            "scale_centre": self.scale_centre,
            "deviation": self.deviation,
            "deviation_per": self.deviation_per,
            "epsilon": self.epsilon,
            "scale_clip": self.scale_clip,
            "per": self.per,
            "clip": self.clip,
        }

    def extra_repr(self) -> str:
        """The options that differ from the plain sign."""
        options = self._options()
        if self.deviation is None:
            del options["deviation_per"]
        if self.scale_kind is None:
            del options["per"]
        shown = {k: v for k, v in options.items() if k == "zero" or v not in (None, 0.0)}
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())


def _mean(x: Tensor, over: str) -> Tensor:
    """The mean that an option names; every axis is kept."""
    if over == "position" and x.ndim > 1:
        return x.mean(1, keepdim=True)
    first = 1 if over == "channel" and x.ndim > 1 else 0
    return x.mean(tuple(range(first, x.ndim)), keepdim=True)
