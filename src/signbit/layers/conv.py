"""Convolutions with binary weights and activations, in one, two and three dimensions."""

from typing import TYPE_CHECKING, Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from signbit.errors import UsageError
from signbit.layers._binary import BinaryLayer, Quantizer

PADDING_VALUES = (0.0, -1.0, 1.0)
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


class _BinaryConv(BinaryLayer, nn.Conv2d if TYPE_CHECKING else object):
    """The code of the three convolutions; the torch class next to it gives the dimension."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        input_quantizer: Quantizer = "ste_sign",
        weight_quantizer: Quantizer = "ste_sign",
        padding_value: float = 0.0,
        learned_scale: bool = False,
    ):
        """The arguments are those of the torch layer, and those that `BinaryConv2d` describes."""
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        if padding_value not in PADDING_VALUES:
            raise UsageError(
                f"{type(self).__name__}: padding_value is {padding_value!r}; give 0.0, -1.0 or 1.0"
            )
        if padding_value != 0 and padding_mode != "zeros":
            raise UsageError(
                f"{type(self).__name__}: padding_value={padding_value} needs "
                f"padding_mode='zeros', not {padding_mode!r}"
            )
        self.padding_value = float(padding_value)
        self._set_quantizers(input_quantizer, weight_quantizer, learned_scale)

    def forward(self, input: Tensor) -> Tensor:
        """Correlate the quantized input with the quantized weight, scale the sums, add the bias."""
        rank, weight = len(self.kernel_size), self.quantized_weight()
        self._check_input(input, (rank + 1, rank + 2), -rank - 1, self.in_channels)
        sums = self._correlate(self.quantized_input(input), weight)
        return self._scaled_and_shifted(sums, weight, rank)

    def _correlate(self, x: Tensor, weight: Tensor) -> Tensor:
        # The padding of torch and its modes cover every case except a constant other than 0.
        if self.padding_value == 0:
            return self._conv_forward(x, weight, None)
        padded = F.pad(x, self._pads(), value=self.padding_value)
        convolve = (F.conv1d, F.conv2d, F.conv3d)[len(self.kernel_size) - 1]
        return convolve(padded, weight, None, self.stride, 0, self.dilation, self.groups)

    def _pads(self) -> list[int]:
        """How many places to add before and after each axis, the last axis first, for F.pad."""
        pads = []
        for axis in reversed(range(len(self.kernel_size))):
            if self.padding == "valid":
                pads += [0, 0]
            elif self.padding == "same":
                total = self.dilation[axis] * (self.kernel_size[axis] - 1)
                pads += [total // 2, total - total // 2]
            else:
                pads += [self.padding[axis]] * 2
        return pads

    def extra_repr(self) -> str:
        """Sizes, quantizers and the value of the padding."""
        value = f", padding_value={self.padding_value}" if self.padding_value != 0 else ""
        return f"{super().extra_repr()}{value}, {self._quantizer_repr()}"


class BinaryConv1d(_BinaryConv, nn.Conv1d):
    """`torch.nn.Conv1d` on quantized input and weight.

    Arguments, errors and source are those of `BinaryConv2d`.

    Shape:  (N, C, L) or (C, L), as in torch.
    """


class BinaryConv2d(_BinaryConv, nn.Conv2d):
    """`torch.nn.Conv2d` on quantized input and weight.

    It accepts every argument of the torch layer. The bias stays real. It is added after the sum, in
    one rounding, so that a packed network can repeat it exactly.

    input_quantizer, weight_quantizer: a name, {"name": ..., option: value}, an object, or None for
        a tensor that stays real.
    padding_value: 0.0, -1.0 or +1.0. The padding is put around the signs of the quantized input.
        Zero adds nothing to a sum, as in torch, although it is neither of the two binary values.
    learned_scale: multiply each output channel by a parameter, `scale`, before the bias is added.
        It starts at the mean |weight| of the channel.

    Shape:  (N, C, H, W) or (C, H, W), as in torch.
    Raises: UsageError for a wrong rank, a wrong number of channels, another padding value, a
        quantizer for weights on the input or the reverse, or a second scale; InputTypeError if
        the input is not floating point.
    Source: BinaryNet, arXiv:1602.02830; the learned scale: XNOR-Net++, arXiv:1909.13863.
    """


class BinaryConv3d(_BinaryConv, nn.Conv3d):
    """`torch.nn.Conv3d` on quantized input and weight.

    Arguments, errors and source are those of `BinaryConv2d`.

    Shape:  (N, C, D, H, W) or (C, D, H, W), as in torch.
    """
