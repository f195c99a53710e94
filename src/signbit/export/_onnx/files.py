"""The files next to an ONNX graph, and the metadata in it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from signbit.export._interface import ExportRequest
from signbit.export._npz import write_npz
from signbit.export._template import template
from signbit.format import Input, Output, PackedModel
from signbit.format.parameters import node_name, signs
from signbit.format.signature import CLASSES
from signbit.format.types import BITS

if TYPE_CHECKING:
    from onnx import ModelProto

Array = NDArray[Any]


def metadata(proto: "ModelProto", model: PackedModel, conventions: Mapping[str, str]) -> None:
    """Add conventions and names to the file, so that it has them without the manifest.

    The names are those of the classes for a network of images, else all inputs and outputs. The
    graph computes with codes, so the scale and bias of the numbers that they stand for are there.
    """
    from onnx import helper

    proto.doc_string = "\n".join(f"{key}: {text}" for key, text in conventions.items())
    if model.signature.is_of_images:
        pixels = model.preprocessing
        names = {"classes": list(pixels.classes), "crop": pixels.crop}
        names |= {"scale": list(pixels.scale), "bias": list(pixels.bias)}
    else:
        # The shapes are those of the graph.
        names = {
            "inputs": [_without(one, "shape") for one in model.inputs],
            "outputs": [_without(one, "node", "rank") for one in model.outputs],
        }
    props = {key: json.dumps(listed) for key, listed in names.items() if listed}
    if props:
        helper.set_model_props(proto, props)


def _without(one: Input | Output, *fields: str) -> dict[str, Any]:
    return {key: value for key, value in one.to_dict().items() if key not in fields}


_IMPORTS = {
    "onnx": "import onnx\nimport onnxruntime",
    "qonnx": "from qonnx.core.modelwrapper import ModelWrapper\n"
    "from qonnx.core.onnx_exec import execute_onnx\n"
    "from qonnx.transformation.infer_shapes import InferShapes",
}
_PACKAGES = {"onnx": "numpy, onnx and onnxruntime", "qonnx": "numpy and qonnx"}


def write(
    proto: "ModelProto",
    request: ExportRequest,
    folder: Path,
    dialect: str,
    inputs: Mapping[str, Array],
    outputs: Mapping[str, Array],
) -> None:
    """Write NAME.onnx, NAME_golden.npz and check.py.

    inputs, outputs: golden values by name, in the form of the dialect.

    Raises: the errors of onnx.checker.
    """
    from onnx import checker

    checker.check_model(proto, full_check=True)
    name = request.name
    (folder / f"{name}.onnx").write_bytes(proto.SerializeToString(deterministic=True))
    kept = {info.name for info in proto.graph.value_info}
    numbers = [number for number in request.model.needed() if node_name(number) in kept]
    values = {node_name(number): graph_value(request, number) for number in numbers}
    write_npz(folder / f"{name}_golden.npz", {**inputs, **values, **outputs})
    words = {
        "NAME": name,
        "PACKAGES": _PACKAGES[dialect],
        "IMPORTS": _IMPORTS[dialect],
        "INPUTS": json.dumps(list(inputs)),
        "OUTPUTS": json.dumps(list(outputs)),
        "CLASSES": json.dumps([one.name for one in request.model.outputs if one.kind == CLASSES]),
    }
    run = template("_onnx", f"run_{dialect}.py.in")
    text = template("_onnx", "check.py.in", **words, RUN=run.rstrip())
    (folder / "check.py").write_text(text, encoding="utf-8", newline="\n")


def graph_value(request: ExportRequest, number: int) -> Array:
    """A golden value in the graph's form: (N, C, H, W) or (N, C), bits as -1 and +1."""
    value, type_ = request.golden.values[number], request.model.types[number]
    value = (signs(value) if type_.kind == BITS else value).transpose(0, 3, 1, 2)
    return value[:, :, 0, 0] if type_[1:3] == (1, 1) else value
