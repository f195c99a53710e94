"""Let linear layers read a map itself instead of the flattened map."""

from dataclasses import replace

from signbit.format import Node, PackedModel
from signbit.format.bits import pack_bits, unpack_bits
from signbit.passes import passes


@passes.register("on_the_map")
def on_the_map(model: PackedModel) -> PackedModel:
    """Let each linear layer of integer sums read the map that was flattened for it.

    Its kernel becomes as large as the map. The `flatten` stays, so that all nodes keep their
    numbers. Where nothing else reads it, no output needs it any more.
    """
    nodes = [
        _on_the_map(model, node) if _reads_flat_map(model, number) else node
        for number, node in model.numbered()
    ]
    return replace(model, nodes=nodes)


def _reads_flat_map(model: PackedModel, number: int) -> bool:
    node, operation = model.node(number), model.operation(number)
    # Real numbers would be added in another order.
    if not operation.is_convolution or operation.order_matters or not model.is_linear(node):
        return False
    source = node.inputs[0]
    return not model.is_input(source) and model.node(source).op == "flatten"


def _on_the_map(model: PackedModel, node: Node) -> Node:
    """The new layer. A row has the order channel, row, column; a map has channels innermost."""
    (source,) = model.node(node.inputs[0]).inputs
    _, height, width, channels = model.types[source]
    bits = unpack_bits(node.tensors["weight"], height * width * channels)
    bits = bits.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return replace(
        node,
        inputs=(source,),
        attributes={**node.attributes, "kernel": (height, width)},
        tensors={"weight": pack_bits(bits)},
    )
