"""The calls of the exported code in their order, and the place of each value in memory."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from signbit.export.c.arguments import Argument, Arguments
from signbit.export.c.convolutions import most_runs
from signbit.export.c.node_code import Buffer, NodeCode, NodeView
from signbit.export.c.operations import OTHERS, SUMS
from signbit.export.c.weights import words32_for
from signbit.format import Node, PackedModel
from signbit.format.types import BITS, F32, I32, U8, ValueType


@dataclass
class Call:
    """A call for one node, or for sums and their threshold; it returns the last node's value."""

    nodes: tuple[int, ...]
    inputs: tuple[int, ...]
    code: NodeCode
    text: str = ""

    @property
    def number(self) -> int:
        """The number of the node whose value it returns."""
        return self.nodes[-1]


@dataclass
class _Region:
    """Cells that are in use from a first to a last call, both included."""

    buffer: Buffer
    first: int
    last: int
    offset: int = 0


@dataclass(frozen=True)
class CPlan:
    """The calls, and the memory that they need.

    words: size of the arena of integers and bits, in cells of four bytes.
    reals: size of the arena of float, in cells of four bytes.
    places: a pointer to each input, and to each value that a call returns.
    copied: the outputs, except for a row of scores, that are in an arena.
    most_runs: the largest number of pieces that a window of bits consists of.
    """

    model: PackedModel
    arguments: Arguments
    calls: list[Call]
    words: int
    reals: int
    places: dict[int, str]
    copied: list[Argument]
    most_runs: int

    @property
    def arena_bytes(self) -> int:
        """Bytes of memory for the values of a run."""
        return 4 * (self.words + self.reals)

    @property
    def constant_bytes(self) -> int:
        """Bytes of weights, thresholds and other constants, without the small structs."""
        return sum(call.code.constant_bytes for call in self.calls)

    def gives_bits(self, call: Call) -> bool:
        """Whether the value of a call is a map of bits. A program can read such maps."""
        return self.model.types[call.number].kind == BITS

    def place(self, output: Argument) -> str:
        """A pointer to the value of an output after the last call."""
        return self.places[output.number]


def make_plan(model: PackedModel) -> CPlan:
    """The calls of a network, and memory for their values."""
    calls, arguments = _calls(model), Arguments.of(model)
    written = _written_at_once(calls, arguments)
    values, scratch = _regions(model, calls, written)
    regions = [*values.values(), *(region for buffers in scratch for region in buffers)]
    words = _place([region for region in regions if not region.buffer.real])
    reals = _place([region for region in regions if region.buffer.real])
    places = {number: one.parameter for number, one in enumerate(arguments.inputs)}
    places |= {number: one.parameter for number, one in written.items()}
    for number, region in values.items():
        places[number] = _as(model.types[number].kind, _at(region))
    for call, buffers in zip(calls, scratch, strict=True):
        call.text = _text(call, places, buffers)
    copied = [one for one in arguments.others if one.number not in written]
    bits = (NodeView(model, n) for n, node in model.numbered() if node.op == "conv_bits")
    most = max(map(most_runs, bits), default=1)
    return CPlan(model, arguments, calls, words, reals, places, copied, most)


def _written_at_once(calls: list[Call], arguments: Arguments) -> dict[int, Argument]:
    """The outputs that their call writes to the caller's memory, by the number of the value.

    A call that writes beyond its result needs an arena. Scores need one too, because one of the
    functions returns only their class.
    """
    exact = {call.number for call in calls if call.code.extra == 0}
    return {one.number: one for one in arguments.others if one.number in exact}


def _calls(model: PackedModel) -> list[Call]:
    """The calls for all nodes that the outputs need. A threshold may be part of a convolution's."""
    needed, outputs = model.needed(), {output.node for output in model.outputs}
    readers: dict[int, list[int]] = {}
    for number in needed:
        for source in model.node(number).inputs:
            readers.setdefault(source, []).append(number)
    fused = {
        number: readers[number][0]
        for number in needed
        if model.node(number).op in SUMS
        and number not in outputs
        and [model.node(reader).op for reader in readers[number]] == ["threshold"]
    }
    calls = []
    for number in needed:
        node = model.node(number)
        if node.op == "threshold" and node.inputs[0] in fused:
            continue
        calls.append(_new_call(model, number, node, fused.get(number)))
    return calls


def _new_call(model: PackedModel, number: int, node: Node, threshold: int | None) -> Call:
    view = NodeView(model, number)
    if node.op not in SUMS:
        return Call((number,), node.inputs, OTHERS[node.op](view))
    if threshold is None:
        return Call((number,), node.inputs, SUMS[node.op](view, None))
    code = SUMS[node.op](view, NodeView(model, threshold))
    return Call((number, threshold), node.inputs, code)


def _regions(
    model: PackedModel, calls: list[Call], written: Container[int]
) -> tuple[dict[int, _Region], list[list[_Region]]]:
    """The regions of the values, and of the scratch memory of each call.

    written: numbers of the values that have no region.
    """
    values: dict[int, _Region] = {}
    for at, call in enumerate(calls):
        for source in call.inputs:
            if source in values:
                values[source].last = at
        gives = model.types[call.number]
        if call.number not in written:
            buffer = Buffer(gives.kind == F32, _cells(gives) + call.code.extra)
            values[call.number] = _Region(buffer, at, at)
    # Outputs are read after the last call.
    for output in model.outputs:
        if output.node in values:
            values[output.node].last = len(calls)
    return values, [
        [_Region(buffer, at, at) for buffer in call.code.scratch] for at, call in enumerate(calls)
    ]


def _cells(value: ValueType) -> int:
    if value.kind == BITS:
        return value.height * value.width * words32_for(value.channels)
    return -(-value.elements // 4) if value.kind == U8 else value.elements


def _place(regions: list[_Region]) -> int:
    """Give each region the lowest free offset, the largest region first; returns the end."""
    placed: list[_Region] = []
    for region in sorted(regions, key=lambda one: -one.buffer.cells):
        beside = [one for one in placed if one.first <= region.last and region.first <= one.last]
        region.offset = _lowest_gap(beside, region.buffer.cells)
        placed.append(region)
    return max((one.offset + one.buffer.cells for one in placed), default=0)


def _lowest_gap(taken: Iterable[_Region], cells: int) -> int:
    offset = 0
    for one in sorted(taken, key=lambda one: one.offset):
        if offset + cells <= one.offset:
            break
        offset = max(offset, one.offset + one.buffer.cells)
    return offset


def _text(call: Call, places: Mapping[int, str], scratch: list[_Region]) -> str:
    names = {f"s{index}": _at(region) for index, region in enumerate(scratch)}
    names |= {f"x{index}": places[source] for index, source in enumerate(call.inputs)}
    return call.code.call.format(**names, out=places[call.number])


def _at(region: _Region) -> str:
    arena = "real_arena" if region.buffer.real else "word_arena"
    return f"{arena} + {region.offset}" if region.offset else arena


def _as(kind: str, at: str) -> str:
    """A place as a pointer of this kind. C allows a program to read words as sums and as bytes."""
    types = {I32: "int32_t", U8: "uint8_t"}
    return f"({types[kind]} *)({at})" if kind in types else at
