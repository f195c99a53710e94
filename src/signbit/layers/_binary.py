"""What the binary layers share: their quantizers and the checks of their input."""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from signbit.errors import InputTypeError, UsageError
from signbit.quantizers import AbstractQuantizer
from signbit.quantizers import create as create_quantizer

Quantizer = str | AbstractQuantizer | None


class BinaryLayer(nn.Module if TYPE_CHECKING else object):
    """Mix-in of a torch layer whose input and weight pass through quantizers.

    The real-valued `weight` is the latent weight that the optimizer updates. A quantizer of
    None leaves its tensor real: a first layer has input_quantizer=None.
    """

    input_quantizer: AbstractQuantizer | None
    weight_quantizer: AbstractQuantizer | None
    weight: nn.Parameter
    bias: nn.Parameter | None

    def _set_quantizers(self, input_quantizer: Quantizer, weight_quantizer: Quantizer) -> None:
        self.input_quantizer = create_quantizer(input_quantizer)
        self.weight_quantizer = create_quantizer(weight_quantizer)

    @property
    def has_binary_input(self) -> bool:
        """Whether the layer's sums run over -1 and +1 only on the input's side."""
        return self.input_quantizer is not None and self.input_quantizer.binary

    @property
    def has_binary_weight(self) -> bool:
        """Whether each weight is one bit once packed."""
        return self.weight_quantizer is not None and self.weight_quantizer.binary

    def quantized_weight(self) -> Tensor:
        """The weight as the layer multiplies with it."""
        return self.weight if self.weight_quantizer is None else self.weight_quantizer(self.weight)

    def quantized_input(self, x: Tensor) -> Tensor:
        """The input as the layer multiplies with it."""
        return x if self.input_quantizer is None else self.input_quantizer(x)

    def _check_input(self, x: Tensor, ranks: tuple[int, ...], axis: int, features: int) -> None:
        name = type(self).__name__
        if not x.is_floating_point():
            raise InputTypeError(f"{name}: input is {x.dtype}; give a floating-point tensor")
        if x.ndim not in ranks if ranks else x.ndim == 0:
            allowed = " or ".join(map(str, ranks)) or "1 or more"
            raise UsageError(
                f"{name}: input has rank {x.ndim} (shape {_shape(x)}); give rank {allowed}"
            )
        if x.shape[axis] != features:
            raise UsageError(
                f"{name}: input of shape {_shape(x)} has {x.shape[axis]} channels "
                f"on axis {axis}; the layer takes {features}"
            )

    def _quantizer_repr(self) -> str:
        return (
            f"input_quantizer={self.input_quantizer!r}, weight_quantizer={self.weight_quantizer!r}"
        )

    def __repr__(self) -> str:
        # One line: the quantizers stand in extra_repr, not once more as children.
        return f"{type(self).__name__}({self.extra_repr()})"


# Only for messages: torch.compile cannot trace the text of a size that is dynamic.
def _shape(x: Tensor) -> str:
    return "x".join(map(str, x.shape)) or "scalar"
