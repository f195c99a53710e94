"""Functions of each number by itself. Most operators are such functions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from signbit.errors import first_line
from signbit.pack._draft import Pointwise, RealForm, RealNode, Step, base_of, chain
from signbit.pack._layout import Placed, as_map, as_row
from signbit.pack._rule import RuleCall
from signbit.pack._view import View

# The slope of an argument, for all numbers or for each; None where it has no single sign.
Slope = float | Tensor | None


def rounded(c: RuleCall, form: Callable[..., RealForm | None]) -> Placed:
    """The result of an operator that gives whole numbers as they are.  form: as in `pointwise`."""
    value = c.value("self")
    whole = c.network.folding.integers(value.step)
    if whole is not None and whole.unit == int(whole.unit) and value.fill is None:
        return value
    return pointwise(c, {"self": 1.0}, form)


def pointwise(
    c: RuleCall,
    slopes: Mapping[str, Slope] | None = None,
    form: Callable[..., RealForm | None] | None = None,
    constants: Mapping[str, Tensor] | None = None,
    stepwise: bool = False,
    exact: bool = True,
) -> Placed:
    """The result of an operator that computes each number by itself.

    slopes: the slope by argument, for each one that may depend on the input.
    form: a function from the constants, per channel, to how it is computed on real numbers.
    constants: the constants for `form` by name, in torch's shape.
    stepwise: whether it has few values, each for a whole range of numbers.
    exact: whether the form is rounded where torch rounds.
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
        exact,
    )
    return Placed(step, value.shape, value.index)


def _named(kind: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{kind} {name}": tensor for name, tensor in tensors.items()}


def _is_dynamic(given: Any) -> bool:
    return isinstance(given, View) and not given.is_constant


def _wraps(view: View) -> bool:
    """Whether numbers are of a type of whole numbers, whose arithmetic is not monotone."""
    return not view.dtype.is_floating_point and view.dtype != torch.bool


def _is_tensor(given: Any) -> bool:
    return isinstance(given, View) and given.is_constant


def _filled(value: Placed, c: RuleCall) -> Placed:
    return as_row(value, c.place) if value.fill is not None else value


def _of_one_base(
    c: RuleCall, names: Sequence[str], values: Sequence[Placed]
) -> tuple[Placed, Sequence[Placed]]:
    """The values in one layout. Raises: PackError where they have several bases."""
    values = [_filled(value, c) for value in values]
    first = values[0]
    for other in values[1:]:
        same_base = base_of(other.step) is base_of(first.step)
        if not same_base or not torch.equal(other.places(), first.places()):
            c.refuse(
                f"its {len(names)} values are not functions of one number; write it with sums, "
                "products, maximum, minimum and comparisons of two values"
            )
    return first, values


def of_one_base(c: RuleCall, *names: str) -> bool:
    """Whether arguments are functions of the same number at each place."""
    values = [_filled(c.value(name, c.shape), c) for name in names]
    return all(
        base_of(value.step) is base_of(values[0].step)
        and torch.equal(value.places(), values[0].places())
        for value in values
    )


def fits_as_it_lies(c: RuleCall, name: str, constants: Mapping[str, Tensor]) -> bool:
    """Whether the call's constants, and others, are one number per channel of a value."""
    own = {name: c[name].constants for name in c.call.arguments if _is_tensor(c[name])}
    value = _filled(c.value(name, c.shape), c)
    return laid_out(c, value, {**own, **_named("extra", constants)})[0] is value


def laid_out(
    c: RuleCall, value: Placed, tensors: Mapping[str, Tensor]
) -> tuple[Placed, dict[str, Tensor]]:
    """A value, moved if needed so that constants are one number per channel, and the constants."""
    # The numbers that fill its borders are in no step yet.
    layouts: list[Callable[[], Placed]] = [lambda: value] if value.fill is None else []
    if len(value.shape) <= 3:
        layouts.append(lambda: Placed(as_map(value, c.place), value.shape))
    layouts.append(lambda: as_row(value, c.place))
    for layout in layouts:
        moved = layout()
        found = {name: c.per_channel(tensor, moved) for name, tensor in tensors.items()}
        laid = {name: tensor for name, tensor in found.items() if tensor is not None}
        if len(laid) == len(tensors):
            return moved, laid
    raise AssertionError("one row has a channel for each number")


def _computing(
    c: RuleCall, names: Sequence[str], constants: Mapping[str, Tensor]
) -> Callable[..., Tensor]:
    """A function that runs the operator itself, on rows of numbers for each channel."""
    arguments, schema = c.call.arguments, c.call.overload._schema
    library, _, name = c.call.operator.rpartition("::")
    if library and schema.is_mutable:
        c.refuse("it changes its arguments; write it so that it returns a new tensor")
    operator = getattr(getattr(torch.ops, library or "aten"), name)

    truths = {name for name in names if arguments[name].dtype == torch.bool}

    def compute(*rows: Tensor) -> Tensor:
        given = {**arguments, **constants}
        for name, value in zip(names, rows, strict=True):
            # Bits of a comparison stand for 0 and 1. Between and beyond them it stays monotone.
            given[name] = value > 0 if name in truths else value
        positional = [given[one.name] for one in schema.arguments if not one.kwarg_only]
        named = [one.name for one in schema.arguments if one.kwarg_only and one.name in given]
        keywords = {name: given[name] for name in named}
        return _of_each(c, lambda: operator(*positional, **keywords), rows[0])

    return compute


def _of_each(c: RuleCall, run: Callable[[], Any], row: Tensor) -> Tensor:
    """The operator's result for rows of numbers. Raises: PackError where it has another shape."""
    try:
        found = run()
    except Exception as error:
        c.refuse(
            f"on rows of numbers, {tuple(row.shape)}, it raised {type(error).__name__}: "
            f"{first_line(error)}; it must be a function of each number by itself"
        )
    # Some operators have a second result, which is for the gradient.
    found = found[0] if isinstance(found, tuple) and found else found
    if not isinstance(found, Tensor) or found.shape != row.shape:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        c.refuse(
            f"on rows of numbers, {tuple(row.shape)}, it returned {shape}; it must be a function "
            "of each number by itself"
        )
    return found


def _sign(slope: Tensor) -> Tensor:
    """-1, 0 or 1. NaN means no single sign and stays NaN; torch.sign would return 0."""
    return torch.where(slope.isnan(), slope, slope.sign())


def function(
    c: RuleCall,
    source: Step,
    compute: Callable[[Tensor], Tensor],
    slope: Tensor,
    *nodes: RealNode,
) -> Pointwise:
    """A function of each number, as a part of an operator.

    slope: the sign of its slope per channel, or one for all.
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
