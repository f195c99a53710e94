"""Move negations of bits into the weights that read the bits."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from signbit.format import Node, PackedModel
from signbit.format.bits import pack_bits, unpack_bits
from signbit.passes import passes


class Absorbed(NamedTuple):
    """The network without the negations that weights could absorb, and what became of each node.

    place: for each old number, the new number of the node with its value.
    negated: for the old number of each removed flip, the channels that it negated. Its readers now
        read the value before it.
    """

    model: PackedModel
    place: Mapping[int, int]
    negated: Mapping[int, NDArray[np.bool_]]


@passes.register("absorb_flips")
def absorb_flips(model: PackedModel) -> PackedModel:
    """Remove each `flip` whose readers are all convolutions that can absorb it."""
    return absorbed(model).model


def absorbed(model: PackedModel) -> Absorbed:
    """Do what `absorb_flips` does; also returns what became of each node."""
    removable = {
        number
        for number, node in model.numbered()
        if node.op == "flip" and _all_can_take(model, number)
    }
    negated = {
        number: unpack_bits(model.node(number).tensors["mask"], model.types[number].channels)
        for number in removable
    }
    kept: list[Node] = []
    place = {number: number for number in range(len(model.inputs))}
    for number, node in model.numbered():
        if number in removable:
            place[number] = place[node.inputs[0]]
            continue
        changed = _negated(node, negated[node.inputs[0]]) if node.inputs[0] in removable else node
        kept.append(replace(changed, inputs=tuple(place[source] for source in node.inputs)))
        place[number] = len(model.inputs) + len(kept) - 1
    signature = model.signature.moved(place)
    return Absorbed(PackedModel(kept, signature, model.info), place, negated)


def _all_can_take(model: PackedModel, number: int) -> bool:
    readers = model.readers(number)
    # The value of an output must not change.
    if any(output.node == number for output in model.outputs):
        return False
    return bool(readers) and all(_can_take(model.node(reader)) for reader in readers)


def _can_take(node: Node) -> bool:
    # A padded tap that counts as -1 or +1 is not a channel of the map, and must not be negated.
    if node.op != "conv_bits":
        return False
    return node.attributes["padding_value"] == 0 or not any(node.attributes["padding"])


def _negated(node: Node, mask: NDArray[np.bool_]) -> Node:
    weight, groups = node.tensors["weight"], node.attributes["groups"]
    masks = np.repeat(mask.reshape(groups, -1), len(weight) // groups, axis=0)
    return replace(node, tensors={"weight": weight ^ pack_bits(masks)[:, None, None, :]})
