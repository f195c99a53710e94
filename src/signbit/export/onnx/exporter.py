"""Write the network as ONNX."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._interface import ExportRequest
from signbit.export._onnx.files import metadata, write
from signbit.export._onnx.graph import Graph, require_onnx
from signbit.export._onnx.writer import OnnxWriter
from signbit.export._operations import exporter
from signbit.export.onnx.operations import OPERATIONS
from signbit.format import Node, PackedModel

if TYPE_CHECKING:
    from onnx import ModelProto

Array = NDArray[Any]

_CONVENTIONS = {
    "input": "pixels: uint8, (N, height, width, channels), 0 to 255, RGB; any number of images",
    "output": "scores: float32, (N, classes)",
    "tensors": "nNN is the value of node NN: (N, C, H, W), or (N, C) where its map is 1x1; bits "
    "are -1 and +1; node 0 is n00",
    "threshold": "the bit is 1 where sign * sum > cut; the cut lies halfway between two integers",
}


@exporter("onnx", OPERATIONS)
def onnx(request: ExportRequest, folder: Path, *, int8_weights: bool = False) -> dict[str, Any]:
    """Write a graph of ONNX's own operators, golden vectors, and a script that compares them.

    int8_weights: hold the -1 and +1 in int8, and cast them to float32 in the graph. The file then
        has a quarter of the size, but some runtimes need the weights of Conv without a cast.

    Raises: MissingDependencyError without onnx; ExportError where the weights exceed 2 GiB.
    """
    proto = to_proto(request.model, request.name, int8_weights=int8_weights)
    metadata(proto, request, _CONVENTIONS)
    write(proto, request, folder, "onnx")
    return {"onnx_conventions": dict(_CONVENTIONS)}


def to_proto(model: PackedModel, name: str, *, int8_weights: bool = False) -> "ModelProto":
    """Only the graph, from `pixels` to `scores`. Raises: as `onnx`."""
    require_onnx()
    from onnx import TensorProto, helper

    writer = OnnxWriter(model, _Plain(int8_weights))
    graph = writer.graph
    graph.prefix = "n00"
    pixels = graph.add("Transpose", "pixels", perm=[0, 3, 1, 2])
    if writer.is_row(0):
        pixels = graph.add("Flatten", pixels, axis=1)
    pixels = graph.add("Cast", pixels, to=TensorProto.FLOAT)
    graph.rename(pixels, "n00")
    writer.add_all("n00")
    size = [*model.preprocessing.size, model.preprocessing.channels]
    return graph.finish(
        name,
        helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", *size]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", model.types[-1].channels]),
    )


class _Plain:
    """Uses only standard operators."""

    to = "onnx"

    def __init__(self, int8_weights: bool):
        self.int8_weights = int8_weights

    def weight(self, graph: Graph, signs: Array) -> str:
        """An initializer."""
        from onnx import TensorProto

        if not self.int8_weights:
            return graph.constant("weight", signs.astype(np.float32))
        return graph.add("Cast", graph.constant("weight", signs), to=TensorProto.FLOAT)

    def sign(self, to: OnnxWriter, node: Node, x: str, cut: Array, is_integer: bool) -> str:
        """Greater and Where: NaN, and a number equal to the cut, give -1."""
        graph = to.graph
        above = graph.add("Greater", x, to.per_channel(node, "cut", cut))
        one = graph.constant("one", np.array(1, np.float32))
        return graph.add("Where", above, one, graph.constant("minus_one", np.array(-1, np.float32)))

    def whole(self, graph: Graph, x: str) -> str:
        """Round: it changes nothing, but ONNX Runtime then does not fold the scale into the Conv.

        Otherwise the kernels would not be -1 and +1, and their sums would not be exact.
        """
        return graph.add("Round", x)
