"""Sizes of operations that slide a window over a map: convolution and pooling."""

from collections.abc import Mapping, Sequence
from typing import Any

from signbit.errors import UsageError
from signbit.format.types import MAX_SIDE, ValueType, Whole, value_type

# top, left, bottom, right
WINDOW = {
    "kernel": Whole(1, MAX_SIDE, 2),
    "stride": Whole(1, MAX_SIDE, 2),
    "padding": Whole(0, MAX_SIDE, 4),
    "dilation": Whole(1, MAX_SIDE, 2),
}


def window_output(
    attributes: Mapping[str, Any], source: ValueType, kind: str, channels: int
) -> ValueType:
    """The type of a window's result. Raises: UsageError where the window does not fit the map."""
    top, left, bottom, right = attributes["padding"]
    padded = (source.height + top + bottom, source.width + left + right)
    # An engine may hold the padded map.
    value_type(source.kind, *padded, source.channels)
    sides = []
    for axis, size in enumerate(padded):
        reach = attributes["dilation"][axis] * (attributes["kernel"][axis] - 1) + 1
        if reach > size:
            raise UsageError(
                f"a window reaches over {reach} positions, but the padded map has {size}"
            )
        sides.append((size - reach) // attributes["stride"][axis] + 1)
    return value_type(kind, sides[0], sides[1], channels)


def require_window_meets_map(attributes: Mapping[str, Any], source: ValueType) -> None:
    """Raises: UsageError where a window could lie only in the padding."""
    top, left, bottom, right = attributes["padding"]
    sides: Sequence[tuple[int, int]] = ((top, bottom), (left, right))
    for axis, (before, after) in enumerate(sides):
        reach = attributes["dilation"][axis] * (attributes["kernel"][axis] - 1) + 1
        if before >= reach or after >= reach:
            raise UsageError(
                f"padding {tuple(attributes['padding'])} is not smaller than the window, {reach}"
            )
    if any(attributes["dilation"][axis] > side for axis, side in enumerate(source[1:3])):
        raise UsageError("a dilated window could miss the map; give a dilation within its sides")
