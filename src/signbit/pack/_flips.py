"""Move negations of bits into the weights that read them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from signbit.format import Node
from signbit.format.bits import pack_bits, unpack_bits


class Absorbed(NamedTuple):
    """The nodes without the negations that weights could take, and what became of each node.

    place: from each old number to the new one of the node with its value.
    negated: old numbers of removed flips, whose reader now sees the value before them; with
        the channels that differ.
    """

    nodes: list[Node]
    place: Mapping[int, int]
    negated: Mapping[int, NDArray[np.bool_]]


def absorb_flips(nodes: Sequence[Node], channels: Sequence[int]) -> Absorbed:
    """Remove each `flip` whose readers are all convolutions that can take it.

    channels: of the value of every node, by number, pixels first.
    """
    removable = {
        index
        for index, node in enumerate(nodes, 1)
        if node.op == "flip" and _all_can_take(index, nodes)
    }
    kept: list[Node] = []
    place = {0: 0}
    for index, node in enumerate(nodes, 1):
        if index in removable:
            place[index] = place[node.inputs[0]]
            continue
        changed = node
        if node.inputs and node.inputs[0] in removable:
            mask = nodes[node.inputs[0] - 1].tensors["mask"]
            changed = _negated(node, unpack_bits(mask, channels[node.inputs[0]]))
        kept.append(replace(changed, inputs=tuple(place[source] for source in node.inputs)))
        place[index] = len(kept)
    negated = {
        index: unpack_bits(nodes[index - 1].tensors["mask"], channels[index]) for index in removable
    }
    return Absorbed(kept, place, negated)


def _all_can_take(index: int, nodes: Sequence[Node]) -> bool:
    readers = [node for node in nodes if index in node.inputs]
    return bool(readers) and all(map(_can_take, readers))


def _can_take(node: Node) -> bool:
    # A padded tap that counts as -1 or +1 is no channel of the map, and must not be negated.
    if node.op != "conv_bits":
        return False
    return node.attributes["padding_value"] == 0 or not any(node.attributes["padding"])


def _negated(node: Node, mask: NDArray[np.bool_]) -> Node:
    weight, groups = node.tensors["weight"], node.attributes["groups"]
    masks = np.repeat(mask.reshape(groups, -1), len(weight) // groups, axis=0)
    return replace(node, tensors={"weight": weight ^ pack_bits(masks)[:, None, None, :]})
