"""From pixels to the real input of a network, in torch."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from signbit.format import Preprocessing


def to_input(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Real input of the network: scale * pixel + bias per channel, float32, two roundings.

    Shape:  (N, H, W, C) uint8 to (N, C, H, W), in channels_last memory.
    """
    scale = _constant(tuple(preprocessing.scale), pixels.device)
    bias = _constant(tuple(preprocessing.bias), pixels.device)
    return (pixels.to(torch.float32) * scale + bias).permute(0, 3, 1, 2)


# Kept, since a copy to a GPU waits for it, which would stall every step of a training run.
@lru_cache(maxsize=64)
def _constant(values: Sequence[float], device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.float32, device=device)
