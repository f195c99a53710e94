"""Operators in the files of `signbit export` that belong together.

An `affine` of the packed network is rounded once. Its file has a product and a sum for it, which
ONNX rounds one after the other. The names of the constants say that they were one.
"""

from collections import Counter
from dataclasses import replace

from signbit.importers.onnx._file import Content, Node

DOMAIN = "signbit"


def with_affines(content: Content) -> Content:
    """The file with one operator for each product and sum that come from an `affine`."""
    if not content.is_own:
        return content
    readers = Counter(name for node in content.nodes for name in node.inputs)
    readers.update(one.name for one in content.outputs)
    nodes: list[Node] = []
    for node in content.nodes:
        before = nodes[-1] if nodes else node
        if _is_affine(before, node) and readers[before.outputs[0]] == 1:
            inputs = [*before.inputs, node.inputs[1]]
            nodes[-1] = Node("Affine", DOMAIN, node.label, inputs, node.outputs, {})
        else:
            nodes.append(node)
    return replace(content, nodes=nodes)


def _is_affine(product: Node, total: Node) -> bool:
    kinds = (product.domain, product.kind, total.domain, total.kind)
    if kinds != ("", "Mul", "", "Add") or len(product.inputs) != 2 or len(total.inputs) != 2:
        return False
    name, _, what = product.inputs[1].rpartition(".")
    return total.inputs[0] == product.outputs[0] and (what, total.inputs[1]) == (
        "scale",
        f"{name}.bias",
    )
