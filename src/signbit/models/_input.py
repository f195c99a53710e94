"""From pixels to the real input of a network, in torch."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from signbit.format import Preprocessing


def to_input(
    pixels: Tensor,
    preprocessing: Preprocessing,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Tensor:
    """Real input of the network: scale * pixel + bias per channel, float32, two roundings.

    memory_format: channels_last needs no copy, but a forward pass such as `x.view(len(x), -1)`
        raises in it.

    Shape:  (N, H, W, C) uint8 to (N, C, H, W).
    """
    scale = _constant(tuple(preprocessing.scale), pixels.device)
    bias = _constant(tuple(preprocessing.bias), pixels.device)
    real = (pixels.to(torch.float32) * scale + bias).permute(0, 3, 1, 2)
    return in_memory_format(real, memory_format)


def in_memory_format(images: Tensor, memory_format: torch.memory_format) -> Tensor:
    """Images (N, C, H, W) in contiguous memory or in channels_last.

    `Tensor.contiguous` leaves any stride to an axis of size 1. Layers infer the layout from the
    strides, so that images of one channel would count as channels_last.
    """
    if memory_format is torch.contiguous_format:
        return images.flatten().view(images.shape)
    return images.contiguous(memory_format=memory_format)


# Kept, since a copy to a GPU waits for it, which would stall every step of a training run.
@lru_cache(maxsize=64)
def _constant(values: Sequence[float], device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.float32, device=device)
