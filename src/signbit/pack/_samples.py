"""Samples for the self-check. Noise alone would miss faults that ordinary images show."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from signbit.format import Input
from signbit.format.types import BITS, F32, U8

Size = tuple[int, int, int]

_NOISY, _SCALES = 3, (2, 4, 8)
# A large map has as many windows as several small ones, so one image of each kind is enough.
_LARGE = 1 << 14
_OF_EACH_KIND = [0, 3, 4, 5, 7, 9, 13, 15]
# Real numbers are made from codes: (code - middle) / 60, so the extremes are close to -2 and 2.
_MIDDLE, _PER_UNIT = 128, 60


def made_up_samples(inputs: Sequence[Input], seed: int = 0) -> list[NDArray]:
    """For each input: noise, flat samples with 0 and both extremes, edges, ramps, and blobs.

    For an input of real numbers the noise is normal, the extremes are about -2.1 and 2.1, and only
    the sample of zeros is flat.

    Shape: (16, *shape), or (8, *shape) where an input has more than 2^14 positions; u8 codes,
        float32, or bool.
    """
    few = any(one.type.positions > _LARGE for one in inputs)
    made = [_made_up(one, [seed, index] if index else seed) for index, one in enumerate(inputs)]
    return [one[_OF_EACH_KIND] if few else one for one in made]


def codes_of_zero(one: Input) -> NDArray[np.int64]:
    """For each channel of u8, the code that is nearest to 0 for the network, (C,)."""
    scale, bias = np.array(one.scale), np.array(one.bias)
    with np.errstate(divide="ignore", invalid="ignore"):
        nearest = np.nan_to_num(-bias / scale)
    return nearest.round().clip(0, 255).astype(np.int64)


def has_zero(one: Input) -> bool:
    """Whether an input can be exactly 0 for the network in all its channels."""
    if one.kind != U8:
        return one.kind == F32
    codes = np.broadcast_to(codes_of_zero(one).astype(np.uint8), (1, *one.shape))
    return not bool(to_tensor(one, codes).any())


def to_tensor(one: Input, values: NDArray) -> Tensor:
    """Samples as torch has them: float32, (N, C), (N, C, L) or (N, C, H, W).

    values: (N, *shape), or a shape of as many elements.
    """
    array = torch.from_numpy(np.ascontiguousarray(values)).reshape(-1, *one.shape)
    if one.kind == BITS:
        real = torch.where(array, 1.0, -1.0)
    else:
        real = array.to(torch.float32)
        if one.kind == U8:
            scale, bias = (
                torch.tensor(each, dtype=torch.float32) for each in (one.scale, one.bias)
            )
            real = real * scale + bias
    # `contiguous` may leave any stride on an axis of one, and layers infer the layout from strides.
    real = real.movedim(-1, 1)
    return real.flatten().view(real.shape)


def _made_up(one: Input, seed: int | list[int]) -> NDArray:
    generator = np.random.default_rng(seed)
    _, height, width, channels = one.type
    # Neighbours in a row are its features.
    size = (1, channels, 1) if len(one.shape) == 1 else (height, width, channels)
    zero = codes_of_zero(one) if one.kind == U8 else _MIDDLE
    zeros = np.broadcast_to(zero, one.shape).reshape(size)
    codes = _codes(generator, size, zeros).reshape(-1, *one.shape)
    if one.kind == U8:
        return codes
    if one.kind == BITS:
        return codes >= _MIDDLE
    numbers = (codes.astype(np.float32) - _MIDDLE) / _PER_UNIT
    # With equal numbers many sums are 0 except for rounding, which would decide their signs.
    noise = generator.standard_normal(numbers.shape, np.float32)
    numbers[:_NOISY] = noise[:_NOISY]
    numbers[_NOISY + 1 :] += 0.01 * noise[_NOISY + 1 :]
    return numbers


def _codes(
    generator: np.random.Generator, size: Size, zeros: NDArray[np.int64]
) -> NDArray[np.uint8]:
    images = [generator.integers(0, 256, size) for _ in range(_NOISY)]
    flat = (zeros, 0, 255, generator.integers(0, 256, size[2]))
    images += [np.broadcast_to(pixel, size) for pixel in flat]
    images += _edges(generator, size)
    images += _ramps(size)
    images += [_blobs(generator, size, scale) for scale in _SCALES]
    # Noise only in one part, so that some windows see a single number.
    images += [_patch(generator, size) for _ in range(2)]
    return np.stack(images).astype(np.uint8)


def _edges(generator: np.random.Generator, size: Size) -> list[NDArray[np.int64]]:
    height, width, _ = size
    rows, columns = np.arange(height)[:, None, None], np.arange(width)[None, :, None]
    low, high = np.sort(generator.integers(0, 256, (2, size[2])), axis=0)
    across = np.broadcast_to(np.where(columns < (width + 1) // 2, low, high), size)
    board = np.broadcast_to(np.where((rows // 2 + columns // 2) % 2, 255, 0), size)
    return [across, board]


def _ramps(size: Size) -> list[NDArray[np.int64]]:
    height, width, _ = size
    rows, columns = np.arange(height)[:, None, None], np.arange(width)[None, :, None]
    down = 255 * rows // max(height - 1, 1) + 0 * columns
    back = 255 - (255 * columns // max(width - 1, 1)) + 0 * rows
    return [np.broadcast_to(one, size) for one in (down, back)]


def _blobs(generator: np.random.Generator, size: Size, scale: int) -> NDArray[np.int64]:
    height, width, channels = size
    small = generator.integers(0, 256, (-(-height // scale), -(-width // scale), channels))
    return small.repeat(scale, 0).repeat(scale, 1)[:height, :width]


def _patch(generator: np.random.Generator, size: Size) -> NDArray[np.int64]:
    height, width, channels = size
    image = np.full(size, generator.integers(0, 256, channels))
    image[height // 4 :, : max(width // 2, 1)] = generator.integers(
        0, 256, (height - height // 4, max(width // 2, 1), channels)
    )
    return image
