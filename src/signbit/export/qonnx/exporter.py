"""Write the network as QONNX."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._bounds import HALVES_END
from signbit.export._interface import ExportRequest, Golden
from signbit.export._onnx.files import metadata, write
from signbit.export._onnx.graph import Graph, require_onnx
from signbit.export._onnx.writer import OnnxWriter
from signbit.export._operations import exporter, refusal
from signbit.export.qonnx.operations import OPERATIONS
from signbit.format import Node, PackedModel
from signbit.passes.upward import upward

Array = NDArray[Any]

DOMAIN = "qonnx.custom_op.general"

_CONVENTIONS = {
    "input": "pixels: float32 numbers 0 to 255, annotated as UINT8, (1, channels, height, width), "
    "RGB; (1, channels) where the image is 1x1",
    "output": "scores: float32, (1, classes)",
    "tensors": "nNN is the value of node NN: (1, C, H, W), or (1, C) where its map is 1x1; bits "
    "are -1 and +1",
    "threshold": "BipolarQuant gives +1 where its input is 0 or more; x > t is written as "
    "BipolarQuant(x - u), where u is the next integer after t, or the next float32",
    "weights": "where only a threshold x < t reads a convolution's sums, its weights, sums and "
    "threshold are negated, and the threshold becomes x > t",
}


@exporter("qonnx", OPERATIONS)
def qonnx(request: ExportRequest, folder: Path, *, logits: bool = False) -> dict[str, Any]:
    """Write a graph for one image, golden vectors, and a script that compares them with qonnx.

    logits: leave out a softmax or log_softmax at the end; tools for hardware do not accept it.

    Raises: MissingDependencyError without onnx; ExportError where float32 cannot hold the sums of
        integers and a half exactly, or where the weights exceed 2 GiB.
    """
    require_onnx()
    from onnx import TensorProto, helper

    request = _suited(request, logits)
    writer = OnnxWriter(request.model, _Qonnx())
    for number, bound in enumerate(writer.bounds):
        if bound >= HALVES_END:
            reason = f"its sums can reach {bound}, but float32 holds halves up to {HALVES_END}"
            raise refusal(request.model, number, "qonnx", reason)
    graph = writer.add_all("pixels", batch=1)
    proto = graph.finish(
        request.name,
        helper.make_tensor_value_info("pixels", TensorProto.FLOAT, writer.shape(0, 1)),
        helper.make_tensor_value_info(
            "scores", TensorProto.FLOAT, [1, request.model.types[-1].channels]
        ),
        [DOMAIN],
    )
    annotation = proto.graph.quantization_annotation.add(tensor_name="pixels")
    annotation.quant_parameter_tensor_names.add(key="finn_datatype", value="UINT8")
    metadata(proto, request, _CONVENTIONS)
    write(proto, request, folder, "qonnx")
    return {"qonnx_conventions": dict(_CONVENTIONS)}


def _suited(request: ExportRequest, logits: bool) -> ExportRequest:
    """The network and its golden vectors in the form that tools for hardware handle best.

    Thresholds are x > t where possible, because hls4ml drops a factor of -1 before a sign.
    """
    model = upward(request.model)
    if logits and model.nodes[-1].op in ("softmax", "log_softmax"):
        model = PackedModel(model.nodes[:-1], model.preprocessing, model.info)
    return ExportRequest(model, request.name, Golden.of(model, request.golden.inputs))


class _Qonnx:
    """Uses BipolarQuant: +1 where x >= 0, else -1, times a scale, which is 1 here."""

    to = "qonnx"

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
