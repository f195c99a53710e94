"""The `.signbit` file: a safetensors file whose metadata holds the graph. See docs/format.md."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import save

from signbit.errors import ModelFormatError, SignbitError, printable
from signbit.format.ops import operations
from signbit.format.packed import MAX_NODES, PackedModel
from signbit.format.preprocessing import Preprocessing
from signbit.format.types import Node, Number, shown

VERSION = 1
SUFFIX = ".signbit"
MAX_BYTES = 1 << 30
MAX_METADATA = 1 << 22
MAX_REASON = 500
_DTYPES = {"U64": "<u8", "I32": "<i4", "F32": "<f4"}


def to_bytes(model: PackedModel) -> bytes:
    """The content of a file; equal models give equal bytes."""
    header = {
        "version": VERSION,
        "preprocessing": model.preprocessing.to_dict(),
        "graph": [_node_to_json(node) for node in model.nodes],
        "info": dict(model.info),
    }
    tensors = {
        f"{index}.{name}": np.ascontiguousarray(value)
        for index, node in enumerate(model.nodes, 1)
        for name, value in node.tensors.items()
    }
    try:
        text = json.dumps(header, sort_keys=True, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise ModelFormatError(f"the model's info is not JSON: {error}") from error
    if len(text) > MAX_METADATA:
        raise ModelFormatError(f"the graph takes {len(text)} characters, at most {MAX_METADATA}")
    content = save(tensors, metadata={"signbit": text})
    _check_size(len(content))
    return content


def read(source: Path | str | bytes) -> PackedModel:
    """The model of a file, or of its bytes; every size is checked before it is used.

    Raises: ModelFormatError naming the file, the place in it and what is wrong.
    """
    place = "<bytes>" if isinstance(source, bytes) else str(source)
    try:
        return _parse(source if isinstance(source, bytes) else _content(Path(source)))
    except SignbitError as error:
        # Libraries quote what they found in the file, as it is.
        reason = printable(str(error))
        short = reason if len(reason) <= MAX_REASON else reason[:MAX_REASON] + "..."
        raise ModelFormatError(f"{place}: {short}") from error


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if not path.is_file() and not path.is_dir():
            raise ModelFormatError("a device or pipe; give a file")
        _check_size(size)
        return path.read_bytes()
    except ModelFormatError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelFormatError(f"cannot be read: {reason}") from error


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ModelFormatError(f"{size} bytes; at most {MAX_BYTES} are allowed")


def _parse(content: bytes) -> PackedModel:
    _check_size(len(content))
    try:
        entries = safetensors.deserialize(content)
    except (safetensors.SafetensorError, ValueError, OverflowError) as error:
        raise ModelFormatError(f"not a {SUFFIX} file: {error}") from error
    tensors: dict[str, dict[str, NDArray[Any]]] = {}
    for name, entry in entries:
        number, _, own = name.partition(".")
        tensors.setdefault(number, {})[own] = _tensor(name, entry)
    header = _header(content)
    version = header.get("version")
    if type(version) is not int or version != VERSION:
        raise ModelFormatError(
            f"version {shown(version)}; this signbit reads {VERSION}. Use a newer one."
        )
    for name, kind in (("preprocessing", dict), ("graph", list), ("info", dict)):
        if not isinstance(header.get(name), kind):
            raise ModelFormatError(f"metadata: field {name!r} is missing or of a wrong type")
    if len(header["graph"]) > MAX_NODES:
        raise ModelFormatError(f"the graph has more than {MAX_NODES} nodes")
    nodes = [_node(index, entry, tensors) for index, entry in enumerate(header["graph"], 1)]
    if tensors:
        number, own = min((number, min(own)) for number, own in tensors.items())
        raise ModelFormatError(f"tensor {f'{number}.{own}'[:60]!r} belongs to no node")
    preprocessing = Preprocessing.from_dict(header["preprocessing"])
    return PackedModel(nodes, preprocessing, header["info"])


def _header(content: bytes) -> dict[str, Any]:
    # The library has checked the frame: 8 bytes of length, then JSON with strings for metadata.
    length = int.from_bytes(content[:8], "little")
    try:
        text = (json.loads(content[8 : 8 + length]).get("__metadata__") or {}).get("signbit")
        if text is None:
            raise ModelFormatError("a safetensors file without the metadata of a packed network")
        if len(text) > MAX_METADATA:
            raise ModelFormatError(f"metadata of {len(text)} characters, at most {MAX_METADATA}")
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"metadata is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ModelFormatError("metadata is not a JSON object")
    return header


def _tensor(name: str, entry: Mapping[str, Any]) -> NDArray[Any]:
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise ModelFormatError(
            f"tensor {name[:60]!r} is of type {entry['dtype']}; {', '.join(_DTYPES)} are allowed"
        )
    try:
        array = np.frombuffer(entry["data"], dtype).reshape(entry["shape"])
    except (ValueError, OverflowError) as error:
        raise ModelFormatError(f"tensor {name[:60]!r}: {error}") from error
    array.flags.writeable = False
    return array


def _node_to_json(node: Node) -> dict[str, Any]:
    attributes = {
        # JSON has no infinity; the check of the attribute reads these words back.
        name: str(value) if value in (float("inf"), -float("inf")) else value
        for name, value in node.attributes.items()
    }
    return {"op": node.op, "inputs": list(node.inputs), "attributes": attributes}


def _node(index: int, entry: Any, tensors: dict[str, dict[str, NDArray[Any]]]) -> Node:
    """A node of the JSON graph with its tensors, which are taken out of `tensors`.

    tensors: by the number of their node and their name in it.
    """
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
    return Node(op, tuple(inputs), read_back, tensors.pop(str(index), {}))
