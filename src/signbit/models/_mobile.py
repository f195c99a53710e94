"""What the networks with the layout of MobileNet share: the first layer, and the blocks."""

from itertools import pairwise

from torch import nn

from signbit.models._blocks import check_choice
from signbit.models._residual import STEMS

# Width of each block's output, in widths of the first layer. Where it changes, all blocks but the
# first one halve the map.
_TIMES = (1, 2, 4, 4, 8, 8, 16, 16, 16, 16, 16, 16, 32, 32)
LAST = _TIMES[-1]


def stem(kind: str, in_channels: int, width: int) -> nn.Sequential:
    """The real first layer, a 3x3 convolution with a batch norm.

    kind: "imagenet" halves the image, "cifar" keeps its size.

    Raises: UsageError for another kind.
    """
    stride = {"cifar": 1, "imagenet": 2}[check_choice("stem", kind, STEMS)]
    conv = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width))


def block_sizes(width: int) -> list[tuple[int, int, int]]:
    """Width of the input, width of the output and stride of each block."""
    widths = pairwise(width * times for times in _TIMES)
    return [
        (few, wide, 2 if few != wide and index > 0 else 1)
        for index, (few, wide) in enumerate(widths)
    ]
