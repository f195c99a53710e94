"""Choose the layer that is drawn as bitmaps."""

from signbit.errors import UsageError, closest
from signbit.format import PackedModel
from signbit.format.types import BITS, shown
from signbit.report._subject import is_binary_layer, module_paths

_MOST_LISTED = 8


def choose_layer(model: PackedModel, asked: str | None) -> int | None:
    """The number of the node whose weights are drawn; None where no node has binary weights.

    model: the packed network.
    asked: the number of a node, or the path of the module that it was packed from; None means the
        first node with binary weights.

    Raises: UsageError where `asked` is not a node with binary weights.
    """
    known = [number for number, _ in model.numbered() if is_binary_layer(model, number)]
    if asked is None:
        return known[0] if known else None
    if asked.isdecimal() and len(asked) < 8 and int(asked) in known:
        return int(asked)
    paths = _paths(model, known)
    if asked in paths:
        return paths[asked]
    if not known:
        raise UsageError(
            f"--layer {shown(asked)}: the network has no layer with binary weights; leave --layer "
            "out"
        )
    names = [*paths] or list(map(str, known))
    more = ", ..." if len(names) > _MOST_LISTED else ""
    raise UsageError(
        f"--layer {shown(asked)} has no binary weights; give one of "
        f"{', '.join(names[:_MOST_LISTED])}{more}, or the number of a node.{closest(asked, names)}"
    )


def _paths(model: PackedModel, known: list[int]) -> dict[str, int]:
    by_node = module_paths(model)
    return {by_node[number]: number for number in reversed(known) if number in by_node}


def bits_after(model: PackedModel, layer: int) -> int | None:
    """The first node that turns the values of a layer into bits; None where there is none."""
    reached = {layer}
    for number, node in model.numbered():
        if number > layer and reached.intersection(node.inputs):
            if model.types[number].kind == BITS:
                return number
            reached.add(number)
    return None
