"""`signbit summary` of a packed network: its inputs, its outputs and its nodes."""

from pathlib import Path

from signbit.cli._output import print_table, say, write_json
from signbit.format import Output, PackedModel


def summarize_packed(path: Path, json: Path | None) -> None:
    """Print inputs, outputs and nodes of a .signbit file, and write them as JSON.

    Raises: ModelFormatError for a damaged file.
    """
    model = PackedModel.load(path)
    for number, one in enumerate(model.inputs):
        crop = "" if one.crop is None else f", crop {one.crop:g}"
        say(f"input {one}{crop}, value {number}")
    for output in model.outputs:
        say(f"output {output.name} ({_described(model, output)}), value {output.node}")
    modules = _modules(model)
    rows, bytes_of = [], {}
    for number, node in model.numbered():
        bytes_of[number] = sum(tensor.nbytes for tensor in node.tensors.values())
        reads = ", ".join(map(str, node.inputs))
        value, module = str(model.types[number]), modules.get(number, "")
        rows.append([str(number), node.op, reads, value, module, f"{bytes_of[number]:,}"])
    header = ["value", "operation", "reads", "output", "module", "bytes"]
    total = sum(bytes_of.values())
    print_table(header, rows, ["total", "", "", "", "", f"{total:,}"], left=5)
    size = path.stat().st_size
    say(f"{path}: {size:,} bytes; {total:,} of them are weights, thresholds and other numbers")
    nodes = [
        {
            "value": number,
            "operation": node.op,
            "reads": list(node.inputs),
            "gives": str(model.types[number]),
            "module": modules.get(number),
            "bytes": bytes_of[number],
        }
        for number, node in model.numbered()
    ]
    ends = {
        "inputs": [one.to_dict() for one in model.inputs],
        "outputs": [one.to_dict() for one in model.outputs],
    }
    write_json(json, {"file": str(path), "bytes": size, **ends, "nodes": nodes})


def _described(model: PackedModel, output: Output) -> str:
    value = model.types[output.node]
    shape = (value.height, value.width, value.channels)[3 - output.rank :]
    names = f": {', '.join(output.names)}" if output.names else ""
    return f"{output.kind}, {', '.join(map(str, shape))}{names}"


def _modules(model: PackedModel) -> dict[int, str]:
    """The path of the module whose value a node returns, as in `Engine.features`, by node."""
    from signbit.runtime._features import module_nodes

    return {number: path for path, number in module_nodes(model).items()}
