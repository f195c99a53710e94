"""The network between torch and bits: a few kinds of step. Each is a map of numbers per image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from signbit.format import Input
from signbit.pack._place import Place
from signbit.pack._view import Result

Size = tuple[int, int, int]


@dataclass(eq=False)
class Step:
    """One value of the network.

    place: the place in the network that it comes from.
    sources: the steps that it reads.
    size: height, width and channels of the map; a row of numbers is a map of one position.
    """

    place: Place
    sources: tuple["Step", ...]
    size: Size

    @property
    def elements(self) -> int:
        """How many numbers it has per image."""
        height, width, channels = self.size
        return height * width * channels


@dataclass(eq=False)
class Given(Step):
    """An input of the network as it computes with it: codes after scale and bias, or numbers.

    input: what the file says of it.
    number: its number in the graph.
    """

    input: Input
    number: int


@dataclass(eq=False)
class Conv(Step):
    """A convolution or linear layer, without its bias.

    weight: (out, in / groups, kh, kw), the numbers that the layer multiplies with; -1 and +1 where
        they are binary.
    binary: whether every weight is -1 or +1.
    padding: top, left, bottom, right.
    on_bits: whether it reads the signs of its source.
    exact: whether torch's own sums are exact where the input is exact.
    """

    weight: Tensor
    binary: bool
    on_bits: bool = False
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    padding_value: int = 0
    exact: bool = True


@dataclass(frozen=True)
class RealNode:
    """A packed operation on real numbers; its tensors have one element per channel."""

    op: str
    attributes: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class RealForm:
    """How a function is computed on real numbers.

    operands: each a source by its index, a form, or a constant of one element or one per channel.
    nodes: operations, one after the other; the first reads all operands.
    """

    operands: Sequence["int | RealForm | Tensor"]
    nodes: Sequence[RealNode]

    def sources(self) -> set[int]:
        """The sources that it reads."""
        own = {one for one in self.operands if isinstance(one, int)}
        forms = [one for one in self.operands if isinstance(one, RealForm)]
        return own.union(*(form.sources() for form in forms))


def chain(*nodes: RealNode) -> RealForm:
    """Operations on one source, one after the other."""
    return RealForm((0,), nodes)


@dataclass(eq=False)
class Pointwise(Step):
    """A function of each number of one base by itself.

    sources: steps with the same base, or the base itself.
    base: the step that all sources are functions of.
    compute: from (rows, C) for each source to (rows, C), by torch's own arithmetic.
    slopes: for each source (C,), the sign of the slope, 0 for a constant channel; None where it is
        not known to be monotone.
    form: how packed operations compute it on real numbers; None where they cannot.
    uniform: whether it is the same function for each channel of its sources.
    stepwise: whether it gives few values, each for a whole range of numbers.
    result: what torch gave.
    exact: whether the form is rounded where torch rounds; asking torch is always exact.
    """

    base: Step
    compute: Callable[..., Tensor]
    slopes: Sequence[Tensor | None]
    form: RealForm | None
    uniform: bool
    stepwise: bool = False
    result: Result | None = None
    exact: bool = True


@dataclass(eq=False)
class MaxPool(Step):
    """The highest number of each window."""

    attributes: dict[str, Any]


@dataclass(eq=False)
class Flatten(Step):
    """A map as one row, in the order of torch: channel, row, column."""


@dataclass(eq=False)
class Concat(Step):
    """The channels of several maps, one after the other."""


@dataclass(eq=False)
class Move(Step):
    """Numbers at other places: element rows[y] + columns[x] + channels[c], or `fill` for -1."""

    rows: Tensor
    columns: Tensor
    channels: Tensor
    fill: float | None


@dataclass(eq=False)
class RealStep(Step):
    """A packed operation on real numbers that is not a function of one number.

    centred: whether its mean was taken from it, so that a flat image gives exact zeros.
    exact: whether it is rounded where torch rounds.
    """

    node: RealNode
    centred: bool = False
    exact: bool = True


def base_of(step: Step) -> Step:
    """The step that a step is a function of: the base of a Pointwise, else the step itself."""
    return step.base if isinstance(step, Pointwise) else step


def in_order(*last: Step, known: Step | None = None) -> list[Step]:
    """All steps that the last ones need, each once, sources first.

    known: a step that is left out, with everything that it alone needs.
    """
    order: dict[Step, None] = {}
    stack = [(step, False) for step in reversed(last)]
    while stack:
        step, ready = stack.pop()
        if step in order or step is known:
            continue
        if ready:
            order[step] = None
        else:
            # Sources are pushed in reverse, so that the first one is handled first.
            stack += [(step, True), *((source, False) for source in reversed(step.sources))]
    return list(order)
