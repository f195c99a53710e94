"""A sign whose threshold is learned, one per channel."""

import torch
from torch import Tensor, nn

from signbit.errors import InputTypeError, UsageError
from signbit.layers._binary import Quantizer, shape_text
from signbit.quantizers import AbstractQuantizer
from signbit.quantizers import create as create_quantizer


class RSign(AbstractQuantizer):
    """ReActNet's sign: subtract a learned shift per channel, then apply another quantizer.

    y = quantizer(x - alpha).  For a sign: +1 where x > alpha, else -1.
    dy/dalpha = -dy/dx, summed over all axes except the channels.
    In a packed network the shift is part of the threshold.

    Use an RSign as the `input_quantizer` of a layer.

    channels: the number of channels of the input, on axis 1.
    quantizer: a name, {"name": ..., option: value}, or an object; None for `identity`.
    alpha: the learned shifts, (channels,); zeros at first.

    Shape:  x and y are (N, channels, *).
    Range:  that of the quantizer; one bit per element after packing if the quantizer is binary.
    Raises: UsageError for a wrong number of channels or a quantizer for weights; InputTypeError
        if x is not floating point.
    Source: ReActNet, arXiv:2003.03488, equation 1.
    """

    def __init__(self, channels: int, quantizer: Quantizer = "ste_sign"):
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.quantizer = create_quantizer("identity" if quantizer is None else quantizer)
        if self.quantizer.for_weights:
            raise UsageError(
                f"RSign: quantizer is {self.quantizer!r}, which is only for weights; give one for "
                "activations, such as ste_sign"
            )
        self.binary = self.quantizer.binary  # pyright: ignore[reportAttributeAccessIssue]

    def forward(self, x: Tensor) -> Tensor:
        """Shift `x`, then quantize it."""
        return self.quantizer(self._shifted(x))

    def signs(self, x: Tensor) -> Tensor:
        """Shift `x`, then return the signs of the quantizer."""
        return self.quantizer.signs(self._shifted(x))

    def distance_and_centre(self) -> tuple[Tensor, Tensor] | None:
        """The distance and the centre of the quantizer."""
        return self.quantizer.distance_and_centre()

    def _shifted(self, x: Tensor) -> Tensor:
        if not x.is_floating_point():
            raise InputTypeError(f"RSign: input is {x.dtype}; give a floating-point tensor")
        return x - per_channel(type(self).__name__, self.alpha, x).to(x.dtype)

    def extra_repr(self) -> str:
        """The number of channels, and the quantizer."""
        return f"{len(self.alpha)}, {self.quantizer!r}"


def per_channel(name: str, values: Tensor, x: Tensor) -> Tensor:
    """`values`, shaped so that they broadcast along axis 1 of `x`. Raises: UsageError."""
    if x.ndim < 2 or x.shape[1] != len(values):
        raise UsageError(
            f"{name}: input of shape {shape_text(x)}; give {len(values)} channels on axis 1"
        )
    return values.view(-1, *[1] * (x.ndim - 2))
