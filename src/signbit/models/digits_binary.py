"""A small convolutional network for 8x8 digits."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from signbit.layers import BinaryConv2d
from signbit.models._blocks import check_count, check_size, class_scores
from signbit.models._registry import models
from signbit.quantizers import Choice


@models.register("digits_binary")
class DigitsBinary(nn.Module):
    """Three 3x3 convolutions and a linear layer, small enough for a microcontroller.

    num_classes: the number of classes.
    width: channels of the first convolution; the others have twice as many.
    in_channels, input_size: shape of the images, at least 4x4.
    input_quantizer, weight_quantizer: names, or {"name": ..., option: value}, for every layer. The
        input of the first layer stays real.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    """

    def __init__(
        self,
        num_classes: int = 10,
        width: int = 32,
        in_channels: int = 1,
        input_size: Sequence[int] = (8, 8),
        input_quantizer: Choice = "ste_sign",
        weight_quantizer: Choice = "ste_sign",
    ):
        super().__init__()
        check_count("num_classes", num_classes)
        height, across = check_size(input_size, 4)
        quantizers: dict[str, Any] = {
            "input_quantizer": input_quantizer,
            "weight_quantizer": weight_quantizer,
        }
        first, wide = check_count("width", width), 2 * width
        real: dict[str, Any] = quantizers | {"input_quantizer": None}
        self.features = nn.Sequential(
            BinaryConv2d(check_count("in_channels", in_channels), first, 3, padding=1, **real),
            nn.BatchNorm2d(first),
            nn.Hardtanh(),
            BinaryConv2d(first, wide, 3, padding=1, **quantizers),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(wide),
            nn.Hardtanh(),
            BinaryConv2d(wide, wide, 3, padding=1, **quantizers),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(wide),
            nn.Hardtanh(),
        )
        flat = wide * (height // 4) * (across // 4)
        self.classifier = nn.Sequential(*class_scores(flat, num_classes, **quantizers))

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.features(x).flatten(1))
