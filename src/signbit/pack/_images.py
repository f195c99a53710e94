"""Images for the self-check. Noise alone would miss faults that ordinary images show."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from signbit.format import Preprocessing
from signbit.models import to_input

_SCALES = (2, 4, 8)
# A large map has as many windows as several small ones, so one image of each kind is enough.
_LARGE = 1 << 14
_OF_EACH_KIND = [0, 3, 4, 5, 7, 9, 13, 15]


def made_up_images(preprocessing: Preprocessing, seed: int = 0) -> NDArray[np.uint8]:
    """Noise, flat images with 0 and both extremes, edges, ramps, and blobs of several sizes.

    Shape: (16, height, width, channels), or (8, ...) where an image has more than 2^14 pixels.
    """
    generator = np.random.default_rng(seed)
    (height, width), channels = preprocessing.size, preprocessing.channels
    size = (height, width, channels)
    images = [generator.integers(0, 256, size) for _ in range(3)]
    flat = (pixel_of_zero(preprocessing), 0, 255, generator.integers(0, 256, channels))
    images += [np.broadcast_to(pixel, size) for pixel in flat]
    images += _edges(generator, size)
    images += _ramps(size)
    images += [_blobs(generator, size, scale) for scale in _SCALES]
    # Noise only in one part, so that some windows see a single number.
    images += [_patch(generator, size) for _ in range(2)]
    if height * width > _LARGE:
        images = [images[index] for index in _OF_EACH_KIND]
    return np.stack(images).astype(np.uint8)


def pixel_of_zero(preprocessing: Preprocessing) -> NDArray[np.int64]:
    """The pixel that is nearest to 0 for the network, (C,)."""
    scale, bias = np.array(preprocessing.scale), np.array(preprocessing.bias)
    with np.errstate(divide="ignore", invalid="ignore"):
        nearest = np.nan_to_num(-bias / scale)
    return nearest.round().clip(0, 255).astype(np.int64)


def has_zero(preprocessing: Preprocessing) -> bool:
    """Whether some pixel is exactly 0 for the network, in all channels."""
    pixel = pixel_of_zero(preprocessing).reshape(1, 1, 1, -1).astype(np.uint8)
    return not bool(to_batch(pixel, preprocessing, 4).any())


def to_batch(images: NDArray[np.uint8], preprocessing: Preprocessing, rank: int) -> Tensor:
    """The input of a network, (N, C, H, W), or (N, C, W) for rank 3."""
    inputs = to_input(torch.from_numpy(images), preprocessing).contiguous()
    return inputs[:, :, 0].contiguous() if rank == 3 else inputs


def _edges(generator: np.random.Generator, size: tuple[int, int, int]) -> list[NDArray[np.int64]]:
    height, width, _ = size
    rows, columns = np.arange(height)[:, None, None], np.arange(width)[None, :, None]
    low, high = np.sort(generator.integers(0, 256, (2, size[2])), axis=0)
    across = np.broadcast_to(np.where(columns < (width + 1) // 2, low, high), size)
    board = np.broadcast_to(np.where((rows // 2 + columns // 2) % 2, 255, 0), size)
    return [across, board]


def _ramps(size: tuple[int, int, int]) -> list[NDArray[np.int64]]:
    height, width, _ = size
    rows, columns = np.arange(height)[:, None, None], np.arange(width)[None, :, None]
    down = 255 * rows // max(height - 1, 1) + 0 * columns
    back = 255 - (255 * columns // max(width - 1, 1)) + 0 * rows
    return [np.broadcast_to(one, size) for one in (down, back)]


def _blobs(
    generator: np.random.Generator, size: tuple[int, int, int], scale: int
) -> NDArray[np.int64]:
    height, width, channels = size
    small = generator.integers(0, 256, (-(-height // scale), -(-width // scale), channels))
    return small.repeat(scale, 0).repeat(scale, 1)[:height, :width]


def _patch(generator: np.random.Generator, size: tuple[int, int, int]) -> NDArray[np.int64]:
    height, width, channels = size
    image = np.full(size, generator.integers(0, 256, channels))
    image[height // 4 :, : max(width // 2, 1)] = generator.integers(
        0, 256, (height - height // 4, max(width // 2, 1), channels)
    )
    return image
