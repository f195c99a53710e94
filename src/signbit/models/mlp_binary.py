"""The multi-layer perceptron of BinaryNet."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from signbit.models._blocks import (
    check_count,
    check_hidden,
    check_size,
    class_scores,
    hidden_layers,
)
from signbit.models._registry import models
from signbit.quantizers import Choice


@models.register("mlp_binary")
class MlpBinary(nn.Module):
    """Binary linear layers on the flattened image, ending in log-probabilities.

    num_classes: the number of classes.
    hidden: widths of the layers before the last one; the default is BinaryNet's for MNIST.
    in_channels, input_size: shape of the images, (28, 28) for MNIST.
    input_quantizer, weight_quantizer: names, or {"name": ..., option: value}, for every layer. The
        input of the first layer stays real.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    Source: BinaryNet, arXiv:1602.02830.
    """

    def __init__(
        self,
        num_classes: int = 10,
        hidden: Sequence[int] = (4096, 4096, 4096),
        in_channels: int = 1,
        input_size: Sequence[int] = (28, 28),
        input_quantizer: Choice = "ste_sign",
        weight_quantizer: Choice = "ste_sign",
    ):
        super().__init__()
        check_count("num_classes", num_classes)
        height, width = check_size(input_size, 1)
        hidden = check_hidden(hidden)
        quantizers: dict[str, Any] = {
            "input_quantizer": input_quantizer,
            "weight_quantizer": weight_quantizer,
        }
        flat = check_count("in_channels", in_channels) * height * width
        self.features = nn.Sequential(*hidden_layers(flat, hidden, None, **quantizers))
        self.classifier = nn.Sequential(*class_scores(hidden[-1], num_classes, **quantizers))

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.features(x.flatten(1)))
