"""The numbers of a network as plain arrays with names: in training, and packed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.format.bits import unpack_bits
from signbit.format.packed import PackedModel
from signbit.format.preprocessing import Preprocessing
from signbit.format.types import U8, Node

Array = NDArray[Any]


@dataclass(frozen=True)
class Parameters:
    """The arrays of a network in training by their names, and facts that explain them.

    arrays: every parameter and buffer. The weight of a convolution is (out, in / groups, *kernel),
        that of a linear layer (out, in).
    binary: the weights that the network uses as bits, int8 of -1 and +1, under the key of the
        latent weight in `arrays`.
    model: name and options of the architecture.
    """

    arrays: Mapping[str, NDArray[Any]]
    binary: Mapping[str, NDArray[Any]]
    preprocessing: Preprocessing
    model: Mapping[str, Any] = field(default_factory=dict)


def node_name(number: int) -> str:
    """The name of a node's value outside of the file. The names of its tensors begin with it."""
    return f"n{number:02d}"


def packed_arrays(model: PackedModel) -> dict[str, Array]:
    """Every tensor of every node, and scale and bias of inputs of codes, under identifiers.

    `nNN_NAME` is the tensor NAME of node NN. Weights of bits are int8 of -1 and +1, (out, in /
    groups, height, width). Masks are uint8 of 0 and 1. Both are there a second time as packed
    words, `nNN_NAME_words`.
    """
    arrays = {
        f"{one.name}_{field}": np.asarray(getattr(one, field), np.float64)
        for one in model.inputs
        for field in ("scale", "bias")
        if one.kind == U8
    }
    for number, node in model.numbered():
        for name, tensor in node.tensors.items():
            key = f"{node_name(number)}_{name}"
            arrays[key] = _plain(model, node, name, tensor)
            if tensor.dtype == np.uint64:
                arrays[f"{key}_words"] = tensor
    return arrays


def signs(bits: Array) -> NDArray[np.int8]:
    """-1 and +1 for bits."""
    return np.where(bits, 1, -1).astype(np.int8)


def weight_signs(model: PackedModel, node: Node) -> NDArray[np.int8]:
    """The weights of a convolution as -1 and +1, (out, in / groups, height, width)."""
    channels = model.types[node.inputs[0]].channels // node.attributes["groups"]
    return signs(unpack_bits(node.tensors["weight"], channels).transpose(0, 3, 1, 2))


def _plain(model: PackedModel, node: Node, name: str, tensor: Array) -> Array:
    """A tensor with an element per weight or channel, its axes in the order of torch."""
    is_bits = tensor.dtype == np.uint64
    if name == "weight":
        plain = weight_signs(model, node) if is_bits else tensor.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(plain)
    if not is_bits:
        return tensor
    return unpack_bits(tensor, model.types[node.inputs[0]].channels).astype(np.uint8)
