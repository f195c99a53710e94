"""Questions of exporters about the inputs and outputs of a network."""

from signbit.errors import ExportError
from signbit.format import Input, Output
from signbit.format.types import ValueType
from signbit.runtime.samples import value_shape


def torch_shape(value: ValueType, rank: int) -> tuple[int, ...]:
    """The shape of one sample as an array of `rank` axes, in torch's layout."""
    *sides, channels = value_shape(value, rank)
    return (channels, *sides)


def name_refusal(to: str, one: Input | Output, reason: str) -> ExportError:
    """The error for an input or output that a format cannot express."""
    what = "input" if isinstance(one, Input) else "output"
    return ExportError(f"{to} cannot express {what} {one.name!r}: {reason}")
