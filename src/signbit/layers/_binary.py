"""The code that all binary layers share: quantizers, scale, bias and the checks of the input."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from signbit.errors import InputTypeError, UsageError
from signbit.quantizers import AbstractQuantizer, Choice
from signbit.quantizers import create as create_quantizer
from signbit.quantizers._channels import mean_magnitude, widened

Quantizer = Choice | None


class BinaryLayer(nn.Module if TYPE_CHECKING else object):
    """Mix-in for a torch layer whose input and weight pass through quantizers.

    The real-valued `weight` is the latent weight that the optimizer updates. A quantizer of
    None leaves its tensor real: a first layer has input_quantizer=None.

    The layer multiplies the quantized input by the quantized weight. It multiplies the sums of
    each output channel by a scale, then adds the bias. Each of the two operations rounds once. The
    scale comes from the weight quantizer, or it is the learned parameter `scale`.

    An input quantizer may have two levels other than -1 and +1. The scale then also contains the
    distance of the levels. The layer also adds the centre of the levels, multiplied by the sum of
    the channel's scaled weights.

    weight: the latent weight. bias, scale: real parameters, or None.
    input_quantizer, weight_quantizer: the two quantizers; None for a tensor that stays real.
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
                f"{name}: input_quantizer is {self.input_quantizer!r}, which is only for weights; "
                "give one for activations, such as ste_sign"
            )
        if (
            self.weight_quantizer is not None
            and self.weight_quantizer.distance_and_centre() is not None
        ):
            raise UsageError(
                f"{name}: weight_quantizer is {self.weight_quantizer!r}, which is only for "
                "activations; give one for weights, such as adabin_weight"
            )
        if not learned_scale:
            return
        if self._weight_scale() is not None:
            raise UsageError(
                f"{name}: learned_scale is True, but {self.weight_quantizer!r} already has a scale;"
                " give learned_scale=False or a weight_quantizer without a scale"
            )
        self.scale = nn.Parameter(self.weight.new_empty(len(self.weight)))
        self._reset_scale()

    def reset_parameters(self) -> None:
        """Draw weight and bias again as torch does; reset a learned scale to the mean |weight|."""
        super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]
        self._reset_scale()

    @torch.no_grad()
    def _reset_scale(self) -> None:
        # The constructor of torch calls reset_parameters before `scale` exists.
        scale = getattr(self, "scale", None)
        if scale is not None:
            scale.copy_(mean_magnitude(self.weight).flatten())

    @property
    def has_binary_input(self) -> bool:
        """Whether the layer multiplies an input of only -1 and +1."""
        return self.input_quantizer is not None and self.input_quantizer.binary

    @property
    def has_binary_weight(self) -> bool:
        """Whether each weight is one bit after packing."""
        return self.weight_quantizer is not None and self.weight_quantizer.binary

    def quantized_weight(self) -> Tensor:
        """The weight that the layer multiplies by: without a scale.

        Shape:  that of `weight`.
        """
        if self.weight_quantizer is None:
            return self.weight
        return self.weight_quantizer.signs(self.weight)

    def output_scale(self) -> Tensor | None:
        """The factor of the sums; None means 1.

        Shape:  (out_channels,) or (1,).
        """
        scale, levels = self._weight_scale(), self._input_levels()
        if levels is None:
            return scale
        distance = levels[0].reshape(1)
        return distance if scale is None else scale * distance

    def output_shift(self, weight: Tensor | None = None) -> Tensor | None:
        """The number that is added after the scale; None means 0.

        weight: the result of `quantized_weight`, if the caller already has it.

        Shape:  (out_channels,).
        """
        levels = self._input_levels()
        if levels is None:
            return self.bias
        weight = self.quantized_weight() if weight is None else weight
        sums, scale = widened(weight).flatten(1).sum(1), self._weight_scale()
        shift = levels[1] * (sums if scale is None else sums * scale)
        return shift if self.bias is None else shift + self.bias

    def quantized_input(self, x: Tensor) -> Tensor:
        """The input that the layer multiplies: the signs, without their distance and centre."""
        return x if self.input_quantizer is None else self.input_quantizer.signs(x)

    @property
    def has_levels(self) -> bool:
        """Whether the two values of the input differ from -1 and +1."""
        return self._input_levels() is not None

    def _weight_scale(self) -> Tensor | None:
        if self.scale is not None or self.weight_quantizer is None:
            return self.scale
        scale = self.weight_quantizer.scale(self.weight)
        return None if scale is None else scale.flatten()

    def _input_levels(self) -> tuple[Tensor, Tensor] | None:
        return None if self.input_quantizer is None else self.input_quantizer.distance_and_centre()

    def _scaled_and_shifted(self, sums: Tensor, weight: Tensor, rank: int) -> Tensor:
        """The sums times the scale, plus the shift; rank: the number of axes after the channels."""
        for_channels = (-1, *[1] * rank)
        scale, shift = self.output_scale(), self.output_shift(weight)
        if scale is not None:
            sums = sums * scale.to(sums.dtype).view(for_channels)
        if shift is not None:
            # In place, because nothing else has the sums, and no backward pass reads them.
            sums.add_(shift.to(sums.dtype).view(for_channels))
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
                f"on axis {axis}; the layer accepts {features}"
            )

    def _quantizer_repr(self) -> str:
        learned = "" if self.scale is None else ", learned_scale=True"
        return (
            f"input_quantizer={self.input_quantizer!r}, "
            f"weight_quantizer={self.weight_quantizer!r}{learned}"
        )

    def __repr__(self) -> str:
        # One line: extra_repr already shows the quantizers, so they are not repeated as children.
        return f"{type(self).__name__}({self.extra_repr()})"


# Only for messages: torch.compile cannot trace code that writes a dynamic size as text.
def shape_text(x: Tensor) -> str:
    """The sizes of `x`, for a message."""
    return "x".join(map(str, x.shape)) or "scalar"
