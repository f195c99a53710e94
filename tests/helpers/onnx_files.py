"""Small ONNX files, and what other tools compute from them."""

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
    """An operator; the names of inputs and outputs are separated by spaces, "-" is a missing one."""
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
    return np.asarray(session.run(None, dict(zip(names, inputs, strict=True)))[0])


def in_qonnx(proto: onnx.ModelProto, x: Array) -> Array:
    """The output, sample by sample where the file is for one, as the package qonnx computes it."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    wrapper = ModelWrapper(proto).transform(InferShapes())
    name, output = wrapper.graph.input[0].name, wrapper.graph.output[0].name
    batch = wrapper.get_tensor_shape(name)[0]
    parts = [x[start : start + batch] for start in range(0, len(x), batch)]
    return np.concatenate([execute_onnx(wrapper, {name: part})[output] for part in parts])
