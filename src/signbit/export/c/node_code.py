"""The code that one operation needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signbit.export.c.text import array, struct
from signbit.format import Node, PackedModel
from signbit.format.types import ValueType


class Snippet(NamedTuple):
    """A template, and the texts that replace its words in capitals."""

    template: str
    words: Mapping[str, Any] = {}


class Buffer(NamedTuple):
    """Memory: cells of four bytes each, for float (reals) or for integers and bits (words)."""

    real: bool
    cells: int


@dataclass
class NodeCode:
    """Functions, constants and a call.

    call: a text with {x0}, {x1}... for the inputs, {out} for the result and {s0}... for `scratch`.
    extra: number of cells after the result that the call may write.
    """

    snippets: list[Snippet]
    call: str
    scratch: list[Buffer] = field(default_factory=list)
    extra: int = 0
    constants: list[str] = field(default_factory=list)
    constant_bytes: int = 0

    def add_array(self, name: str, values: NDArray[Any]) -> str:
        """Define a constant array; returns its name."""
        values = np.ascontiguousarray(values)
        self.constants.append(array(name, values))
        self.constant_bytes += values.nbytes
        return name

    def add_struct(self, kind: str, name: str, fields: Sequence[object]) -> str:
        """Define a constant struct; returns its address."""
        self.constants.append(struct(kind, name, fields))
        return f"&{name}"


class NodeView(NamedTuple):
    """A node in its network."""

    model: PackedModel
    number: int

    @property
    def node(self) -> Node:
        """The node itself."""
        return self.model.node(self.number)

    @property
    def source(self) -> ValueType:
        """The type of its first input."""
        return self.model.types[self.node.inputs[0]]

    @property
    def gives(self) -> ValueType:
        """The type of its result."""
        return self.model.types[self.number]

    @property
    def name(self) -> str:
        """The name that its constants begin with."""
        return f"node_{self.number:02}"

    @property
    def positions(self) -> int:
        """The number of positions in the map that it reads."""
        return self.source.height * self.source.width

    def window(self) -> list[int]:
        """The fields of `struct window`."""
        attributes, x, y = self.node.attributes, self.source, self.gives
        dilation = attributes.get("dilation", (1, 1))
        sides = (x.height, x.width, y.height, y.width)
        top, left = attributes["padding"][:2]
        return [*sides, *attributes["kernel"], *attributes["stride"], top, left, *dilation]
