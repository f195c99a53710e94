"""The numbers that a tensor holds. Each element is identified, whatever the tensor is called."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from signbit.pack._place import Place

# Stands in place of an element's number, for a value that does not depend on the input.
CONSTANT = -1


@dataclass(eq=False)
class Result:
    """A result of one run of an operator.

    call: the run.
    output: the index of this output among the outputs of the run.
    first: the number of the result's first element. The others follow in row-major order.
    """

    call: "OperatorCall"
    output: int
    shape: tuple[int, ...]
    first: int

    @property
    def count(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    @property
    def elements(self) -> Tensor:
        """The number of each element."""
        return torch.arange(self.first, self.first + self.count).reshape(self.shape)


@dataclass(eq=False)
class View:
    """The content of a tensor at the moment when an operator read it.

    whole: the result that the tensor is, element by element and in the same shape.
    elements: otherwise the number of each element, CONSTANT for those that are constant.
    constants: the values of constant elements, in the tensor's shape. Other values mean nothing.
    earlier: whether constants come from the images of an earlier call.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    whole: Result | None = None
    elements: Tensor | None = None
    constants: Tensor | None = None
    earlier: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether nothing in it depends on the network's input."""
        return self.whole is None and self.elements is None

    def numbered(self) -> Tensor:
        """The number of each element."""
        if self.whole is not None:
            return self.whole.elements
        if self.elements is None:
            return torch.full(self.shape, CONSTANT)
        return self.elements

    def rearranged(self, change: Callable[[Tensor], Tensor]) -> "View":
        """The same numbers, or some of them, in other places."""
        elements = change(self.numbered())
        constants = None if self.constants is None else change(self.constants)
        if self.is_constant:
            return View(tuple(elements.shape), self.dtype, constants=constants)
        return View(tuple(elements.shape), self.dtype, elements=elements, constants=constants)

    def halves(self, dim: int) -> list["View"]:
        """Both halves of a dimension."""
        return [self.rearranged(lambda one, half=half: one.chunk(2, dim)[half]) for half in (0, 1)]

    def same_as(self, other: "View") -> bool:
        """Whether both hold the same numbers, element by element."""
        if self.shape != other.shape or self.dtype != other.dtype:
            return False
        if self.is_constant and other.is_constant:
            assert self.constants is not None
            assert other.constants is not None
            return bool(torch.equal(self.constants, other.constants))
        if self.whole is not None or other.whole is not None:
            return self.whole is other.whole
        mine, others = self.numbered(), other.numbered()
        return bool((mine != CONSTANT).all()) and torch.equal(mine, others)


@dataclass(eq=False)
class OperatorCall:
    """One run of an operator on numbers that depend on the network's input.

    operator: its name, as that of a `Signature`.
    arguments: by name, defaults included; views instead of tensors.
    number: how many such runs came before.
    position: how many runs of any operator came before.
    writes_state: whether it changed a parameter or buffer of the network.
    """

    operator: str
    overload: Any
    arguments: dict[str, Any]
    place: Place
    number: int
    position: int = -1
    writes_state: bool = False
    results: list[Result] = field(default_factory=list)

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def views(self) -> Sequence[View]:
        """Every view among its arguments."""
        return [one for value in self.arguments.values() for one in views_in(value)]


def views_in(value: Any) -> list[View]:
    """The views in an argument, which may be a list."""
    if isinstance(value, View):
        return [value]
    if isinstance(value, list | tuple):
        return [one for part in value for one in views_in(part)]
    return []
