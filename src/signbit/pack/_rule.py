"""What a rule is given: one run of an operator, and what its arguments are as steps."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import torch
from torch import Tensor

from signbit.errors import PackError, first_line
from signbit.pack._draft import Pointwise, RealForm, RealNode, RealStep, Step, base_of, chain
from signbit.pack._layout import Placed, as_map, as_row, placed
from signbit.pack._network import Network, image_shape, split
from signbit.pack._two_values import Levels
from signbit.pack._view import OperatorCall, View, views_in

# The slope of an argument, for all numbers or for each; None where it has no one sign.
Slope = float | Tensor | None


class RuleCall:
    """One run of an operator, for a rule to say what its result is.

    network: what came before.
    """

    def __init__(self, call: OperatorCall, network: Network):
        self.call, self.network = call, network
        self.place = call.place

    def __getitem__(self, name: str) -> Any:
        """An argument as it was given; views in the place of tensors."""
        return self.call.arguments[name]

    @property
    def shape(self) -> tuple[int, ...]:
        """Torch's shape of the first result, with the batch."""
        return self.call.results[0].shape

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The same without the batch."""
        return image_shape(self.shape, self.place)

    def refuse(self, reason: str) -> NoReturn:
        """Raise a PackError that names the place and the operator."""
        raise PackError(f"{self.place}: {self.call.operator}: {reason}")

    def run_as(
        self, operator: str, overload: Any = None, arguments: dict[str, Any] | None = None
    ) -> "RuleCall":
        """The same run, as one of another operator; of the same arguments by default."""
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

    def optional(self, name: str) -> Tensor | None:
        """The same, None where it is not given."""
        return None if self[name] is None else self.constant(name)

    def number(self, name: str) -> float:
        """An argument that is one number."""
        return float(self.constant(name))

    def bits(self, step: Step) -> tuple[float, float] | None:
        """The middle of the two numbers that a step gives, and how far each is from it.

        None where it gives others. Raises: PackError where it gives a third in a few places only,
        or turns more than once: somebody meant it as a sign.
        """
        found = self.network.folding.look(step)
        if isinstance(found, Levels):
            return found.centre_and_distance()
        if found.few:
            self.refuse(
                f"its input, made by {step.place}, is no sign of two values: {found.text}; write "
                "torch.where(x > 0, 1.0, -1.0), or with >=, in the place of torch.sign"
            )
        return None

    def map(self, name: str) -> Step:
        """An argument as a map of the usual layout."""
        return as_map(self.value(name), self.place)

    def usual(self, step: Step) -> Placed:
        """A step as the result, in the usual layout."""
        return Placed(step, self.image_shape)

    def real(self, op: str, sources: Sequence[Step], size: Any, **attributes: Any) -> RealStep:
        """A packed operation on real numbers."""
        return RealStep(self.place, tuple(sources), size, RealNode(op, attributes))

    def per_channel(self, constants: Tensor, value: Placed) -> Tensor | None:
        """A constant that torch broadcasts to the result, as (C,) or one number.

        C are the channels of the step that `value` lies in; None where they do not say all.
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


def pointwise(
    c: RuleCall,
    slopes: Mapping[str, Slope] | None = None,
    form: Callable[..., RealForm | None] | None = None,
    constants: Mapping[str, Tensor] | None = None,
    stepwise: bool = False,
) -> Placed:
    """The result of an operator that looks at each number by itself.

    slopes: for each argument that may depend on the input.
    form: given the constants per channel, how it is computed on real numbers.
    constants: tensors that `form` is given; torch's shape.
    stepwise: whether it gives few values, each for a whole range of numbers.
    """
    names = [name for name, given in c.call.arguments.items() if _is_dynamic(given)]
    if c.call.operator != "_to_copy" and not stepwise and any(_wraps(c[name]) for name in names):
        slopes = None
    values = [c.value(name, c.shape) for name in names]
    value, values = _of_one_base(c, names, values)
    own = {name: c[name].constants for name in c.call.arguments if _is_tensor(c[name])}
    extra = dict(constants or {})
    slope_tensors = {
        name: torch.as_tensor(slope, dtype=torch.float32)
        for name, slope in (slopes or {}).items()
        if slope is not None
    }
    tensors = {**own, **_named("extra", extra), **_named("slope", slope_tensors)}
    moved, laid = laid_out(c, value, tensors)
    if moved is not value:
        if len(names) > 1:
            c.refuse(
                "constants that differ along the map, on two values at once; change one value "
                "after the other"
            )
        value, values = moved, [moved]
    sources = tuple(one.step for one in values)
    channels = sources[0].size[2]
    found = {name: laid[f"slope {name}"] for name in slope_tensors}
    signs = [_sign(found[name]).expand(channels) if name in found else None for name in names]
    step = Pointwise(
        c.place,
        sources,
        sources[0].size,
        base_of(sources[0]),
        _computing(c, names, {name: laid[name] for name in own}),
        signs,
        None if form is None else form(**{name: laid[f"extra {name}"] for name in extra}),
        all(tensor.ndim == 0 for tensor in laid.values()),
        stepwise,
        c.call.results[0],
    )
    return Placed(step, value.shape, value.index)


