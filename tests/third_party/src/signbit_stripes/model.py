"""A network with the layer of this package."""

from collections.abc import Sequence

from torch import Tensor, nn

from signbit.layers import BinaryConv2d
from signbit.models import models
from signbit.quantizers import Choice

from .layer import Step


@models.register("stripes_binary")
class StripesBinary(nn.Module):
    """Two binary convolutions, a step of two values, and a real linear layer.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    """

    def __init__(
        self,
        num_classes: int = 2,
        in_channels: int = 1,
        input_size: Sequence[int] = (8, 8),
        input_quantizer: Choice = "tanh_sign",
    ):
        super().__init__()
        height, width = input_size
        self.layers = nn.Sequential(
            BinaryConv2d(in_channels, 8, 3, padding=1, input_quantizer=None),
            nn.BatchNorm2d(8),
            BinaryConv2d(8, 8, 3, padding=1, input_quantizer=input_quantizer),
            nn.BatchNorm2d(8),
            Step(),
            nn.Flatten(),
            nn.Linear(8 * height * width, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        return self.layers(x)
