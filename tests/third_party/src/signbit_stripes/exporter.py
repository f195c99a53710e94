"""Packed networks as JSON."""

import json as text
from pathlib import Path
from typing import Any

from signbit.errors import ExportError
from signbit.export import ExportRequest, exporters


@exporters.register("json")
def json(request: ExportRequest, folder: Path, *, indent: int = 1) -> dict[str, Any]:
    """Every node with its tensors, and the outputs for the golden samples, in one file.

    indent: spaces per level.

    Raises: ExportError for a number that JSON cannot hold.
    """
    nodes = [
        {
            "op": node.op,
            "inputs": node.inputs,
            "attributes": node.attributes,
            "tensors": {name: values.tolist() for name, values in node.tensors.items()},
        }
        for node in request.model.nodes
    ]
    outputs = {name: values.tolist() for name, values in request.golden.outputs.items()}
    content = {"nodes": nodes, "outputs": outputs}
    try:
        written = text.dumps(content, indent=indent, allow_nan=False)
    except ValueError as error:
        raise ExportError(f"json cannot express {request.name}: {error}; use npz") from error
    (folder / "network.json").write_text(written, encoding="ascii")
    return {"network": "network.json"}
