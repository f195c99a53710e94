"""The network between torch and bits: few kinds of step, in the order of the forward pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

# Path of a layer or quantizer, and how often it has run before.
Call = tuple[str, int]


@dataclass(frozen=True)
class Step:
    """One value of the forward pass.

    origin: path of the module, or the name of the function, for messages.
    sources: the steps that it reads.
    shape: of the value, without the batch: (C,), (C, L) or (C, H, W).
    """

    origin: str
    sources: tuple["Step", ...]
    shape: tuple[int, ...]

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels; a row of numbers is a map of one position."""
        channels, *sides = self.shape
        height, width = [1] * (2 - len(sides)) + sides
        return height, width, channels


@dataclass(frozen=True)
class Input(Step):
    """The real input of the network: pixels after preprocessing."""


@dataclass(frozen=True)
class Sign(Step):
    """+1 where the value is positive, else -1.

    call: how often the network has run the module of that path before.
    """

    call: int = 0


@dataclass(frozen=True)
class Conv(Step):
    """A convolution or linear layer, without its bias.

    weight: (out, in / groups, kh, kw) as the layer multiplies with it.
    binary: whether every weight is -1 or +1.
    padding: top, left, bottom, right.
    """

    weight: Tensor
    binary: bool
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    padding_value: int = 0


@dataclass(frozen=True)
class Elementwise(Step):
    """A function of each number by itself, with parameters per channel.

    compute: (rows, C) to the same in float32, the very arithmetic of torch.
    direction: (C,), the sign of the slope of each channel, 0 for a constant one; None where
        the function is not monotone.
    op, attributes, tensors: the packed operation that computes it on real numbers.
    per_channel: whether channels differ.
    """

    compute: Callable[[Tensor], Tensor]
    direction: Tensor | None
    op: str
    attributes: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    per_channel: bool = True


@dataclass(frozen=True)
class Pool(Step):
    """Maximum or mean of windows."""

    op: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Flatten(Step):
    """A map as one row, in the order of torch: channel, row, column."""


@dataclass(frozen=True)
class Join(Step):
    """`add`, `concat`, `softmax` or `log_softmax`: operations on real numbers."""

    op: str


def readers(last: Step) -> Sequence[Step]:
    """All steps that the last one needs, each once, sources first."""
    order: dict[int, Step] = {}
    stack = [(last, False)]
    while stack:
        step, ready = stack.pop()
        if id(step) in order:
            continue
        if ready:
            order[id(step)] = step
        else:
            stack += [(step, True), *((source, False) for source in step.sources)]
    return list(order.values())
