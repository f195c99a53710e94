"""Values from inside a network, as outputs of it."""

from dataclasses import replace

from signbit.errors import UsageError, closest
from signbit.format import Output, PackedModel, Signature
from signbit.format.signature import NUMBERS
from signbit.format.types import shown


def node_of(model: PackedModel, of: int | str) -> int:
    """The number of a node, given itself or by the path of the module that it was packed from.

    Raises: UsageError where the network has none such.
    """
    if isinstance(of, int) and not isinstance(of, bool):
        if not model.is_input(of) and 0 <= of < len(model.types):
            return of
        raise UsageError(
            f"node {of}; the network has the nodes {len(model.inputs)} to {len(model.types) - 1}"
        )
    paths = module_nodes(model)
    if of not in paths:
        known = f"known: {', '.join(paths)}" if paths else "its file names no modules"
        raise UsageError(f"no node is of module {shown(of)}; {known}.{closest(str(of), paths)}")
    return paths[str(of)]


def with_features(model: PackedModel, number: int) -> PackedModel:
    """The network up to a node, whose value is its one output."""
    value, first = model.types[number], len(model.inputs)
    rank = 1 if value.positions == 1 else 3
    signature = Signature(model.inputs, (Output("features", NUMBERS, number, rank),))
    return replace(model, nodes=model.nodes[: number + 1 - first], signature=signature)


def module_nodes(model: PackedModel) -> dict[str, int]:
    """The last node of each module, by its path, as the file's info has it."""
    rows = model.info.get("modules")
    found: dict[str, int] = {}
    for row in rows if isinstance(rows, list) else ():
        nodes = row.get("nodes") if isinstance(row, dict) else None
        path = row.get("module") if isinstance(row, dict) else None
        if not isinstance(path, str) or not isinstance(nodes, list):
            continue
        numbers = [one for one in nodes if type(one) is int]
        numbers = [one for one in numbers if len(model.inputs) <= one < len(model.types)]
        if numbers:
            found[path] = max(numbers)
    return found
