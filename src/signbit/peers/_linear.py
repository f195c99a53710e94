"""Which convolutions are linear layers."""

from signbit.format import Node, PackedModel


def is_linear(model: PackedModel, node: Node) -> bool:
    """Whether its one window is the whole map: what every other runtime has a product for."""
    source, attributes = model.types[node.inputs[0]], node.attributes
    whole = tuple(attributes["kernel"]) == (source.height, source.width)
    return whole and not any(attributes["padding"]) and attributes["groups"] == 1
