"""From pixels to the real input of a network. Every model carries its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from signbit.errors import UsageError, unknown_name
from signbit.format.checks import finite_numbers, one_line_names
from signbit.format.types import shown

# A hostile file must not cause large allocations. No real network comes near this bound.
MAX_SIDE = 16384
# Below this, an image would be scaled to hundreds of times the pixels of the input.
MIN_CROP = 1 / 16
_PLACE = "preprocessing"


@dataclass(frozen=True)
class Preprocessing:
    """Real input = scale * pixel + bias per channel, for pixels 0-255 in NHWC, RGB.

    scale, bias: one finite number per channel.
    size: (height, width) of the network's input, in pixels.
    classes: the names of the classes, in the order of the scores; may be empty.
    crop: how an image file becomes an image of `size`. With None, the whole image is resized. With
        a share, 1/16 to 1, it is scaled in its own proportions to cover `size` / crop, and the
        centre is cut out. The usual 224 of 256 pixels of ImageNet are 0.875. Pixels in memory
        already have `size` and are not changed.

    Raises: UsageError, which names the field.
    """

    scale: Sequence[float]
    bias: Sequence[float]
    size: tuple[int, int]
    classes: Sequence[str] = ()
    crop: float | None = None

    def __post_init__(self):
        object.__setattr__(self, "crop", check_crop(self.crop, f"{_PLACE}: "))
        for field in ("scale", "bias"):
            numbers = finite_numbers(_PLACE, field, getattr(self, field))
            object.__setattr__(self, field, numbers)
        object.__setattr__(self, "size", _size(self.size))
        object.__setattr__(self, "classes", one_line_names(_PLACE, "classes", self.classes))
        if len(self.scale) != len(self.bias):
            raise UsageError(
                f"preprocessing: scale has {len(self.scale)} channels, bias {len(self.bias)}; "
                "give one of each per channel"
            )

    @property
    def channels(self) -> int:
        """The channels of the images: 1 for grey, 3 for RGB."""
        return len(self.scale)

    @classmethod
    def from_mean_std(
        cls,
        mean: Sequence[float],
        std: Sequence[float],
        size: tuple[int, int],
        classes: Sequence[str] = (),
        crop: float | None = None,
    ) -> "Preprocessing":
        """(pixel / 255 - mean) / std, the convention of torchvision.

        mean, std: one number per channel.

        Raises: UsageError as above, and where a standard deviation is not positive.
        """
        mean, std = finite_numbers(_PLACE, "mean", mean), finite_numbers(_PLACE, "std", std)
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
            crop=crop,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON; `crop` only where it is set."""
        plain = {
            "scale": list(self.scale),
            "bias": list(self.bias),
            "size": list(self.size),
            "classes": list(self.classes),
        }
        return plain if self.crop is None else {**plain, "crop": self.crop}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of `to_dict`. Raises: UsageError for missing or unknown fields."""
        fields = ("scale", "bias", "size", "classes", "crop")
        for name in values:
            if name not in fields:
                raise unknown_name("preprocessing field", name, fields)
        for name in fields[:3]:
            if name not in values:
                raise UsageError(f"preprocessing: field {name!r} is missing")
        return cls(**values)


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


def check_crop(crop: Any, place: str = "") -> float | None:
    """Check a crop: a share of the scaled image, or None.

    place: the beginning of the message.

    Raises: UsageError for anything else.
    """
    if crop is None:
        return None
    number = isinstance(crop, int | float) and not isinstance(crop, bool)
    if not number or not MIN_CROP <= crop <= 1:
        raise UsageError(
            f"{place}crop is {shown(crop)}; give a share of the image, {MIN_CROP:g} to 1, such as "
            "0.875"
        )
    return float(crop)
