"""Small ONNX files, and what other tools compute from them."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]
QONNX = "qonnx.custom_op.general"


def node(op: str, inputs: str, output: str, domain: str = "", **attributes: Any) -> Any:
    """An operator. Spaces separate the names of its values; "-" is one that is missing."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, names, output.split(), output, domain=domain, **attributes)


def model(
    nodes: Sequence[Any],
    shape: Sequence[int | str],
    constants: Mapping[str, Any] | None = None,
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
    output_kind: int = TensorProto.FLOAT,
    **more: Any,
) -> onnx.ModelProto:
    """A network with the input `x` and the output `y`.

    constants: arrays; numbers with a fraction become float32, whole ones int64.
    """
    known = {name: np.asarray(value) for name, value in (constants or {}).items()}
    for name, value in known.items():
        if value.dtype == np.float64:
            known[name] = value.astype(np.float32)
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", output_kind, None)],
        [numpy_helper.from_array(np.array(value), name) for name, value in known.items()],
    )
    domains = {one.domain for one in nodes} - {""}
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, **more)


def saved(proto: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def in_onnx_runtime(proto: onnx.ModelProto, *inputs: Array) -> Array:
    """The output, without rewriting of the graph."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [one.name for one in session.get_inputs()]
    (found,) = session.run(None, dict(zip(names, inputs, strict=True)))
    return np.asarray(found)


def in_qonnx(proto: onnx.ModelProto, x: Array) -> Array:
    """The output, sample by sample where the file is for one, as the package qonnx computes it."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    wrapper = ModelWrapper(proto).transform(InferShapes())
    name, output = wrapper.graph.input[0].name, wrapper.graph.output[0].name
    shape = wrapper.get_tensor_shape(name)
    assert shape is not None
    batch = shape[0]
    parts = [x[start : start + batch] for start in range(0, len(x), batch)]
    with warnings.catch_warnings():
        # It does not infer shapes that the file computes.
        warnings.filterwarnings("ignore", "Output shapes disagree")
        return np.concatenate([execute_onnx(wrapper, {name: part})[output] for part in parts])


def finn_style(channels: int = 5) -> onnx.ModelProto:
    """Sums and thresholds for one sample, in operator set 9, with the shapes of old exporters."""
    rng = np.random.default_rng(3)

    def signs(*shape: int) -> Array:
        return rng.choice(np.array([-1, 1], np.float32), shape)

    def thresholds() -> Array:
        return rng.integers(-3, 4, (channels, 1)).astype(np.float32)

    bipolar = {"out_dtype": "BIPOLAR", "out_scale": 2.0, "out_bias": -1.0}
    nodes = [
        node("MultiThreshold", "x first", "h1", QONNX, **bipolar, data_layout="NCHW"),
        node("Conv", "h1 w1", "h2", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("MultiThreshold", "h2 t1", "h3", QONNX, **bipolar, data_layout="NCHW"),
        node("MaxPool", "h3", "h4", kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", "h4", "h5", perm=[0, 2, 3, 1]),
        node("Shape", "h5", "s1"),
        node("Gather", "s1 zero", "s2", axis=0),
        node("Unsqueeze", "s2", "s3", axes=[0]),
        node("Concat", "s3 rest", "s4", axis=0),
        node("Reshape", "h5 s4", "h6"),
        node("MatMul", "h6 w2", "h7"),
        node("MultiThreshold", "h7 t2", "h8", QONNX, **bipolar),
        node("Transpose", "w3", "w4", perm=[1, 0]),
        node("MatMul", "h8 w4", "h9"),
        node("Mul", "h9 scale", "h10"),
        node("Add", "h10 bias", "y"),
    ]
    constants = {
        "first": np.full((1, 1), 127.5, np.float32),
        "w1": signs(channels, 1, 3, 3),
        "t1": thresholds(),
        "zero": np.array(0),
        "rest": np.array([-1]),
        "w2": signs(9 * channels, channels),
        "t2": thresholds(),
        "w3": signs(4, channels),
        "scale": np.float32(0.0625),
        "bias": rng.normal(size=4).astype(np.float32),
    }
    made = model(nodes, (1, 1, 6, 6), constants, 9)
    annotation = made.graph.quantization_annotation.add(tensor_name="x")
    annotation.quant_parameter_tensor_names.add(key="finn_datatype", value="UINT8")
    return made
