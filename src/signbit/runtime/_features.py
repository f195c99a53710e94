"""Values from inside a network, as outputs of it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from signbit.errors import UsageError, closest
from signbit.format import Output, PackedModel, Signature
from signbit.format.signature import NUMBERS
from signbit.format.types import shown


def node_of(model: PackedModel, of: int | str) -> int:
    """The number of a node.

    of: the number itself, or the path of the module that the node was packed from.

    Raises: UsageError where the network has no such node.
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
        raise UsageError(f"no node is from module {shown(of)}; {known}.{closest(str(of), paths)}")
    return paths[str(of)]


def with_features(model: PackedModel, number: int) -> PackedModel:
    """The network up to a node. The value of this node is its only output."""
    rank = 1 if model.types[number].positions == 1 else 3
    return with_outputs(model, [Output("features", NUMBERS, number, rank)])


def with_outputs(model: PackedModel, outputs: Sequence[Output]) -> PackedModel:
    """The network with other outputs, up to the last node of these."""
    last = max(one.node for one in outputs) + 1 - len(model.inputs)
    signature = Signature(model.inputs, tuple(outputs))
    return replace(model, nodes=model.nodes[:last], signature=signature)


def module_nodes(model: PackedModel) -> dict[str, int]:
    """The last node of each module, by its path."""
    return {path: max(numbers) for path, numbers in nodes_of_modules(model)}


def nodes_of_modules(model: PackedModel) -> Iterator[tuple[str, list[int]]]:
    """The path of each module and its nodes, one or more, from the info of the file."""
    rows = model.info.get("modules")
    for row in rows if isinstance(rows, list) else ():
        nodes = row.get("nodes") if isinstance(row, dict) else None
        path = row.get("module") if isinstance(row, dict) else None
        if not isinstance(path, str) or not isinstance(nodes, list):
            continue
        numbers = [one for one in nodes if type(one) is int]
        numbers = [one for one in numbers if len(model.inputs) <= one < len(model.types)]
        if numbers:
            yield path, numbers
