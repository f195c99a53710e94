"""The calls of the exported code in their order, and where in memory each value lies."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from signbit.export._c import convolutions as c
from signbit.export._c import operations as o
from signbit.export._c.piece import Piece, Place, Room
from signbit.export._c.weights import words_for
from signbit.export._request import require_operations
from signbit.format import Node, PackedModel
from signbit.format.types import BITS, F32, I32, U8, ValueType

_SUMS: dict[str, Callable[[Place, Place | None], Piece]] = {
    "conv_bits": c.conv_bits,
    "conv_u8": c.conv_u8,
}
_OTHERS: dict[str, Callable[[Place], Piece]] = {
    "conv_f32_bits": c.conv_f32_bits,
    "conv_f32": c.conv_f32,
    "normalize": o.normalize,
    "affine": o.affine,
    "threshold": o.threshold,
    "flip": o.flip,
    "signs": o.signs,
    "clamp": o.clamp,
    "prelu": o.prelu,
    "add": o.add,
    "concat": o.concat,
    "flatten": o.flatten,
    "max_pool": o.max_pool,
    "avg_pool": o.avg_pool,
    "softmax": o.softmax,
    "log_softmax": o.log_softmax,
}


@dataclass
class Step:
    """One call, for one node or for sums and their threshold; it gives the value of the last."""

    nodes: tuple[int, ...]
    inputs: tuple[int, ...]
    piece: Piece
    call: str = ""

    @property
    def number(self) -> int:
        """Of the node whose value it gives."""
        return self.nodes[-1]


@dataclass
class _Region:
    """Cells that are in use from one step to another, both included."""

    room: Room
    first: int
    last: int
    offset: int = 0


@dataclass(frozen=True)
class Plan:
    """Steps, and what memory they need.

    words, reals: cells of four bytes of the arenas of integers and bits, and of float.
    places: of each value that a step gives, where it lies.
    most_runs: the most pieces that a window of bits consists of.
    """

    model: PackedModel
    steps: list[Step]
    words: int
    reals: int
    places: dict[int, str]
    most_runs: int

    def gives_bits(self, step: Step) -> bool:
        """Whether the value of a step is a map of bits, which a program can look at."""
        return self.model.types[step.number].kind == BITS


def make_plan(model: PackedModel) -> Plan:
    """Raises: ExportError naming a node of an operation that C does not know."""
    require_operations(model, "c", [*_SUMS, *_OTHERS])
    steps = _steps(model)
    values, scratch = _regions(model, steps)
    regions = [*values.values(), *(region for rooms in scratch for region in rooms)]
    words = _place([region for region in regions if not region.room.real])
    reals = _place([region for region in regions if region.room.real])
    for step, rooms in zip(steps, scratch, strict=True):
        step.call = _call(model, step, values, rooms)
    bits = (Place(model, n) for n, node in enumerate(model.nodes, 1) if node.op == "conv_bits")
    places = {number: _at(region) for number, region in values.items()}
    return Plan(model, steps, words, reals, places, max(map(c.most_runs, bits), default=1))


def _steps(model: PackedModel) -> list[Step]:
    """Of all nodes that the scores depend on; a threshold may be part of a convolution's."""
    needed = _needed(model)
    readers: dict[int, list[int]] = {}
    for number in needed:
        for source in model.node(number).inputs:
            readers.setdefault(source, []).append(number)
    fused = {
        number: readers[number][0]
        for number in needed
        if model.node(number).op in _SUMS
        and [model.node(reader).op for reader in readers[number]] == ["threshold"]
    }
    steps = []
    for number in needed:
        node = model.node(number)
        if node.op == "threshold" and node.inputs[0] in fused:
            continue
        steps.append(_step(model, number, node, fused.get(number)))
    return steps


def _step(model: PackedModel, number: int, node: Node, threshold: int | None) -> Step:
    place = Place(model, number)
    if node.op not in _SUMS:
        return Step((number,), node.inputs, _OTHERS[node.op](place))
    if threshold is None:
        return Step((number,), node.inputs, _SUMS[node.op](place, None))
    piece = _SUMS[node.op](place, Place(model, threshold))
    return Step((number, threshold), node.inputs, piece)


def _needed(model: PackedModel) -> list[int]:
    needed = {len(model.nodes)}
    for number in range(len(model.nodes), 0, -1):
        if number in needed:
            needed.update(source for source in model.node(number).inputs if source)
    return sorted(needed)


def _regions(
    model: PackedModel, steps: list[Step]
) -> tuple[dict[int, _Region], list[list[_Region]]]:
    """Of the values, and of each step's scratch."""
    values: dict[int, _Region] = {}
    for at, step in enumerate(steps):
        for source in step.inputs:
            if source:
                values[source].last = at
        gives = model.types[step.number]
        values[step.number] = _Region(
            Room(gives.kind == F32, _cells(gives) + step.piece.extra), at, at
        )
    # The scores are read when all is done.
    values[len(model.nodes)].last = len(steps)
    return values, [
        [_Region(room, at, at) for room in step.piece.scratch] for at, step in enumerate(steps)
    ]


def _cells(value: ValueType) -> int:
    if value.kind == BITS:
        return value.height * value.width * words_for(value.channels)
    return -(-value.elements // 4) if value.kind == U8 else value.elements


def _place(regions: list[_Region]) -> int:
    """Give each region an offset, the largest first, each as low as it can lie; returns the end."""
    placed: list[_Region] = []
    for region in sorted(regions, key=lambda one: -one.room.cells):
        beside = [one for one in placed if one.first <= region.last and region.first <= one.last]
        region.offset = _lowest_gap(beside, region.room.cells)
        placed.append(region)
    return max((one.offset + one.room.cells for one in placed), default=0)


def _lowest_gap(taken: Iterable[_Region], cells: int) -> int:
    offset = 0
    for one in sorted(taken, key=lambda one: one.offset):
        if offset + cells <= one.offset:
            break
        offset = max(offset, one.offset + one.room.cells)
    return offset


def _call(
    model: PackedModel, step: Step, values: dict[int, _Region], scratch: list[_Region]
) -> str:
    names = {f"s{index}": _at(region) for index, region in enumerate(scratch)}
    for index, source in enumerate(step.inputs):
        kind = model.types[source].kind
        names[f"x{index}"] = _as(kind, _at(values[source])) if source else "pixels"
    names["out"] = _as(model.types[step.number].kind, _at(values[step.number]))
    return step.piece.call.format(**names)


def _at(region: _Region) -> str:
    arena = "real_arena" if region.room.real else "word_arena"
    return f"{arena} + {region.offset}" if region.offset else arena


def _as(kind: str, at: str) -> str:
    """The arena of words holds sums and bytes too, which C allows to look at as such."""
    types = {I32: "int32_t", U8: "uint8_t"}
    return f"({types[kind]} *)({at})" if kind in types else at
