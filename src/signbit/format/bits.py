"""Signs as bits of 64-bit words: bit 1 is +1, bit 0 is -1."""

import numpy as np
from numpy.typing import NDArray

WORD = 64


def words_for(channels: int) -> int:
    """The number of words that hold so many bits."""
    return -(-channels // WORD)


def pack_bits(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack the last axis: channel c is bit c % 64 of word c // 64, tail bits are 0.

    Shape:  (..., C) to (..., ceil(C / 64)), little-endian words.
    """
    channels = bits.shape[-1]
    padded = np.zeros((*bits.shape[:-1], words_for(channels) * WORD), np.uint8)
    padded[..., :channels] = bits
    return np.packbits(padded, axis=-1, bitorder="little").view("<u8")


def unpack_bits(words: NDArray[np.uint64], channels: int) -> NDArray[np.bool_]:
    """The inverse of `pack_bits`.  Shape: (..., ceil(C / 64)) to (..., C)."""
    data = np.ascontiguousarray(words.astype("<u8", copy=False)).view(np.uint8)
    return np.unpackbits(data, axis=-1, count=channels, bitorder="little").astype(bool)


def has_tail_bits(words: NDArray[np.uint64], channels: int) -> bool:
    """Whether a bit is set beyond the channels."""
    used = channels % WORD
    return bool(used and (words[..., -1] >> np.uint64(used)).any())
