"""The `.signbit` file: a safetensors file whose metadata holds the graph. See docs/format.md."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors.numpy import save

from signbit import strict_json
from signbit.errors import (
    InputTypeError,
    ModelFormatError,
    SignbitError,
    printable,
)
from signbit.format.digest import PLACEHOLDER, is_sealed, sealed
from signbit.format.frame import Place, read_frame, tensor_at
from signbit.format.ops import operations
from signbit.format.packed import MAX_NODES, PackedModel
from signbit.format.preprocessing import Preprocessing
from signbit.format.signature import MAX_NAMED, Input, Output, Signature
from signbit.format.source import Source, content_of, place_of
from signbit.format.types import Node, Number, shown

VERSIONS = (1, 2)
SUFFIX = ".signbit"
MAX_BYTES = 1 << 30
MAX_METADATA = 1 << 22
MAX_REASON = 500
_FIELDS = {"graph": list, "info": dict}
# By version, the fields that describe inputs and outputs.
_ENDS: Mapping[int, Mapping[str, type]] = {
    1: {"preprocessing": dict},
    2: {"inputs": list, "outputs": list},
}


def to_bytes(model: PackedModel) -> bytes:
    """The content of a file. Equal models have equal bytes. Raises: ModelFormatError."""
    version = max(_version_of_ends(model), *(_version(model, one) for one, _ in model.numbered()))
    header = {
        # Fields are sorted, so it comes first: no string of the info can be mistaken for it.
        "digest": PLACEHOLDER,
        "version": version,
        **_ends_to_json(model, version),
        "graph": [_node_to_json(node) for node in model.nodes],
        "info": dict(model.info),
    }
    tensors = {
        f"{index}.{name}": np.ascontiguousarray(value)
        for index, node in model.numbered()
        for name, value in node.tensors.items()
    }
    content = save(tensors, metadata={"signbit": _as_text(header)})
    if len(content) > MAX_BYTES:
        raise ModelFormatError(f"{len(content)} bytes; at most {MAX_BYTES} are allowed")
    return sealed(content, read_frame(content).header_end)


def _as_text(header: Mapping[str, Any]) -> str:
    """JSON that can be read back."""
    try:
        text = json.dumps(header, sort_keys=True, allow_nan=False)
        strict_json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelFormatError(f"the model's info is not JSON: {error}") from error
    if len(text) > MAX_METADATA:
        raise ModelFormatError(
            f"the graph has {len(text)} characters; at most {MAX_METADATA} are allowed"
        )
    return text


def read(source: Source) -> PackedModel:
    """Read a model from a path, bytes or an open binary file. Sizes are checked before use.

    Raises: ModelFormatError, which names the file, the place in it and what is wrong.
        InputTypeError for any other kind of source.
    """
    place = place_of(source)
    try:
        return _parse(content_of(source, MAX_BYTES))
    except InputTypeError:
        raise
    except SignbitError as error:
        # Messages of libraries may quote text from the file.
        reason = printable(str(error))
        short = reason if len(reason) <= MAX_REASON else reason[:MAX_REASON] + "..."
        raise ModelFormatError(f"{printable(place)}: {short}") from error


def _parse(content: bytes) -> PackedModel:
    frame = read_frame(content)
    header = _header(frame.metadata.get("signbit"))
    # A file without a digest was written before there were digests.
    if "digest" in header and not is_sealed(content, frame.header_end, header["digest"]):
        raise ModelFormatError(
            "damaged: the content of the file does not fit its digest; copy it or pack it again"
        )
    if len(header["graph"]) > MAX_NODES:
        raise ModelFormatError(f"the graph has more than {MAX_NODES} nodes")
    signature = _signature(header)
    places: dict[str, dict[str, Place]] = {}
    for name, place in frame.tensors.items():
        number, _, own = name.partition(".")
        places.setdefault(number, {})[own] = place
    nodes = [
        _node(index, entry, content, places.pop(str(index), {}))
        for index, entry in enumerate(header["graph"], len(signature.inputs))
    ]
    if places:
        number, own = min((number, min(own)) for number, own in places.items())
        raise ModelFormatError(f"tensor {f'{number}.{own}'[:60]!r} belongs to no node")
    model = PackedModel(nodes, signature, header["info"])
    _check_version(model, header["version"])
    return model


def _signature(header: Mapping[str, Any]) -> Signature:
    if header["version"] == 1:
        preprocessing = Preprocessing.from_dict(header["preprocessing"])
        if preprocessing.crop is not None:
            raise ModelFormatError("preprocessing: field 'crop' needs version 2 of the format")
        return Signature.of_images(preprocessing, len(header["graph"]))
    for field in ("inputs", "outputs"):
        if len(header[field]) > MAX_NAMED:
            raise ModelFormatError(f"{len(header[field])} {field}; at most {MAX_NAMED} are allowed")
    inputs = [Input.from_dict(one, number) for number, one in enumerate(header["inputs"], 1)]
    outputs = [Output.from_dict(one, number) for number, one in enumerate(header["outputs"], 1)]
    return Signature(inputs, outputs)


def _ends_to_json(model: PackedModel, version: int) -> dict[str, Any]:
    if version == 1:
        return {"preprocessing": model.preprocessing.to_dict()}
    return {
        "inputs": [one.to_dict() for one in model.inputs],
        "outputs": [one.to_dict() for one in model.outputs],
    }


def _version_of_ends(model: PackedModel) -> int:
    """Version 1 has one input of pixels without a crop, and class scores, under these names."""
    if not model.signature.is_of_images or model.preprocessing.crop is not None:
        return 2
    short = Signature.of_images(model.preprocessing, len(model.nodes))
    return 1 if short == model.signature else 2


def _version(model: PackedModel, number: int) -> int:
    """The lowest version of the format that has the node."""
    inputs = [model.types[source] for source in model.node(number).inputs]
    return model.operation(number).version(inputs)


def _check_version(model: PackedModel, version: int) -> None:
    for number, node in model.numbered():
        needed = _version(model, number)
        if needed > version:
            raise ModelFormatError(
                f"node {number} ({node.op}): needs version {needed} of the format; the file says "
                f"{version}"
            )


def _header(text: Any) -> dict[str, Any]:
    """The JSON of the metadata. Its version and its fields are checked."""
    if not isinstance(text, str):
        raise ModelFormatError("a safetensors file without the metadata of a packed network")
    if len(text) > MAX_METADATA:
        raise ModelFormatError(
            f"the metadata has {len(text)} characters; at most {MAX_METADATA} are allowed"
        )
    try:
        header = strict_json.loads(text)
    except ValueError as error:
        raise ModelFormatError(f"metadata is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ModelFormatError("metadata is not a JSON object")
    version = header.get("version")
    if type(version) is not int or version not in VERSIONS:
        known = " and ".join(map(str, VERSIONS))
        raise ModelFormatError(
            f"version {shown(version)}; this signbit reads {known}. Use a newer one."
        )
    fields = {**_FIELDS, **_ENDS[version]}
    for name in header:
        # Otherwise a field with a damaged name would count as missing.
        if name not in (*fields, "digest", "version"):
            raise ModelFormatError(f"metadata: unknown field {name[:60]!r}")
    for name, kind in fields.items():
        if not isinstance(header.get(name), kind):
            raise ModelFormatError(f"metadata: field {name!r} is missing or of a wrong type")
    return header


def _node_to_json(node: Node) -> dict[str, Any]:
    attributes = {
        # JSON has no infinity. The check of the attribute reads these words back.
        name: str(value) if value in (float("inf"), -float("inf")) else value
        for name, value in node.attributes.items()
    }
    return {"op": node.op, "inputs": list(node.inputs), "attributes": attributes}


def _node(index: int, entry: Any, content: bytes, places: Mapping[str, Place]) -> Node:
    """A node of the JSON graph with its tensors, by their name in it."""
    if not isinstance(entry, dict) or set(entry) != {"op", "inputs", "attributes"}:
        raise ModelFormatError(f"node {index}: give op, inputs and attributes, and nothing else")
    op, inputs, attributes = entry["op"], entry["inputs"], entry["attributes"]
    kinds = (isinstance(op, str), isinstance(inputs, list), isinstance(attributes, dict))
    if not all(kinds):
        raise ModelFormatError(f"node {index}: op, inputs or attributes are of a wrong type")
    checks = operations.get(op).attributes if op in operations else {}
    read_back = {
        name: checks[name].check(name, value) if isinstance(checks.get(name), Number) else value
        for name, value in attributes.items()
    }
    tensors = {name: tensor_at(content, place) for name, place in places.items()}
    return Node(op, tuple(inputs), read_back, tensors)
