"""Count how often each bit inside a network is +1, and find bits that no input can change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._bounds import below_signs, largest_sums
from signbit.format import Output, PackedModel
from signbit.format.bits import pack_bits
from signbit.format.signature import NUMBERS
from signbit.format.types import BITS, I32
from signbit.report._subject import is_binary_layer
from signbit.runtime._features import with_outputs
from signbit.runtime.engine import Engine

# A network can have 64 outputs. Fewer outputs at once need less memory.
_AT_ONCE, _BATCH = 16, 32


@dataclass(frozen=True)
class BitShares:
    """How often the bits that one node makes are +1, over some samples.

    node: the number of the node.
    shares: for each channel, the share of its bits that are +1, over all samples and positions, 0
        to 1.
    bits: number of bits that were counted for each channel.
    """

    node: int
    shares: NDArray[np.float64]
    bits: int

    @property
    def entropy(self) -> float:
        """Mean over the channels of H(p) = -p log2 p - (1 - p) log2 (1 - p), 0 to 1."""
        p = np.clip(self.shares, 1e-300, 1)
        q = np.clip(1 - self.shares, 1e-300, 1)
        return float((-p * np.log2(p) - q * np.log2(q)).mean())

    def quiet(self, least: float) -> int:
        """Number of channels whose bit is the same in a share of `least` or more of the cases."""
        return int((np.maximum(self.shares, 1 - self.shares) >= least).sum())


def makers_of_bits(model: PackedModel) -> list[int]:
    """The numbers of the nodes that turn numbers into bits, in ascending order."""
    return [
        number
        for number, node in model.numbered()
        if model.types[number].kind == BITS
        and all(model.types[source].kind != BITS for source in node.inputs)
    ]


def bit_shares(
    model: PackedModel,
    inputs: Mapping[str, NDArray[Any]],
    threads: int = 1,
    advance: Callable[[int], None] = lambda count: None,
) -> list[BitShares]:
    """Count the bits of every node that turns numbers into bits.

    model: the packed network.
    inputs: one or more samples, in the form that the engine accepts, by the names of the inputs.
    threads: number of threads of the engine.
    advance: called with the number of nodes after each pass.
    """
    makers = makers_of_bits(model)
    found: list[BitShares] = []
    for start in range(0, len(makers), _AT_ONCE):
        some = makers[start : start + _AT_ONCE]
        found += _counted(model, some, inputs, threads)
        advance(len(some))
    return found


def _counted(
    model: PackedModel, numbers: list[int], inputs: Mapping[str, NDArray[Any]], threads: int
) -> list[BitShares]:
    outputs = [Output(f"bits_of_{number}", NUMBERS, number, 3) for number in numbers]
    engine = Engine(with_outputs(model, outputs), threads)
    samples = len(next(iter(inputs.values())))
    ones = {one.name: np.zeros(model.types[one.node].channels, np.int64) for one in outputs}
    for first in range(0, samples, _BATCH):
        batch = {name: array[first : first + _BATCH] for name, array in inputs.items()}
        for name, bits in engine.run(batch).items():
            ones[name] += bits.sum(axis=(0, 1, 2))
    counts = {one.name: samples * model.types[one.node].positions for one in outputs}
    return [
        BitShares(one.node, ones[one.name] / counts[one.name], counts[one.name]) for one in outputs
    ]


def out_of_reach(model: PackedModel) -> dict[int, int]:
    """For each threshold of integer sums: how many channels have the same bit for every input.

    The number of terms bounds a sum. If a threshold lies outside of these bounds, its bit never
    changes. There may be more such channels, because weights or pixels can bound a sum further.
    """
    bounds, found = largest_sums(model), {}
    for number, node in model.numbered():
        source = node.inputs[0]
        if node.op != "threshold" or model.types[source].kind != I32:
            continue
        threshold = node.tensors["threshold"].astype(np.int64)
        sign = below_signs(node, model.types[source].channels).astype(np.int64)
        # The bit is 1 where sign * sum > sign * threshold.
        stuck = (sign * threshold >= bounds[source]) | (sign * threshold < -bounds[source])
        found[number] = int(stuck.sum())
    return found


def repeated_filters(model: PackedModel) -> dict[int, int]:
    """For each binary layer: how many output channels have the same weights as an earlier channel.

    The opposite weights count too, because they give the same sums with the opposite sign. Layers
    with groups are left out, because their channels read different inputs.
    """
    found = {}
    for number, node in model.numbered():
        if not is_binary_layer(model, number) or node.attributes["groups"] != 1:
            continue
        words = node.tensors["weight"]
        mask = pack_bits(np.ones(model.types[node.inputs[0]].channels, bool))
        first = (words[:, 0, 0, 0] & np.uint64(1)).astype(bool)
        turned = np.where(first[:, None, None, None], words ^ mask, words)
        found[number] = len(words) - len(np.unique(turned.reshape(len(words), -1), axis=0))
    return found
