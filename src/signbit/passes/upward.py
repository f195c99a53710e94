"""Let all thresholds point upwards."""

from dataclasses import replace

import numpy as np

from signbit.format import Node, PackedModel
from signbit.format.bits import pack_bits, unpack_bits
from signbit.format.types import I32
from signbit.passes import passes


@passes.register("upward")
def upward(model: PackedModel) -> PackedModel:
    """Replace `x < threshold` by `x > threshold` where that is possible.

    Where only a threshold reads the sums of a convolution, the weights of the channels that compare
    downwards are negated. So are their sums and thresholds. The bits stay the same.
    """
    nodes = dict(model.numbered())
    given = {output.node for output in model.outputs}
    for number, node in model.numbered():
        source = node.inputs[0]
        if node.op != "threshold" or model.types[source].kind != I32 or source in given:
            continue
        if len(model.readers(source)) == 1 and model.operation(source).is_convolution:
            below = unpack_bits(node.tensors["below"], model.types[source].channels)
            nodes[source] = _negated(model, nodes[source], below)
            nodes[number] = _upwards(node, below)
    return replace(model, nodes=list(nodes.values()))


def _negated(model: PackedModel, node: Node, channels: np.ndarray) -> Node:
    group = model.types[node.inputs[0]].channels // node.attributes["groups"]
    bits = unpack_bits(node.tensors["weight"], group) ^ channels[:, None, None, None]
    return replace(node, tensors={"weight": pack_bits(bits)})


def _upwards(node: Node, below: np.ndarray) -> Node:
    threshold = node.tensors["threshold"].astype(np.int64)
    # The lowest number has no negative. It compares like the number after it, because no sum comes
    # near either of them.
    threshold = np.clip(np.where(below, -threshold, threshold), -(2**31), 2**31 - 1)
    tensors = {
        "threshold": threshold.astype(np.int32),
        "below": np.zeros_like(node.tensors["below"]),
    }
    return replace(node, tensors=tensors)
