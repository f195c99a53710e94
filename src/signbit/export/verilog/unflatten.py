"""A linear layer behind flattening, as the convolution that it is on the map itself."""

from dataclasses import replace

from signbit.format import Node, PackedModel, ValueType
from signbit.format.bits import pack_bits, unpack_bits


def reads_flat_map(model: PackedModel, number: int) -> bool:
    """Whether a node is a linear layer whose input is a flattened map."""
    node = model.node(number)
    if number < 2 or not model.operation(number).is_convolution or not model.is_linear(node):
        return False
    return model.nodes[number - 2].op == "flatten" and model.types[number - 2][1:3] != (1, 1)


def as_it_runs(model: PackedModel, number: int) -> tuple[Node, ValueType]:
    """A node, and the value whose stream it reads: a map where that was flattened for it."""
    if reads_flat_map(model, number):
        return _on_the_map(model, number), model.types[number - 2]
    return model.node(number), model.types[number - 1]


def _on_the_map(model: PackedModel, number: int) -> Node:
    """That layer with a kernel as large as the map.

    A row has the order channel, row, column; streams bring all channels of a position at once.
    """
    node, (_, height, width, channels) = model.node(number), model.types[number - 2]
    bits = unpack_bits(node.tensors["weight"], height * width * channels)
    bits = bits.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return replace(
        node,
        attributes={**node.attributes, "kernel": (height, width)},
        tensors={"weight": pack_bits(bits)},
    )
