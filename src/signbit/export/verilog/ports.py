"""The streams of the module: its inputs and outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from signbit.format import Input, Output, ValueType
from signbit.format.types import U8


class InputPort(NamedTuple):
    """A stream into the module.

    number: the number of the value in the graph.
    has_short_name: whether it is the only input of a network of images.
    """

    number: int
    source: Input
    has_short_name: bool

    @property
    def stream(self) -> str:
        """The beginning of the names of its ports."""
        return "s" if self.has_short_name else f"s_{self.source.name}"

    @property
    def key(self) -> str:
        """The key of its golden file."""
        return "pixels" if self.has_short_name else f"in_{self.source.name}"

    @property
    def width(self) -> int:
        """The number of bits in a beat."""
        return beat_bits(self.source.type)

    @property
    def beats(self) -> int:
        """The number of beats in a sample."""
        return self.source.type.positions


class Field(NamedTuple):
    """A part of a beat: the signal of a stage, the width of the part, and the bits of a number."""

    signal: str
    width: int
    bits: int


@dataclass(frozen=True)
class OutputPort:
    """A stream out of the module.

    reads: the name of the stage, or of the input stream, that gives it.
    fields: the parts of a beat by their names.
    has_short_name: whether it is the only output of a network of images.
    sums: the node whose sums the scores come from; None where there are no scores.
    scores: the node whose float32 numbers are exactly the scores; None where there are none.
    fraction: number of bits of a score after the point.
    """

    source: Output
    value: ValueType
    reads: str
    fields: Mapping[str, Field]
    has_short_name: bool
    sums: int | None = None
    scores: int | None = None
    fraction: int = 0

    @property
    def stream(self) -> str:
        """The beginning of the names of its ports."""
        return "m" if self.has_short_name else f"m_{self.source.name}"

    def key(self, field: str) -> str:
        """The key of the golden file of a field."""
        return field if self.has_short_name else f"out_{self.source.name}_{field}"


def beat_bits(value: ValueType) -> int:
    """The number of bits in a position of codes or of bits."""
    return value.channels * (8 if value.kind == U8 else 1)
