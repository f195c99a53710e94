"""From pixels to the real input of a network; travels with every model."""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from signbit.errors import UsageError, unknown_name

# A hostile file must not make us allocate: no network of ours comes near this.
MAX_SIDE = 16384
MAX_CHANNELS = 4096
# Control characters, halves of surrogate pairs, separators of lines and paragraphs.
_NO_TEXT = ("Cc", "Cs", "Zl", "Zp")


@dataclass(frozen=True)
class Preprocessing:
    """Real input = scale * pixel + bias per channel, for pixels 0-255 in NHWC, RGB.

    scale, bias: one number per channel, finite.
    size: (height, width) in pixels that the network takes.
    classes: names in the order of the scores; may be empty.

    Raises: UsageError naming the field.
    """

    scale: Sequence[float]
    bias: Sequence[float]
    size: tuple[int, int]
    classes: Sequence[str] = ()

    def __post_init__(self):
        object.__setattr__(self, "scale", _numbers("scale", self.scale))
        object.__setattr__(self, "bias", _numbers("bias", self.bias))
        object.__setattr__(self, "size", _size(self.size))
        object.__setattr__(self, "classes", _names(self.classes))
        if len(self.scale) != len(self.bias):
            raise UsageError(
                f"preprocessing: scale has {len(self.scale)} channels, bias {len(self.bias)}; "
                "give one of each per channel"
            )

    @property
    def channels(self) -> int:
        """Channels of the images: 1 for grey, 3 for RGB."""
        return len(self.scale)

    @classmethod
    def from_mean_std(
        cls,
        mean: Sequence[float],
        std: Sequence[float],
        size: tuple[int, int],
        classes: Sequence[str] = (),
    ) -> "Preprocessing":
        """(pixel / 255 - mean) / std, the torchvision convention.

        Raises: UsageError also where a standard deviation is not positive.
        """
        mean, std = _numbers("mean", mean), _numbers("std", std)
        if len(mean) != len(std) or min(std) <= 0:
            raise UsageError(
                f"preprocessing: mean is {list(mean)}, std {list(std)}; give one of each per "
                "channel, std above 0"
            )
        return cls(
            scale=[1 / (255 * s) for s in std],
            bias=[-m / s for m, s in zip(mean, std, strict=True)],
            size=size,
            classes=classes,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        return {
            "scale": list(self.scale),
            "bias": list(self.bias),
            "size": list(self.size),
            "classes": list(self.classes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of `to_dict`. Raises: UsageError for missing or unknown fields."""
        fields = ("scale", "bias", "size", "classes")
        for name in values:
            if name not in fields:
                raise unknown_name("preprocessing field", name, fields)
        for name in fields[:3]:
            if name not in values:
                raise UsageError(f"preprocessing: field {name!r} is missing")
        return cls(**values)


def _numbers(field: str, values: Any) -> tuple[float, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise UsageError(f"preprocessing: {field} is {values!r}; give a list, one per channel")
    if not 1 <= len(values) <= MAX_CHANNELS:
        raise UsageError(f"preprocessing: {field} has {len(values)} entries; 1 to {MAX_CHANNELS}")
    for value in values:
        if not _is_finite(value):
            raise UsageError(f"preprocessing: {field} holds {value!r}; give finite numbers")
    return tuple(float(value) for value in values)


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _size(size: Any) -> tuple[int, int]:
    allowed = (
        isinstance(size, Sequence)
        and len(size) == 2
        and all(type(side) is int and 1 <= side <= MAX_SIDE for side in size)
    )
    if not allowed:
        raise UsageError(
            f"preprocessing: size is {size!r}; give (height, width), each 1 to {MAX_SIDE}"
        )
    return (size[0], size[1])


def fits_a_line(name: str) -> bool:
    """Whether a name is text that one line of a terminal or a UTF-8 file can hold."""
    return not any(unicodedata.category(one) in _NO_TEXT for one in name)


def _names(classes: Any) -> tuple[str, ...]:
    listed = isinstance(classes, Sequence) and not isinstance(classes, str)
    if not listed or not all(isinstance(name, str) for name in classes):
        raise UsageError(f"preprocessing: classes is {classes!r}; give a list of names")
    for name in classes:
        if not fits_a_line(name):
            raise UsageError(
                f"preprocessing: class name {name!r}; give text without control characters"
            )
    if len(set(classes)) != len(classes):
        raise UsageError("preprocessing: two classes have the same name")
    return tuple(classes)
