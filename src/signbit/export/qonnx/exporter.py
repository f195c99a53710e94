"""Write the network as QONNX."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import UsageError
from signbit.export._bounds import HALVES_END
from signbit.export._interface import ExportRequest, Golden
from signbit.export._onnx.files import graph_value, metadata, write
from signbit.export._onnx.graph import Graph, require_onnx
from signbit.export._onnx.writer import OnnxWriter
from signbit.export._operations import exporter, refusal
from signbit.export.qonnx.operations import OPERATIONS
from signbit.format import Input, Node, Output, PackedModel, Signature
from signbit.format.types import BITS, U8
from signbit.passes.upward import upward

if TYPE_CHECKING:
    from onnx import ModelProto

Array = NDArray[Any]

DOMAIN = "qonnx.custom_op.general"

_IMAGE = {
    "input": "float32 numbers 0 to 255, annotated as UINT8, (1, channels, height, width), "
    "RGB; (1, channels) where the image is 1x1",
    "output": "float32, (1, classes)",
}
_MEANING = {U8: " numbers 0 to 255, annotated as UINT8", BITS: " -1 and +1, annotated as BIPOLAR"}
_ANNOTATIONS = {U8: "UINT8", BITS: "BIPOLAR"}
_CONVENTIONS = {
    "tensors": "nNN is the value of node NN: (1, C, H, W), or (1, C) where its map is 1x1; bits "
    "are -1 and +1",
    "threshold": "BipolarQuant returns +1 where its input is 0 or more; x > t is written as "
    "BipolarQuant(x - u), where u is the next integer after t, or the next float32",
    "weights": "where only a threshold x < t reads a convolution's sums, its weights, sums and "
    "threshold are negated, and the threshold becomes x > t",
}


@exporter("qonnx", OPERATIONS)
def qonnx(request: ExportRequest, folder: Path, *, logits: bool = False) -> dict[str, Any]:
    """Write a graph for one sample, golden vectors, and a script that compares them with qonnx.

    logits: leave out a softmax or log_softmax at an output, because tools for hardware do not
        accept it.

    Raises: MissingDependencyError where onnx is not installed. ExportError where float32 cannot
        hold integer sums and halves exactly, or where the weights exceed 2 GiB. UsageError where
        two outputs would be one without their softmax.
    """
    require_onnx()
    from onnx import TensorProto, helper

    request = _suited(request, logits)
    model = request.model
    writer = OnnxWriter(model, _Qonnx())
    for number in model.needed():
        bound = writer.bounds[number]
        if bound >= HALVES_END:
            reason = f"its sums can reach {bound}, but float32 holds halves only up to {HALVES_END}"
            raise refusal(model, number, "qonnx", reason)
    graph = writer.add_all(batch=1)

    def stated(name: str, number: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, writer.shape(number, 1))

    inputs = [stated(one.name, number) for number, one in enumerate(model.inputs)]
    outputs = [stated(one.name, one.node) for one in model.outputs]
    proto = graph.finish(request.name, inputs, outputs, [DOMAIN])
    _annotate(proto, model)
    conventions = _of_names(writer) | _CONVENTIONS
    metadata(proto, model, conventions)
    golden = {one.name: graph_value(request, one.node) for one in model.outputs}
    write(proto, request, folder, "qonnx", request.golden.inputs, golden)
    return {"qonnx_conventions": conventions}


def _annotate(proto: "ModelProto", model: PackedModel) -> None:
    """Annotate the inputs that are whole numbers of few bits."""
    for one in model.inputs:
        if one.kind in _ANNOTATIONS:
            annotation = proto.graph.quantization_annotation.add(tensor_name=one.name)
            names = annotation.quant_parameter_tensor_names
            names.add(key="finn_datatype", value=_ANNOTATIONS[one.kind])


def _of_names(writer: OnnxWriter) -> dict[str, str]:
    """Conventions that state every input and output."""
    model = writer.model
    if model.signature.is_of_images:
        names = {"input": model.inputs[0].name, "output": model.outputs[0].name}
        return {key: f"{name}: {_IMAGE[key]}" for key, name in names.items()}

    def stated(name: str, number: int) -> str:
        shape = ", ".join(map(str, writer.shape(number, 1)))
        return f"{name}: float32{_MEANING.get(model.types[number].kind, '')}, ({shape})"

    return {
        "input": "; ".join(stated(one.name, number) for number, one in enumerate(model.inputs)),
        "output": "; ".join(stated(one.name, one.node) for one in model.outputs),
    }


def _suited(request: ExportRequest, logits: bool) -> ExportRequest:
    """The network and its golden vectors in the form that tools for hardware handle best.

    Thresholds are x > t where possible, because hls4ml drops a factor of -1 before a sign.
    """
    model = upward(request.model)
    if logits:
        model = replace(model, signature=_before_softmax(model))
    return ExportRequest(model, request.name, Golden.of(model, request.golden.inputs))


def _before_softmax(model: PackedModel) -> Signature:
    """The outputs before their softmax. Raises: UsageError where two become one."""
    outputs = []
    for one in model.outputs:
        node = model.node(one.node)
        plain = node.op in ("softmax", "log_softmax") and not model.is_input(node.inputs[0])
        outputs.append(replace(one, node=node.inputs[0]) if plain else one)
    try:
        return Signature(model.inputs, outputs)
    except UsageError as error:
        raise UsageError(f"logits: without softmax, {error}; leave logits out") from error


class _Qonnx:
    """Uses BipolarQuant: +1 where x >= 0, else -1, times a scale, which is 1 here."""

    to = "qonnx"

    def input(self, to: OnnxWriter, number: int, one: Input) -> str:
        """The input itself, which is the value already."""
        return one.name

    def is_value(self, to: OnnxWriter, one: Output) -> bool:
        """True for every output."""
        return True

    def output(self, to: OnnxWriter, one: Output, x: str) -> str:
        """No operator."""
        return x

    def weight(self, graph: Graph, signs: Array) -> str:
        """An initializer of -1 and +1, and a BipolarQuant that says so."""
        return _bipolar(graph, graph.constant("weight", signs.astype(np.float32)))

    def sign(self, to: OnnxWriter, node: Node, x: str, cut: Array, is_integer: bool) -> str:
        """Add and BipolarQuant: x > cut is x >= the next integer, or the next float32, above it.

        The threshold is a whole number, because hls4ml cuts off its fraction. The sum is exact; for
        real numbers at least its sign is.
        """
        next_float = np.nextafter(cut.astype(np.float32), np.float32(np.inf))
        least = cut + 0.5 if is_integer else next_float
        return _bipolar(to.graph, to.graph.add("Add", x, to.per_channel(node, "bias", -least)))

    def whole(self, graph: Graph, x: str) -> str:
        """No operator: qonnx runs node by node, and the tools for hardware have no Round."""
        return x


def _bipolar(graph: Graph, x: str) -> str:
    scale = graph.constant("unit", np.array(1, np.float32))
    return graph.add("BipolarQuant", x, scale, domain=DOMAIN)
