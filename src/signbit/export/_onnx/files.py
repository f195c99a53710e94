"""The files next to an ONNX graph, and the metadata in it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signbit.export._interface import ExportRequest
from signbit.export._template import template
from signbit.format.parameters import node_name, signs
from signbit.format.types import BITS

if TYPE_CHECKING:
    from onnx import ModelProto


def metadata(proto: "ModelProto", request: ExportRequest, conventions: Mapping[str, str]) -> None:
    """Add conventions and class names to the file, so that it has them without the manifest."""
    from onnx import helper

    proto.doc_string = "\n".join(f"{key}: {text}" for key, text in conventions.items())
    classes = request.model.preprocessing.classes
    if classes:
        helper.set_model_props(proto, {"classes": json.dumps(list(classes))})


_IMPORTS = {
    "onnx": "import onnx\nimport onnxruntime",
    "qonnx": "from qonnx.core.modelwrapper import ModelWrapper\n"
    "from qonnx.core.onnx_exec import execute_onnx\n"
    "from qonnx.transformation.infer_shapes import InferShapes",
}
_PACKAGES = {"onnx": "numpy, onnx and onnxruntime", "qonnx": "numpy and qonnx"}


def write(proto: "ModelProto", request: ExportRequest, folder: Path, dialect: str) -> None:
    """Write NAME.onnx, NAME_golden.npz and check.py. Raises: the errors of onnx.checker."""
    from onnx import checker

    checker.check_model(proto, full_check=True)
    name = request.name
    (folder / f"{name}.onnx").write_bytes(proto.SerializeToString(deterministic=True))
    golden: dict[str, Any] = _golden(request)  # else pyright reads arrays as keyword options
    np.savez_compressed(folder / f"{name}_golden.npz", **golden)
    words = {"NAME": name, "PACKAGES": _PACKAGES[dialect], "IMPORTS": _IMPORTS[dialect]}
    run = template("_onnx", f"run_{dialect}.py.in")
    text = template("_onnx", "check.py.in", **words, RUN=run)
    (folder / "check.py").write_text(text, encoding="utf-8", newline="\n")


def _golden(request: ExportRequest) -> dict[str, Any]:
    """Pixels, scores, and `nNN` for every node but the last, in the graph's form."""
    values = request.golden.values
    arrays: dict[str, Any] = {"pixels": request.golden.inputs["pixels"]}
    for number in range(1, len(values) - 1):
        value, type_ = values[number], request.model.types[number]
        value = (signs(value) if type_.kind == BITS else value).transpose(0, 3, 1, 2)
        arrays[node_name(number)] = value[:, :, 0, 0] if type_[1:3] == (1, 1) else value
    return arrays | {"scores": request.golden.outputs["scores"]}
