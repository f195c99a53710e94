"""A float32 ONNX graph with the shapes of a packed network."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from signbit.errors import UsageError
from signbit.format import Node, PackedModel

# Versions that every ONNX Runtime since 1.17 reads.
_OPSET, _IR = 17, 9


def onnx_twin(model: PackedModel) -> ModelProto:
    """Takes `pixels`, (N, H, W, C) uint8; random weights, thresholds as clips to [-1, 1].

    Linear layers are Gemm. Raises: UsageError for an operation that it does not know.
    """
    graph = _Graph(model)
    for number, node in enumerate(model.nodes, 1):
        if node.op not in _ADD:
            raise UsageError(f"operation {node.op!r} has no ONNX twin")
        _ADD[node.op](graph, number, node)
    return graph.finish()


class _Graph:
    """Values are named by their number."""

    def __init__(self, model: PackedModel):
        self.model = model
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.generator = np.random.default_rng(0)
        self.nodes.append(helper.make_node("Transpose", ["pixels"], ["nchw"], perm=[0, 3, 1, 2]))
        self.nodes.append(helper.make_node("Cast", ["nchw"], ["0"], to=TensorProto.FLOAT))

    def add(self, op: str, number: int, node: Node, *constants: str, **attributes: Any) -> None:
        inputs = [str(source) for source in node.inputs]
        self.nodes.append(
            helper.make_node(op, inputs + list(constants), [str(number)], **attributes)
        )

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(value.astype(np.float32), name))
        return name

    def finish(self) -> ModelProto:
        model, last = self.model, len(self.model.nodes)
        size = [*model.preprocessing.size, model.preprocessing.channels]
        pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", *size])
        scores = helper.make_tensor_value_info(str(last), TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "twin", [pixels], [scores], self.constants)
        opset = [helper.make_opsetid("", _OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=_IR)


def _conv(graph: _Graph, number: int, node: Node) -> None:
    attributes = node.attributes
    channels = graph.model.types[node.inputs[0]].channels // attributes["groups"]
    shape = (attributes["channels"], channels, *attributes["kernel"])
    weight = graph.generator.normal(0, 1 / math.sqrt(math.prod(shape[1:])), shape)
    if graph.model.is_linear(node):
        rows = graph.constant(f"weight{number}", weight.reshape(shape[0], -1))
        flat, inputs = f"flat{number}", [str(node.inputs[0])]
        graph.nodes.append(helper.make_node("Flatten", inputs, [flat], axis=1))
        graph.nodes.append(helper.make_node("Gemm", [flat, rows], [str(number)], transB=1))
        return
    graph.add(
        "Conv",
        number,
        node,
        graph.constant(f"weight{number}", weight),
        kernel_shape=list(attributes["kernel"]),
        strides=list(attributes["stride"]),
        dilations=list(attributes["dilation"]),
        pads=list(attributes["padding"]),
        group=attributes["groups"],
    )


def _pool(op: str) -> Callable[[_Graph, int, Node], None]:
    def add(graph: _Graph, number: int, node: Node) -> None:
        # The means of the format have no dilation.
        given = node.attributes.get("dilation")
        dilations = {} if given is None else {"dilations": list(given)}
        graph.add(
            op,
            number,
            node,
            kernel_shape=list(node.attributes["kernel"]),
            strides=list(node.attributes["stride"]),
            pads=list(node.attributes.get("padding", (0, 0, 0, 0))),
            **dilations,
        )

    return add


def _scaled(graph: _Graph, number: int, node: Node) -> None:
    graph.add("Mul", number, node, graph.constant(f"scale{number}", np.array(0.01)))


def _clipped(graph: _Graph, number: int, node: Node) -> None:
    low = graph.constant(f"low{number}", np.array(-1))
    graph.add("Clip", number, node, low, graph.constant(f"high{number}", np.array(1)))


def _plain(op: str, **attributes: Any) -> Callable[[_Graph, int, Node], None]:
    return lambda graph, number, node: graph.add(op, number, node, **attributes)


_ADD: dict[str, Callable[[_Graph, int, Node], None]] = {
    **dict.fromkeys(("conv_bits", "conv_u8", "conv_f32", "conv_f32_bits"), _conv),
    **dict.fromkeys(("normalize", "affine"), _scaled),
    **dict.fromkeys(("threshold", "clamp"), _clipped),
    **dict.fromkeys(("flip", "signs"), _plain("Identity")),
    "prelu": _plain("Relu"),
    "add": _plain("Add"),
    "concat": _plain("Concat", axis=1),
    "flatten": _plain("Flatten", axis=1),
    "max_pool": _pool("MaxPool"),
    "avg_pool": _pool("AveragePool"),
    "softmax": _plain("Softmax", axis=1),
    "log_softmax": _plain("LogSoftmax", axis=1),
}
