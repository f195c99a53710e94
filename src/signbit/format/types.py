"""The parts of a node: kinds and sizes of values, attributes, tensors."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signbit.errors import UsageError
from signbit.format.bits import words_for

U8, BITS, I32, F32 = "u8", "bits", "i32", "f32"

# Bounds that no real network comes near. Below them, no product here overflows 64 bits.
MAX_SIDE = 1 << 16
MAX_CHANNELS = 1 << 24
MAX_ELEMENTS = 1 << 28


class Padding(NamedTuple):
    """Positions around a map."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0


class ValueType(NamedTuple):
    """Kind and size of a value, for one image.

    kind: "u8", "bits", "i32" for sums, or "f32".
    height, width, channels: a row of numbers has a height and width of 1.
    """

    kind: str
    height: int
    width: int
    channels: int

    def __str__(self) -> str:
        return f"{self.kind} {self.height}x{self.width}x{self.channels}"

    @property
    def elements(self) -> int:
        """The number of its numbers or bits."""
        return self.positions * self.channels

    @property
    def positions(self) -> int:
        """The number of positions in the map."""
        return self.height * self.width

    @property
    def pixel_bytes(self) -> int:
        """The number of bytes of a position. Bits fill whole words."""
        if self.kind == BITS:
            return 8 * words_for(self.channels)
        return self.channels * (1 if self.kind == U8 else 4)


class TensorType(NamedTuple):
    """Element type (a NumPy name) and shape of a tensor in the file."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Node:
    """One operation of a packed network.

    op: its name, as in docs/format.md.
    inputs: the numbers of the values that it reads.
    attributes: its settings, such as the kernel of a convolution, by name.
    tensors: its arrays, such as weights and thresholds, by name.
    """

    op: str
    inputs: tuple[int, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def value_type(kind: str, height: int, width: int, channels: int) -> ValueType:
    """A checked ValueType. Raises: UsageError where a size is out of bounds."""
    sides = 1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE
    if not sides or not 1 <= channels <= MAX_CHANNELS or height * width * channels > MAX_ELEMENTS:
        raise UsageError(
            f"a value of {height}x{width}x{channels} is out of bounds; allowed are sides 1 to "
            f"{MAX_SIDE}, channels 1 to {MAX_CHANNELS} and at most {MAX_ELEMENTS} elements"
        )
    return ValueType(kind, height, width, channels)


class Whole(NamedTuple):
    """An attribute that is a whole number, or `count` of them."""

    least: int
    most: int
    count: int | None = None

    def check(self, name: str, value: Any) -> Any:
        """The value, lists as tuples. Raises: UsageError naming the attribute."""
        values = [value] if self.count is None else value
        listed = isinstance(values, Sequence) and not isinstance(values, str)
        if not listed or len(values) != (self.count or 1) or not all(map(self._fits, values)):
            many = "a whole number" if self.count is None else f"{self.count} whole numbers"
            raise UsageError(
                f"attribute {name!r} is {shown(value)}; give {many}, {self.least} to {self.most}"
            )
        return value if self.count is None else tuple(values)

    def _fits(self, value: Any) -> bool:
        return type(value) is int and self.least <= value <= self.most


class Number(NamedTuple):
    """An attribute that is a float32 number, finite or infinite but not NaN."""

    def check(self, name: str, value: Any) -> float:
        """The value as float. Raises: UsageError naming the attribute."""
        if type(value) is str and value in ("inf", "-inf"):  # JSON has no infinity
            return float(value)
        try:
            number = float(value) if type(value) in (int, float) else math.nan
        except OverflowError:
            number = math.nan
        if math.isnan(number) or (math.isfinite(number) and float(np.float32(number)) != number):
            raise UsageError(f"attribute {name!r} is {shown(value)}; give a float32 number")
        return number


class Flag(NamedTuple):
    """An attribute that is true or false."""

    def check(self, name: str, value: Any) -> bool:
        """The value. Raises: UsageError naming the attribute."""
        if type(value) is not bool:
            raise UsageError(f"attribute {name!r} is {shown(value)}; give true or false")
        return value


class Choice(NamedTuple):
    """An attribute that is one of some names."""

    names: Sequence[str]

    def check(self, name: str, value: Any) -> str:
        """The value. Raises: UsageError naming the attribute."""
        if type(value) is not str or value not in self.names:
            raise UsageError(
                f"attribute {name!r} is {shown(value)}; give one of {', '.join(self.names)}"
            )
        return value


class Choices(NamedTuple):
    """An attribute that lists one or more of some names, each once, in their order."""

    names: Sequence[str]

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """The value as a tuple. Raises: UsageError naming the attribute."""
        given = tuple(value) if isinstance(value, list | tuple) else ()
        if not given or given != tuple(one for one in self.names if one in given):
            raise UsageError(
                f"attribute {name!r} is {shown(value)}; list one or more of "
                f"{', '.join(self.names)}, in this order"
            )
        return given


Attribute = Whole | Number | Flag | Choice | Choices


def shown(value: object) -> str:
    """A value from a hostile file, in a form that is safe in a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
