"""From pixels to the real input of a network, in torch."""

import torch
from torch import Tensor

from signbit.format import Preprocessing


def to_input(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Real input of the network: scale * pixel + bias per channel, float32, two roundings.

    Shape:  (N, H, W, C) uint8 to (N, C, H, W), in channels_last memory.
    """
    scale = torch.tensor(preprocessing.scale, dtype=torch.float32, device=pixels.device)
    bias = torch.tensor(preprocessing.bias, dtype=torch.float32, device=pixels.device)
    return (pixels.to(torch.float32) * scale + bias).permute(0, 3, 1, 2)
