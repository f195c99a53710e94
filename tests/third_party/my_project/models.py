"""The network of this project."""

from torch import Tensor, nn

from signbit.layers import BinaryLinear
from signbit.models import models


@models.register("my_net")
class MyNet(nn.Module):
    """Two binary layers; the input of the first one stays real.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        input_size: tuple[int, int] = (8, 8),
        hidden: int = 64,
    ):
        super().__init__()
        height, width = input_size
        self.layers = nn.Sequential(
            nn.Flatten(),
            BinaryLinear(in_channels * height * width, hidden, bias=False, input_quantizer=None),
            nn.BatchNorm1d(hidden),
            BinaryLinear(hidden, num_classes, bias=False),
            nn.BatchNorm1d(num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        return self.layers(x)
