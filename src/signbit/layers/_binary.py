"""What the binary layers share: their quantizers, scale and bias, the checks of their input."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from signbit.errors import InputTypeError, UsageError
from signbit.quantizers import AbstractQuantizer, Choice
from signbit.quantizers import create as create_quantizer
from signbit.quantizers._channels import mean_magnitude, widened

Quantizer = Choice | None


class BinaryLayer(nn.Module if TYPE_CHECKING else object):
    """Mix-in of a torch layer whose input and weight pass through quantizers.

    The real-valued `weight` is the latent weight that the optimizer updates. A quantizer of
    None leaves its tensor real: a first layer has input_quantizer=None.

    The sums are multiplied with the scale of each output channel, that of the weight quantizer
    or the learned parameter `scale`, then the bias is added: one rounding each. Where the input
    quantizer has levels other than -1 and +1, their distance is part of the scale, and their
    centre, times the sum of a channel's scaled weights, of what is added.
    """

    input_quantizer: AbstractQuantizer | None
    weight_quantizer: AbstractQuantizer | None
    weight: nn.Parameter
    bias: nn.Parameter | None
    scale: nn.Parameter | None

    def _set_quantizers(
        self, input_quantizer: Quantizer, weight_quantizer: Quantizer, learned_scale: bool
    ) -> None:
        name = type(self).__name__
        self.input_quantizer = create_quantizer(input_quantizer)
        self.weight_quantizer = create_quantizer(weight_quantizer)
        self.register_parameter("scale", None)
        if self.input_quantizer is not None and self.input_quantizer.for_weights:
            raise UsageError(
                f"{name}: {self.input_quantizer!r} is for weights; give another input_quantizer"
            )
        if (
            self.weight_quantizer is not None
            and self.weight_quantizer.distance_and_centre() is not None
        ):
            raise UsageError(
                f"{name}: {self.weight_quantizer!r} is for activations; give another "
                "weight_quantizer, such as adabin_weight"
            )
        if not learned_scale:
            return
        if self._weight_scale() is not None:
            raise UsageError(
                f"{name}: {self.weight_quantizer!r} has a scale already; give learned_scale=False "
                "or a weight_quantizer without one"
            )
        self.scale = nn.Parameter(self.weight.new_empty(len(self.weight)))
        self._reset_scale()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, as torch does, and set a learned scale to fit."""
        super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]
        self._reset_scale()

    @torch.no_grad()
    def _reset_scale(self) -> None:
        # Torch's constructor draws the weight before there is a scale.
        scale = getattr(self, "scale", None)
        if scale is not None:
            scale.copy_(mean_magnitude(self.weight).flatten())

    @property
    def has_binary_input(self) -> bool:
        """Whether the layer's sums run over -1 and +1 only on the input's side."""
        return self.input_quantizer is not None and self.input_quantizer.binary

    @property
    def has_binary_weight(self) -> bool:
        """Whether each weight is one bit once packed."""
        return self.weight_quantizer is not None and self.weight_quantizer.binary

    def quantized_weight(self) -> Tensor:
        """The weight as the layer multiplies with it: without a scale."""
        if self.weight_quantizer is None:
            return self.weight
        return self.weight_quantizer.signs(self.weight)

    def output_scale(self) -> Tensor | None:
        """What the sums are multiplied with, one number per output channel or one; None for 1."""
        scale, levels = self._weight_scale(), self._input_levels()
        if levels is None:
            return scale
        distance = levels[0].reshape(1)
        return distance if scale is None else scale * distance

    def output_shift(self, weight: Tensor | None = None) -> Tensor | None:
        """What is added after the scale, one number per output channel; None for 0.

        weight: that the layer multiplies with, where it is known already.
        """
        levels = self._input_levels()
        if levels is None:
            return self.bias
        weight = self.quantized_weight() if weight is None else weight
        sums, scale = widened(weight).flatten(1).sum(1), self._weight_scale()
        shift = levels[1] * (sums if scale is None else sums * scale)
        return shift if self.bias is None else shift + self.bias

    def quantized_input(self, x: Tensor) -> Tensor:
        """The input as the layer multiplies with it: without levels."""
        return x if self.input_quantizer is None else self.input_quantizer.signs(x)

    @property
    def has_levels(self) -> bool:
        """Whether the two values of the input are others than -1 and +1."""
        return self._input_levels() is not None

    def _weight_scale(self) -> Tensor | None:
        if self.scale is not None or self.weight_quantizer is None:
            return self.scale
        scale = self.weight_quantizer.scale(self.weight)
        return None if scale is None else scale.flatten()

    def _input_levels(self) -> tuple[Tensor, Tensor] | None:
        return None if self.input_quantizer is None else self.input_quantizer.distance_and_centre()

    def _scaled_and_shifted(self, sums: Tensor, weight: Tensor, rank: int) -> Tensor:
        """The sums times the scale, plus the shift; rank: axes after that of the channels."""
        for_channels = (-1, *[1] * rank)
        scale, shift = self.output_scale(), self.output_shift(weight)
        if scale is not None:
            sums = sums * scale.to(sums.dtype).view(for_channels)
        if shift is not None:
            sums = sums + shift.to(sums.dtype).view(for_channels)
        return sums

    def _check_input(self, x: Tensor, ranks: tuple[int, ...], axis: int, features: int) -> None:
        name = type(self).__name__
        if not x.is_floating_point():
            raise InputTypeError(f"{name}: input is {x.dtype}; give a floating-point tensor")
        if x.ndim not in ranks if ranks else x.ndim == 0:
            allowed = " or ".join(map(str, ranks)) or "1 or more"
            raise UsageError(
                f"{name}: input has rank {x.ndim} (shape {shape_text(x)}); give rank {allowed}"
            )
        if x.shape[axis] != features:
            raise UsageError(
                f"{name}: input of shape {shape_text(x)} has {x.shape[axis]} channels "
                f"on axis {axis}; the layer takes {features}"
            )

    def _quantizer_repr(self) -> str:
        learned = "" if self.scale is None else ", learned_scale=True"
        return (
            f"input_quantizer={self.input_quantizer!r}, "
            f"weight_quantizer={self.weight_quantizer!r}{learned}"
        )

    def __repr__(self) -> str:
        # One line: the quantizers stand in extra_repr, not once more as children.
        return f"{type(self).__name__}({self.extra_repr()})"


# Only for messages: torch.compile cannot trace the text of a size that is dynamic.
def shape_text(x: Tensor) -> str:
    """The sizes of `x`, for a message."""
    return "x".join(map(str, x.shape)) or "scalar"
