"""Inputs and outputs as arguments of the exported functions."""

from collections.abc import Sequence
from typing import NamedTuple

from signbit.export.c.text import TYPES
from signbit.export.c.weights import words32_for
from signbit.format import Input, Output, PackedModel
from signbit.format.signature import CLASSES
from signbit.format.types import BITS, ValueType

_LINE = 70  # columns
_SIDES = {1: (), 2: ("length",), 3: ("height", "width")}


class Argument(NamedTuple):
    """A pointer that the exported functions accept.

    number: the number of the value in the graph.
    source: the input or output that it stands for.
    parameter: its name in C. It begins with in_ or out_, so it is not a keyword or the name of a
        function or type. Networks of images have `pixels` and `scores`.
    macro: the part of the names of its macros that follows the network's name.
    """

    number: int
    source: Input | Output
    parameter: str
    macro: str
    value: ValueType
    rank: int

    @property
    def name(self) -> str:
        """The name of the input or output."""
        return self.source.name

    @property
    def names(self) -> Sequence[str]:
        """The names of the channels of an output; may be empty."""
        return self.source.names if isinstance(self.source, Output) else ()

    @property
    def type(self) -> str:
        """The type of an element in C."""
        return TYPES[self.value.kind]

    @property
    def count(self) -> int:
        """The number of elements of a sample; for bits, the number of words."""
        is_bits = self.value.kind == BITS
        channels = words32_for(self.value.channels) if is_bits else self.value.channels
        return self.value.positions * channels

    @property
    def sides(self) -> dict[str, int]:
        """The lengths of its axes by their names, without the channels."""
        sizes = (self.value.height, self.value.width)[3 - self.rank :]
        return dict(zip(_SIDES[self.rank], sizes, strict=True))

    @property
    def is_row_of_classes(self) -> bool:
        """Whether it is a row of class scores: the class with the highest score is the answer."""
        return isinstance(self.source, Output) and self.source.kind == CLASSES and self.rank == 1

    @property
    def declaration(self) -> str:
        """The parameter of a function. What an input points to is not changed."""
        constant = "const " if isinstance(self.source, Input) else ""
        return f"{constant}{self.type} *{self.parameter}"


class Arguments(NamedTuple):
    """All arguments of a network, in the order of its file.

    scores: the only output that is a row of class scores; None where there is none or more than
        one.
    """

    inputs: list[Argument]
    outputs: list[Argument]
    scores: Argument | None
    is_image: bool

    @classmethod
    def of(cls, model: PackedModel) -> "Arguments":
        """The arguments for the inputs and outputs of a network."""
        is_image = model.signature.is_of_images
        taken = [(number, one, len(one.shape)) for number, one in enumerate(model.inputs)]
        given = [(one.node, one, one.rank) for one in model.outputs]
        names = [f"in_{one.name}" for one in model.inputs]
        names += [f"out_{one.name}" for one in model.outputs]
        if is_image:
            names = ["pixels", "scores"]
        macros = _distinct([one.name.upper() for _, one, _ in (*taken, *given)])
        found = [
            Argument(number, source, name, macro, model.types[number], rank)
            for (number, source, rank), name, macro in zip(
                (*taken, *given), names, macros, strict=True
            )
        ]
        inputs, outputs = found[: len(taken)], found[len(taken) :]
        rows = [one for one in outputs if one.is_row_of_classes]
        return cls(inputs, outputs, rows[0] if len(rows) == 1 else None, is_image)

    @property
    def function(self) -> str:
        """The last part of the name of the function that computes all outputs."""
        return "scores" if self.is_image else "run"

    @property
    def others(self) -> list[Argument]:
        """The outputs without `scores`."""
        return [one for one in self.outputs if one is not self.scores]


def declarations(arguments: Sequence[Argument]) -> str:
    """The list of parameters of a function, on lines of their own where they are long."""
    found = [one.declaration for one in arguments]
    line = ", ".join(found)
    return line if len(line) <= _LINE else ",\n    ".join(["", *found])[1:]


def parameters(arguments: Sequence[Argument]) -> str:
    """The list of arguments of a call."""
    return ", ".join(one.parameter for one in arguments)


def _distinct(names: Sequence[str]) -> list[str]:
    """The names; where one occurs again, a number follows it."""
    found: list[str] = []
    for name in names:
        distinct, number = name, 2
        while distinct in found or (distinct != name and distinct in names):
            distinct, number = f"{name}_{number}", number + 1
        found.append(distinct)
    return found
