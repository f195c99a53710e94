"""Weights and masks in the order in which the exported code reads them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.format import Node
from signbit.format.bits import pack_bits, unpack_bits

LANES = 8  # outputs that are computed together: 256 bits in 32-bit words
WORD = 32


def words32_for(bits: int) -> int:
    """The number of 32-bit words that hold so many bits."""
    return -(-bits // WORD)


def words_of(bits: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """The last axis as words: element c is bit c % 32 of word c // 32. The other bits are 0."""
    return pack_bits(bits).view("<u4")[..., : words32_for(bits.shape[-1])]


def mask_words(mask: NDArray[Any], channels: int) -> NDArray[np.uint32]:
    """A mask of the packed file, such as `below`, in 32-bit words."""
    return words_of(unpack_bits(mask, channels))


def bits_by_tap(node: Node, inputs: int) -> NDArray[np.uint32]:
    """The weights of a convolution of bits. Each tap begins a word.  Shape: as `_lanes` returns."""
    return _lanes(node, words_of(unpack_bits(node.tensors["weight"], inputs)))


def bits_by_term(node: Node, inputs: int) -> NDArray[np.uint32]:
    """The weights of a convolution of numbers with bits. All terms of a sum are one row of bits."""
    bits = unpack_bits(node.tensors["weight"], inputs)
    return _lanes(node, words_of(bits.reshape(len(bits), -1)))


def reals_by_term(node: Node) -> NDArray[np.float32]:
    """The weights of a convolution with real weights."""
    return _lanes(node, node.tensors["weight"])


def _lanes(node: Node, weight: NDArray[Any]) -> NDArray[Any]:
    """Reorder (out, ...) to [group][block of 8 outputs][...][output in the block], as one axis."""
    rows = weight.reshape(node.attributes["groups"], -1, weight[0].size)
    missing = -rows.shape[1] % LANES
    padded = np.pad(rows, ((0, 0), (0, missing), (0, 0)))
    blocks = padded.reshape(len(rows), -1, LANES, rows.shape[2])
    return blocks.transpose(0, 1, 3, 2).reshape(-1)
