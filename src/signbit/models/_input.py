"""Turn pixels into the real input of a network, in torch."""

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
    """The real input of a network: scale * pixel + bias for each channel.

    The product and the sum are rounded to float32, one after the other.

    memory_format: channels_last needs no copy, but code such as `x.view(len(x), -1)` fails on it.

    Shape:  (N, H, W, C) uint8 to (N, C, H, W) float32.
    """
    scale = _constant(tuple(preprocessing.scale), pixels.device)
    bias = _constant(tuple(preprocessing.bias), pixels.device)
    real = (pixels.to(torch.float32) * scale + bias).permute(0, 3, 1, 2)
    return in_memory_format(real, memory_format)


def in_memory_format(images: Tensor, memory_format: torch.memory_format) -> Tensor:
    """Images in contiguous memory or in channels_last.

    `Tensor.contiguous` may leave any stride to an axis of size 1. Layers infer the layout from the
    strides, so they would treat images of one channel as channels_last. This function avoids that.

    Shape:  (N, C, H, W) to the same.
    """
    if memory_format is torch.contiguous_format:
        return images.flatten().view(images.shape)
    return images.contiguous(memory_format=memory_format)


# The tensors are kept: a copy to a GPU waits for the GPU, which would delay every training step.
@lru_cache(maxsize=64)
def _constant(values: Sequence[float], device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.float32, device=device)