def _named(kind: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{kind} {name}": tensor for name, tensor in tensors.items()}


def _is_dynamic(given: Any) -> bool:
    return isinstance(given, View) and not given.is_constant


def _wraps(view: View) -> bool:
    """Whether numbers are whole ones, of which arithmetic is not monotone."""
    return not view.dtype.is_floating_point and view.dtype != torch.bool


def _is_tensor(given: Any) -> bool:
    return isinstance(given, View) and given.is_constant


def _filled(value: Placed, c: RuleCall) -> Placed:
    return as_row(value, c.place) if value.fill is not None else value


def _of_one_base(
    c: RuleCall, names: Sequence[str], values: Sequence[Placed]
) -> tuple[Placed, Sequence[Placed]]:
    """The values in one layout. Raises: PackError where they are of several bases."""
    values = [_filled(value, c) for value in values]
    first = values[0]
    for other in values[1:]:
        same_base = base_of(other.step) is base_of(first.step)
        if not same_base or not torch.equal(other.places(), first.places()):
            c.refuse(
                f"of {len(names)} values that are not functions of one number; write it with sums, "
                "products, maximum, minimum and comparisons of two values"
            )
    return first, values


def of_one_base(c: RuleCall, *names: str) -> bool:
    """Whether arguments are functions of the same numbers, place by place."""
    values = [_filled(c.value(name, c.shape), c) for name in names]
    return all(
        base_of(value.step) is base_of(values[0].step)
        and torch.equal(value.places(), values[0].places())
        for value in values
    )


def laid_out(
    c: RuleCall, value: Placed, tensors: Mapping[str, Tensor]
) -> tuple[Placed, dict[str, Tensor]]:
    """A value, moved where that is needed, so that constants are one number per channel; these."""
    layouts: list[Callable[[], Placed]] = [lambda: value]
    if len(value.shape) <= 3:
        layouts.append(lambda: Placed(as_map(value, c.place), value.shape))
    for layout in layouts:
        moved = layout()
        laid = {name: c.per_channel(tensor, moved) for name, tensor in tensors.items()}
        if all(tensor is not None for tensor in laid.values()):
            return moved, {name: one for name, one in laid.items() if one is not None}
    row = as_row(value, c.place)
    laid = {name: c.per_channel(tensor, row) for name, tensor in tensors.items()}
    return row, {name: one for name, one in laid.items() if one is not None}


def _computing(
    c: RuleCall, names: Sequence[str], constants: Mapping[str, Tensor]
) -> Callable[..., Tensor]:
    """The operator itself, on rows of numbers for each channel."""
    arguments, schema = c.call.arguments, c.call.overload._schema
    library, _, name = c.call.operator.rpartition("::")
    if library and schema.is_mutable:
        c.refuse("it changes its arguments; write it so that it returns a new tensor")
    operator = getattr(getattr(torch.ops, library or "aten"), name)

    truths = {name for name in names if arguments[name].dtype == torch.bool}

    def compute(*rows: Tensor) -> Tensor:
        given = {**arguments, **constants}
        for name, value in zip(names, rows, strict=True):
            # Bits of a comparison stand for 0 and 1.
            given[name] = value != 0 if name in truths else value
        positional = [given[one.name] for one in schema.arguments if not one.kwarg_only]
        named = [one.name for one in schema.arguments if one.kwarg_only and one.name in given]
        keywords = {name: given[name] for name in named}
        return _of_each(c, lambda: operator(*positional, **keywords), rows[0])

    return compute


def _of_each(c: RuleCall, run: Callable[[], Any], row: Tensor) -> Tensor:
    """What an operator gives for rows of numbers: as many. Raises: PackError where it does not."""
    try:
        found = run()
    except Exception as error:
        c.refuse(
            f"on rows of numbers, {tuple(row.shape)}, it raised {type(error).__name__}: "
            f"{first_line(error)}; it is packed as a function of each number by itself"
        )
    # Some give what a gradient needs as a second result.
    found = found[0] if isinstance(found, tuple) and found else found
    if not isinstance(found, Tensor) or found.shape != row.shape:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        c.refuse(
            f"of rows of numbers, {tuple(row.shape)}, it makes {shape}; it is packed as a function "
            "of each number by itself"
        )
    return found


def _sign(slope: Tensor) -> Tensor:
    """-1, 0 or 1; NaN, for no one sign, stays, of which torch.sign makes 0."""
    return torch.where(slope.isnan(), slope, slope.sign())


def then(c: RuleCall, source: Step, nodes: Sequence[RealNode]) -> Step:
    """A step after which packed operations on real numbers come, one after the other."""
    for node in nodes:
        source = RealStep(c.place, (source,), source.size, node)
    return source


def function(
    c: RuleCall,
    source: Step,
    compute: Callable[[Tensor], Tensor],
    slope: Tensor,
    *nodes: RealNode,
) -> Pointwise:
    """A function of each number that is a part of what an operator does.

    slope: its sign per channel, or one for all.
    """
    return Pointwise(
        c.place,
        (source,),
        source.size,
        base_of(source),
        compute,
        [_sign(slope).expand(source.size[2])],
        chain(*nodes),
        slope.ndim == 0 and all(t.ndim == 0 for node in nodes for t in node.tensors.values()),
    )


def as_positions(c: RuleCall, value: Placed, rows: int, width: int) -> Step:
    """Rows as the positions of a map, their numbers as its channels."""
    places = value.places().reshape(rows, width)
    natural = torch.equal(places.reshape(-1), torch.arange(rows * width))
    if natural and value.step.size[2] == width and value.step.elements == rows * width:
        return value.step
    return as_map(Placed(value.step, (width, rows), places.T, value.fill), c.place)


def product(shape: Sequence[int]) -> int:
    """Of sides."""
    return math.prod(shape)


__all__ = [
    "Placed",
    "RuleCall",
    "as_map",
    "as_positions",
    "as_row",
    "function",
    "of_one_base",
    "placed",
    "pointwise",
    "product",
    "then",
    "views_in",
]
