"""Fully connected layer with binary weights and activations."""

import torch.nn.functional as F
from torch import Tensor, nn

from signbit.layers._binary import BinaryLayer, Quantizer


class BinaryLinear(BinaryLayer, nn.Linear):
    """`torch.nn.Linear` on quantized input and weight.

    The bias stays real. It is added after the sum, in one rounding, so that a packed network can
    repeat it exactly.

    input_quantizer, weight_quantizer: a name, {"name": ..., option: value}, an object, or None
        for a tensor that stays real.
    learned_scale: multiply each output by a parameter, `scale`, before the bias is added. It
        starts at the mean |weight| of the output.

    Shape:  (..., in_features) to (..., out_features).
    Raises: UsageError for a wrong number of features, a quantizer for weights on the input or the
        reverse, or a second scale; InputTypeError if the input is not floating point.
    Source: BinaryNet, arXiv:1602.02830; the learned scale: XNOR-Net++, arXiv:1909.13863.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device=None,
        dtype=None,
        *,
        input_quantizer: Quantizer = "ste_sign",
        weight_quantizer: Quantizer = "ste_sign",
        learned_scale: bool = False,
    ):
        super().__init__(in_features, out_features, bias, device, dtype)
        self._set_quantizers(input_quantizer, weight_quantizer, learned_scale)

    def forward(self, input: Tensor) -> Tensor:
        """Multiply the quantized input by the quantized weight, scale the sums, add the bias."""
        self._check_input(input, (), -1, self.in_features)
        weight = self.quantized_weight()
        sums = F.linear(self.quantized_input(input), weight)
        return self._scaled_and_shifted(sums, weight, 0)

    def extra_repr(self) -> str:
        """Sizes and quantizers."""
        return f"{super().extra_repr()}, {self._quantizer_repr()}"
