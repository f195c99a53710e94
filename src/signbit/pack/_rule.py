"""The argument of a rule: one run of an operator, with its arguments as steps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

import torch
from torch import Tensor

from signbit.errors import PackError
from signbit.pack._draft import RealNode, RealStep, Step
from signbit.pack._layout import Placed, as_map
from signbit.pack._network import Network, image_shape, split
from signbit.pack._two_values import Levels
from signbit.pack._view import OperatorCall, View


class RuleCall:
    """One run of an operator, for which a rule gives the result.

    network: the network up to this run.
    """

    def __init__(self, call: OperatorCall, network: Network):
        self.call, self.network = call, network
        self.place = call.place

    def __getitem__(self, name: str) -> Any:
        """An argument as it was given, with a view in place of each tensor."""
        return self.call.arguments[name]

    @property
    def shape(self) -> tuple[int, ...]:
        """Torch's shape of the first result, with the batch."""
        return self.call.results[0].shape

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Torch's shape of the first result, without the batch."""
        return image_shape(self.shape, self.place)

    def refuse(self, reason: str) -> NoReturn:
        """Raise a PackError that names the place and the operator."""
        raise PackError(f"{self.place}: {self.call.operator}: {reason}")

    def run_as(
        self, operator: str, overload: Any = None, arguments: dict[str, Any] | None = None
    ) -> "RuleCall":
        """The same run as a run of another operator, by default with the same arguments."""
        call = replace(
            self.call,
            operator=operator,
            overload=overload or self.call.overload,
            arguments=self.call.arguments if arguments is None else arguments,
        )
        return RuleCall(call, self.network)

    def is_value(self, name: str) -> bool:
        """Whether an argument depends on the network's input."""
        given = self[name]
        return isinstance(given, View) and not given.is_constant

    @property
    def value_names(self) -> list[str]:
        """The arguments that depend on the network's input, in their order."""
        return [name for name in self.call.arguments if self.is_value(name)]

    def value(self, name: str, shape: tuple[int, ...] | None = None) -> Placed:
        """An argument that depends on the input; broadcast to a shape.

        Raises: PackError where it does not.
        """
        if not self.is_value(name):
            self.refuse(
                f"argument {name!r} is a constant; give a value that depends on the input there, "
                "or write it with another operator"
            )
        return self.network.read(self[name], self.place, shape)

    def constant(self, name: str) -> Tensor:
        """An argument that is a number or a tensor of constants; float32 where it is real.

        Raises: PackError where it depends on the input.
        """
        given = self[name]
        if isinstance(given, View):
            if not given.is_constant:
                self.refuse(f"argument {name!r} depends on the input; give a parameter or a number")
            assert given.constants is not None
            return given.constants
        return torch.as_tensor(given)

    def constants(self, *names: str) -> dict[str, Tensor]:
        """The arguments among these that do not depend on the input, as float32 constants."""
        return {name: self.constant(name).float() for name in names if not self.is_value(name)}

    def optional(self, name: str) -> Tensor | None:
        """A constant argument; None where it is not given."""
        return None if self[name] is None else self.constant(name)

    def number(self, name: str) -> float:
        """An argument that is one number."""
        return float(self.constant(name))

    def bits(self, step: Step) -> tuple[float, float] | None:
        """The middle of the two numbers that a step gives, and how far each is from it.

        None where it gives other numbers.

        Raises: PackError where the step seems to be meant as a sign, but gives a third number in a
            few places, or turns more than once.
        """
        found = self.network.folding.look(step)
        if isinstance(found, Levels):
            return found.centre_and_distance()
        if found.few:
            self.refuse(
                f"its input, made by {step.place}, is not a sign with two values: {found.text}; "
                "write torch.where(x > 0, 1.0, -1.0), or the same with >=, instead of torch.sign"
            )
        return None

    def map(self, name: str) -> Step:
        """An argument as a map in the usual layout."""
        return as_map(self.value(name), self.place)

    def usual(self, step: Step) -> Placed:
        """A step as the result, in the usual layout."""
        return Placed(step, self.image_shape)

    def real(self, op: str, sources: Sequence[Step], size: Any, **attributes: Any) -> RealStep:
        """A packed operation on real numbers."""
        return RealStep(self.place, tuple(sources), size, RealNode(op, attributes))

    def per_channel(self, constants: Tensor, value: Placed) -> Tensor | None:
        """A constant that torch broadcasts to the result, as (C,) or one number.

        C are the channels of the step of `value`. None where the constant differs within a channel.
        """
        if constants.numel() == 1:
            return constants.reshape(())
        sides = (*[1] * (len(self.shape) - constants.ndim), *constants.shape)
        if value.index is None and sides == (1, value.shape[0], *[1] * (len(sides) - 2)):
            return constants.reshape(-1)
        first, second = split(constants.expand(self.shape), self.place)
        if not torch.equal(first.nan_to_num(), second.nan_to_num()):
            self.refuse("a constant differs between the images of a batch; give one for all")
        if not value.covers:
            return None
        channels = value.step.size[2]
        spread = torch.empty(value.step.elements, dtype=constants.dtype)
        spread[value.places().reshape(-1)] = first
        spread = spread.reshape(-1, channels)
        same = (spread == spread[:1]) | (spread.isnan() & spread[:1].isnan())
        return spread[0] if bool(same.all()) else None


def then(c: RuleCall, source: Step, nodes: Sequence[RealNode]) -> Step:
    """The result of packed operations on real numbers, applied to a step one after the other."""
    for node in nodes:
        source = RealStep(c.place, (source,), source.size, node)
    return source


def as_positions(c: RuleCall, value: Placed, rows: int, width: int) -> Step:
    """A map whose positions are the rows of a value, and whose channels are a row's numbers."""
    places = value.places().reshape(rows, width)
    natural = torch.equal(places.reshape(-1), torch.arange(rows * width))
    if natural and value.step.size[2] == width and value.step.elements == rows * width:
        return value.step
    return as_map(Placed(value.step, (width, rows), places.T, value.fill), c.place)
