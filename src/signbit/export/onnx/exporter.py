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
from signbit.export._signature import torch_shape
from signbit.export.onnx.operations import OPERATIONS
from signbit.format import Input, Node, Output, PackedModel
from signbit.format.parameters import node_name
from signbit.format.types import BITS, F32, I32, U8
from signbit.runtime.samples import in_layout

if TYPE_CHECKING:
    from onnx import ModelProto

Array = NDArray[Any]

_IMAGE = {
    "input": "uint8, (N, height, width, channels), 0 to 255, RGB; any number of images",
    "output": "float32, (N, classes)",
}
_CONVENTIONS = {
    "tensors": "nNN is the value of node NN: (N, C, H, W), or (N, C) where its map is 1x1; bits "
    "are -1 and +1; ",
    "threshold": "the bit is 1 where sign * sum > cut; the cut lies halfway between two integers",
}
_NUMPY = {F32: "float32", I32: "int32", U8: "uint8", BITS: "bool"}
_MEANING = {F32: "", I32: "", U8: ", codes 0 to 255", BITS: ", True for +1"}


@exporter("onnx", OPERATIONS)
def onnx(request: ExportRequest, folder: Path, *, int8_weights: bool = False) -> dict[str, Any]:
    """Write a graph of ONNX's own operators, golden vectors, and a script that compares them.

    int8_weights: store the -1 and +1 as int8, and cast them to float32 in the graph. The file then
        has a quarter of the size, but some runtimes need the weights of Conv without a cast.

    Raises: MissingDependencyError where onnx is not installed. ExportError where the weights exceed
        2 GiB.
    """
    model = request.model
    proto = to_proto(model, request.name, int8_weights=int8_weights)
    conventions = {
        **_of_names(model),
        **_CONVENTIONS,
        "tensors": _CONVENTIONS["tensors"] + _counted(model),
    }
    metadata(proto, model, conventions)
    golden = request.golden
    inputs = {one.name: _in_layout(model, golden.inputs[one.name]) for one in model.inputs}
    outputs = {one.name: in_layout(golden.outputs[one.name], "torch") for one in model.outputs}
    write(proto, request, folder, "onnx", inputs, outputs)
    return {"onnx_conventions": conventions}


def to_proto(model: PackedModel, name: str, *, int8_weights: bool = False) -> "ModelProto":
    """Make the graph alone, from its inputs to its outputs. Raises: as `onnx`."""
    require_onnx()
    from onnx import TensorProto, helper

    types = {F32: TensorProto.FLOAT, I32: TensorProto.INT32, U8: TensorProto.UINT8}
    types[BITS] = TensorProto.BOOL
    inputs = [
        helper.make_tensor_value_info(one.name, types[one.kind], ["N", *_shape(model, one)])
        for one in model.inputs
    ]
    outputs = [
        helper.make_tensor_value_info(
            one.name, types[model.types[one.node].kind], ["N", *_shape(model, one)]
        )
        for one in model.outputs
    ]
    graph = OnnxWriter(model, _Plain(int8_weights)).add_all()
    return graph.finish(name, inputs, outputs)


def _shape(model: PackedModel, one: Input | Output) -> tuple[int, ...]:
    """The shape of one sample: torch's layout, except for the pixels of a network of images."""
    if isinstance(one, Output):
        return torch_shape(model.types[one.node], one.rank)
    return (
        tuple(one.shape) if model.signature.is_of_images else torch_shape(one.type, len(one.shape))
    )


def _in_layout(model: PackedModel, array: Array) -> Array:
    return in_layout(array, "file" if model.signature.is_of_images else "torch")


def _of_names(model: PackedModel) -> dict[str, str]:
    """Conventions that state every input and output."""
    if model.signature.is_of_images:
        names = {"input": model.inputs[0].name, "output": model.outputs[0].name}
        return {key: f"{name}: {_IMAGE[key]}" for key, name in names.items()}

    def stated(one: Input | Output, kind: str) -> str:
        shape = ", ".join(["N", *map(str, _shape(model, one))])
        return f"{one.name}: {_NUMPY[kind]}, ({shape}){_MEANING[kind]}"

    return {
        "input": "; ".join(stated(one, one.kind) for one in model.inputs),
        "output": "; ".join(stated(one, model.types[one.node].kind) for one in model.outputs),
    }


def _counted(model: PackedModel) -> str:
    """Where the numbers of values start."""
    if model.signature.is_of_images:
        return "node 0 is n00"
    return f"inputs are counted too, so the first node is {node_name(len(model.inputs))}"


class _Plain:
    """Uses only standard operators."""

    to = "onnx"

    def __init__(self, int8_weights: bool):
        self.int8_weights = int8_weights

    def input(self, to: OnnxWriter, number: int, one: Input) -> str:
        """Make it (N, C, H, W) or (N, C) in float32. Bits are bool before, and -1 and +1 after."""
        from onnx import TensorProto

        graph, x = to.graph, one.name
        if to.model.signature.is_of_images:
            x = graph.add("Transpose", x, perm=[0, 3, 1, 2])
        x = to.without_rank(number, x, len(one.shape))
        if one.kind == BITS:
            return self._signs(graph, x)
        return graph.add("Cast", x, to=TensorProto.FLOAT) if one.kind == U8 else x

    def is_value(self, to: OnnxWriter, one: Output) -> bool:
        """Whether it is float32, and its shape has as many axes."""
        axes = 1 if to.is_row(one.node) else 3
        return to.model.types[one.node].kind == F32 and one.rank == axes

    def output(self, to: OnnxWriter, one: Output, x: str) -> str:
        """Give it the type of the packed network's output, and torch's layout."""
        from onnx import TensorProto

        kind = to.model.types[one.node].kind
        if kind == BITS:
            x = to.graph.add("Greater", x, to.graph.constant("zero", np.array(0, np.float32)))
        elif kind != F32:
            types = {I32: TensorProto.INT32, U8: TensorProto.UINT8}
            x = to.graph.add("Cast", x, to=types[kind])
        return to.with_rank(one.node, x, one.rank)

    def weight(self, graph: Graph, signs: Array) -> str:
        """An initializer."""
        from onnx import TensorProto

        if not self.int8_weights:
            return graph.constant("weight", signs.astype(np.float32))
        return graph.add("Cast", graph.constant("weight", signs), to=TensorProto.FLOAT)

    def sign(self, to: OnnxWriter, node: Node, x: str, cut: Array, is_integer: bool) -> str:
        """Greater and Where: NaN, and a number equal to the cut, become -1."""
        graph = to.graph
        return self._signs(graph, graph.add("Greater", x, to.per_channel(node, "cut", cut)))

    def whole(self, graph: Graph, x: str) -> str:
        """Round: it changes nothing, but ONNX Runtime then does not fold the scale into the Conv.

        Otherwise the kernels would not be -1 and +1, and their sums would not be exact.
        """
        return graph.add("Round", x)

    def _signs(self, graph: Graph, bits: str) -> str:
        """-1 and +1 in float32 from bool."""
        one = graph.constant("one", np.array(1, np.float32))
        return graph.add("Where", bits, one, graph.constant("minus_one", np.array(-1, np.float32)))
