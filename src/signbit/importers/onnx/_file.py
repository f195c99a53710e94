"""The content of an ONNX file, checked: names, types, sizes, and the order of its operators."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, TensorProto
from torch import Tensor

from signbit.errors import ConvertError, printable
from signbit.importers._files import read_file
from signbit.importers.onnx._operators import QONNX
from signbit.importers.onnx._scan import require_sound
from signbit.importers.onnx._tensors import tensor_of

# CNV of Brevitas, with real numbers for its weights, has 6 MB.
_MOST_BYTES = 1 << 28
_MOST_NAME = 1 << 10
# The oldest and newest operator sets whose definitions the readers follow. Before 7, arithmetic had
# other rules for shapes that differ.
OLDEST, NEWEST = 7, 24
_QONNX_VERSIONS = (1, 2)


@dataclass(frozen=True)
class Node:
    """An operator.

    domain: "" for ONNX's own operators.
    label: its name, or that of its first output.
    inputs: names of values; "" for an optional one that is left out.
    """

    kind: str
    domain: str
    label: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: Mapping[str, AttributeProto]


@dataclass(frozen=True)
class Value:
    """An input or output, as the file declares it.

    type: the number of its element type.
    sizes: None for an axis whose size is not fixed.
    """

    name: str
    type: int
    sizes: Sequence[int | None]


@dataclass(frozen=True)
class Content:
    """A file.

    opset: the version of ONNX's own operators.
    annotations: data types in the terms of FINN, such as UINT8 and BIPOLAR, by the name of a value.
    notes: what the producer says about the network, from JSON, by the name of the note.
    """

    place: str
    producer: str
    opset: int
    inputs: Sequence[Value]
    outputs: Sequence[Value]
    nodes: Sequence[Node]
    constants: Mapping[str, Tensor]
    annotations: Mapping[str, str]
    notes: Mapping[str, Any]

    @property
    def is_own(self) -> bool:
        """Whether `signbit export` wrote it."""
        return self.producer.split(" ")[0] == "signbit"

    @property
    def is_of_images(self) -> bool:
        """Whether `signbit export` wrote it for a network of images, with one input of pixels."""
        return self.is_own and "inputs" not in self.notes and len(self.inputs) == 1


def read_content(path: Path) -> Content:
    """Raises: ConvertError for a file that is too large or damaged, or that breaks a rule."""
    content = read_file(path, _MOST_BYTES)
    require_sound(path, content, onnx.ModelProto.DESCRIPTOR)
    try:
        model = onnx.ModelProto.FromString(content)
        return _content(path, model)
    except (DecodeError, UnicodeDecodeError) as error:
        raise ConvertError(f"{path}: damaged, or not an ONNX file") from error


def _content(path: Path, model: Any) -> Content:
    place, graph = str(path), model.graph
    _refuse_other_parts(place, model)
    names = _Names(place)
    constants = {}
    for proto in graph.initializer:
        names.define(proto.name)
        constants[proto.name] = tensor_of(place, proto)
    # Before file format 4, each constant was an input as well.
    declared = [_value(place, one) for one in graph.input if one.name not in constants]
    for one in declared:
        names.define(one.name)
    nodes = [_node(place, names, proto) for proto in graph.node]
    outputs = [_value(place, one) for one in graph.output]
    for one in outputs:
        names.require(one.name, "the network")
    if not declared or not outputs or len({one.name for one in outputs}) < len(outputs):
        raise ConvertError(f"{place}: it has no inputs or no outputs, or an output twice")
    return Content(
        place,
        " ".join((model.producer_name, model.producer_version)).strip()[:_MOST_NAME],
        _opset(place, model),
        declared,
        outputs,
        nodes,
        constants,
        _annotations(graph),
        _notes(place, model),
    )


class _Names:
    """The names of values. Each is given once, and before it is read."""

    def __init__(self, place: str):
        self._place = place
        self._known: set[str] = set()

    def define(self, name: str) -> None:
        if not name or len(name) > _MOST_NAME:
            raise ConvertError(f"{self._place}: the name of a value has {len(name)} characters")
        if name in self._known:
            raise ConvertError(f"{self._place}: {printable(name)!r} is the name of two values")
        self._known.add(name)

    def require(self, name: str, reader: str) -> None:
        if name not in self._known:
            raise ConvertError(
                f"{self._place}: {reader} reads {printable(name[:_MOST_NAME])!r}, which no "
                "operator before gives"
            )


def _refuse_other_parts(place: str, model: Any) -> None:
    for part, name in (
        (model.functions, "functions"),
        (model.training_info, "training steps"),
        (model.graph.sparse_initializer, "sparse constants"),
    ):
        if len(part):
            raise ConvertError(f"{place}: it has {name}, which cannot be read; export it without")


def _opset(place: str, model: Any) -> int:
    """The version of ONNX's own operators; those of QONNX are the same in both of its versions."""
    for one in model.opset_import:
        if one.domain in QONNX and one.version not in _QONNX_VERSIONS:
            raise ConvertError(
                f"{place}: version {one.version} of {one.domain}; 1 and 2 can be read"
            )
    found = {one.version for one in model.opset_import if one.domain in ("", "ai.onnx")}
    if len(found) != 1 or not OLDEST <= min(found) <= NEWEST:
        listed = ", ".join(map(str, sorted(found))) or "none"
        raise ConvertError(
            f"{place}: operator set {listed}; one from {OLDEST} to {NEWEST} can be read; convert "
            "the network with onnx.version_converter"
        )
    return found.pop()


def _node(place: str, names: _Names, proto: Any) -> Node:
    outputs = list(proto.output)
    label = proto.name or next(filter(None, outputs), "")
    where = f"{printable(label[:_MOST_NAME])} ({printable(proto.op_type[:_MOST_NAME])})"
    for name in filter(None, proto.input):
        names.require(name, where)
    for name in filter(None, outputs):
        names.define(name)
    attributes = {one.name: one for one in proto.attribute}
    if len(attributes) < len(proto.attribute) or not outputs or not outputs[0]:
        raise ConvertError(f"{place}: {where}: it has no output, or an attribute twice")
    domain = "" if proto.domain == "ai.onnx" else proto.domain
    kind, label = proto.op_type[:_MOST_NAME], label[:_MOST_NAME]
    return Node(kind, domain, label, list(proto.input), outputs, attributes)


def _value(place: str, proto: Any) -> Value:
    name = proto.name
    if not proto.type.HasField("tensor_type"):
        raise ConvertError(f"{place}: {printable(name[:_MOST_NAME])!r} is not an array")
    tensor = proto.type.tensor_type
    if tensor.elem_type not in TensorProto.DataType.values():
        raise ConvertError(f"{place}: {printable(name[:_MOST_NAME])!r} has no known type")
    sizes = [
        axis.dim_value if axis.WhichOneof("value") == "dim_value" and axis.dim_value > 0 else None
        for axis in tensor.shape.dim
    ]
    return Value(name, tensor.elem_type, sizes)


def _annotations(graph: Any) -> dict[str, str]:
    return {
        one.tensor_name: entry.value
        for one in graph.quantization_annotation
        for entry in one.quant_parameter_tensor_names
        if entry.key == "finn_datatype"
    }


def _notes(place: str, model: Any) -> dict[str, Any]:
    """The notes of `signbit export`, which are JSON; none of other producers."""
    if model.producer_name != "signbit":
        return {}
    try:
        return {one.key: json.loads(one.value) for one in model.metadata_props}
    except (ValueError, RecursionError) as error:
        raise ConvertError(f"{place}: a note of signbit is not JSON") from error
