"""The contents of the streams for the golden samples."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from signbit.export._interface import ExportRequest
from signbit.export.verilog.memory import Memory, join, memory_of_bits, memory_of_numbers
from signbit.export.verilog.ports import OutputPort
from signbit.export.verilog.streams import StreamPlan
from signbit.format.parameters import node_name
from signbit.format.types import I32


def golden_memories(request: ExportRequest, plan: StreamPlan) -> dict[str, Memory]:
    """The golden files, by the part of their names after `NAME_golden_`. Each beat is a word."""
    values = request.golden.values
    memories = {port.key: _data(values[port.number]) for port in plan.inputs}
    memories |= {node_name(number): _data(values[number]) for number, _ in plan.checked}
    for port in plan.outputs:
        memories |= {port.key(field): memory for field, memory in _fields(port, values)}
    return memories


def _fields(port: OutputPort, values: Sequence[NDArray]) -> Iterator[tuple[str, Memory]]:
    for name, field in port.fields.items():
        if port.scores is None:
            value = values[port.source.node]
            is_sum = port.value.kind == I32
            yield name, memory_of_numbers(_rows(value), field.bits) if is_sum else _data(value)
            continue
        scores = _rows(values[port.scores])
        if name == "class":
            yield name, memory_of_numbers(scores.argmax(1)[:, None], field.bits)
        elif name == "scores":
            yield name, memory_of_numbers(_whole(scores, port.fraction), field.bits)
        elif port.sums is not None:
            yield name, memory_of_numbers(_rows(values[port.sums]), field.bits)


def _whole(scores: NDArray[np.float32], fraction: int) -> list[list[int]]:
    return [[int(Fraction(float(score)) * 2**fraction) for score in row] for row in scores]


def _rows(value: NDArray) -> NDArray:
    """A row for each position of each sample.  Shape: (N, H, W, C)."""
    return value.reshape(-1, value.shape[-1])


def _data(value: NDArray) -> Memory:
    """Bits, or codes of 8 bits; the first channel has the lowest bits."""
    if value.dtype == bool:
        return memory_of_bits(_rows(value))
    rows: Sequence[Sequence[int]] = _rows(value).tolist()
    return Memory(8 * value.shape[-1], [join(row, [8] * len(row)) for row in rows])
