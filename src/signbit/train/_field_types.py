"""The types of the values in a recipe."""

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from signbit.format.preprocessing import MAX_SIDE, MIN_CROP

Count = Annotated[int, Field(strict=True, ge=1)]
# A run keeps a row of metrics for each epoch. No training needs more epochs than this.
Epochs = Annotated[int, Field(strict=True, ge=1, le=100_000)]
Flag = Annotated[bool, Field(strict=True)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# No side of an image is longer than MAX_SIDE.
Pixels = Annotated[int, Field(strict=True, ge=0, le=MAX_SIDE)]
Area = Annotated[float, Field(gt=0, le=1)]
Crop = Annotated[float, Field(ge=MIN_CROP, le=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# The share that a moving average keeps must be below 1.
Share = Annotated[float, Field(ge=0, lt=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


def _for_channels(value: Any) -> float | tuple[float, ...]:
    # This gives one message for both types. A union would give one message for each type.
    try:
        numbers = [_finite(number) for number in (value if _is_list(value) else [value])]
    except (TypeError, ValueError, OverflowError):
        numbers = []
    if not numbers:
        raise ValueError("give a finite number, or a list with one number for each channel")
    return tuple(numbers) if _is_list(value) else numbers[0]


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(float(value)):
        raise ValueError
    return float(value)


ForChannels = Annotated[float | tuple[float, ...], BeforeValidator(_for_channels)]


class Settings(BaseModel):
    """A part of a recipe. Unknown keys are errors, and checked values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
