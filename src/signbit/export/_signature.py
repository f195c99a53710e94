"""What exporters ask of the inputs and outputs of a network."""

from signbit.errors import ExportError, UsageError
from signbit.format import Input, Output, PackedModel
from signbit.format.types import ValueType
from signbit.runtime.samples import value_shape


def takes_an_image(model: PackedModel) -> bool:
    """Whether it takes one image of pixels and gives one row of scores of classes.

    Formats in torch's layout make an exception for such a network: its pixels stay channels last,
    as image files are read.
    """
    try:
        model.signature.preprocessing()
    except UsageError:
        return False
    return True


def torch_shape(value: ValueType, rank: int) -> tuple[int, ...]:
    """The shape of one sample as an array of so many axes, in torch's layout."""
    *sides, channels = value_shape(value, rank)
    return (channels, *sides)


def name_refusal(to: str, one: Input | Output, reason: str) -> ExportError:
    """The error for an input or output that a format cannot express."""
    what = "input" if isinstance(one, Input) else "output"
    return ExportError(f"{to} cannot express {what} {one.name!r}: {reason}")
