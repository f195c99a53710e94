"""Move elements to other places, in ONNX."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from signbit.format import Node

if TYPE_CHECKING:
    from signbit.export._onnx.writer import OnnxWriter

Array = NDArray[Any]


def move(to: "OnnxWriter", node: Node, x: str) -> str:
    """Gather from the elements in the order of the file; the fill value is one more element."""
    from onnx import TensorProto

    source = to.model.types[node.inputs[0]]
    if to.is_wide(to.number):
        x = to.graph.add("Cast", x, to=TensorProto.DOUBLE)
    if not to.is_row(node.inputs[0]):
        x = to.graph.add("Flatten", to.graph.add("Transpose", x, perm=[0, 2, 3, 1]), axis=1)
    parts = {name: node.tensors[name].astype(np.int64) for name in ("channels", "rows", "columns")}
    if any((part < 0).any() for part in parts.values()):
        dtype = np.float64 if to.is_wide(to.number) else np.float32
        fill = to.graph.constant("fill", np.array(node.attributes["fill"], dtype))
        x = to.graph.add("Pad", x, to.graph.constant("pads", np.array([0, 0, 0, 1])), fill)
        parts = {name: np.where(part < 0, source.elements, part) for name, part in parts.items()}
    return to.graph.add("Gather", x, _places(to, parts, source.elements), axis=1)


def _places(to: "OnnxWriter", parts: dict[str, Array], elements: int) -> str:
    """The place of each element: rows + columns + channels, at most the number of elements.

    For a row it is only the channels. The graph adds the three, so that the file needs no table
    of the size of a map.
    """
    if to.is_row(to.number):
        total = parts["channels"] + parts["rows"] + parts["columns"]
        return to.graph.constant("places", np.minimum(total, elements))
    shapes = {"channels": (-1, 1, 1), "rows": (-1, 1), "columns": (-1,)}
    channels, rows, columns = (
        to.graph.constant(name, parts[name].reshape(shape)) for name, shape in shapes.items()
    )
    total = to.graph.add("Add", to.graph.add("Add", channels, rows), columns)
    return to.graph.add("Min", total, to.graph.constant("last", np.array(elements)))
