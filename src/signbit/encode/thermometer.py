"""Numbers as bits: bit k of feature f says whether the value is above threshold k of f."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from signbit.encode._arrays import real_numbers, samples, training_samples
from signbit.errors import UsageError
from signbit.format.types import MAX_CHANNELS

MAX_LEVELS = 4096
Spacing = Literal["quantile", "equal_width"]


def thermometer(values: Any, thresholds: Any) -> NDArray[np.bool_]:
    """Bit k of feature f is value[f] > thresholds[f][k]; it is channel f * levels + k.

    Both numbers are rounded to float32 before they are compared. An infinite value is above all
    thresholds, or below all.

    values: real numbers, (N, ..., features).
    thresholds: (features, levels), finite; those of a feature do not fall.

    Shape:  (N, ..., features * levels).
    Raises: InputTypeError for what is no real number; UsageError for NaN, another number of
        features, another rank, thresholds that fall.
    """
    return _compared(samples("values", values), _thresholds(thresholds))


def quantile_thresholds(training_values: Any, levels: int) -> NDArray[np.float32]:
    """Thresholds that divide the training values of each feature into parts of equal size.

    A threshold lies halfway between two neighbouring values. Threshold k, from 1, is the one for
    which the share of values below it is nearest to k / (levels + 1). So it never lies on a value
    that many samples have, and a feature of two values gets a threshold between them. A feature
    with fewer values than levels gets some thresholds twice. A feature of one value gets that one.

    Shape:  (N, ..., features) to (features, levels).
    Raises: as `thermometer`; UsageError for no samples, infinities, and levels out of bounds.
    """
    values = training_samples(training_values, levels, MAX_LEVELS)
    shares = np.arange(1, levels + 1) / (levels + 1)
    return np.stack([_halfway(feature, shares) for feature in values.T])


def equal_width_thresholds(training_values: Any, levels: int) -> NDArray[np.float32]:
    """Thresholds that divide the range of the training values of each feature equally.

    Shape:  (N, ..., features) to (features, levels).
    Raises: as `quantile_thresholds`.
    """
    values = training_samples(training_values, levels, MAX_LEVELS).astype(np.float64)
    low, high = values.min(axis=0)[:, None], values.max(axis=0)[:, None]
    return (low + (high - low) * np.arange(1, levels + 1) / (levels + 1)).astype(np.float32)


_SPACINGS: Mapping[str, Callable[[Any, int], NDArray[np.float32]]] = {
    "quantile": quantile_thresholds,
    "equal_width": equal_width_thresholds,
}


@dataclass(frozen=True, eq=False)
class Thermometer:
    """The function `thermometer` with its thresholds.

    Raises: as `thermometer`, for the thresholds.
    """

    thresholds: NDArray[np.floating]
    kind: ClassVar[str] = "thermometer"

    def __post_init__(self):
        thresholds = _thresholds(self.thresholds).copy()
        thresholds.flags.writeable = False
        object.__setattr__(self, "thresholds", thresholds)

    @classmethod
    def fit(cls, training_values: Any, levels: int, spacing: Spacing = "quantile") -> "Thermometer":
        """With `quantile_thresholds` or `equal_width_thresholds`. Raises: as these."""
        if spacing not in _SPACINGS:
            raise UsageError(f"spacing is {spacing!r}; give {' or '.join(_SPACINGS)}")
        return cls(_SPACINGS[spacing](training_values, levels))

    @property
    def channels(self) -> int:
        """Bits of a sample, or of a position of it."""
        return self.thresholds.size

    def __call__(self, values: Any) -> NDArray[np.bool_]:
        """The bits of some values, as `thermometer` gives them. Raises: as `thermometer`."""
        return _compared(samples("values", values), self.thresholds)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        return {"kind": self.kind, "thresholds": self.thresholds.tolist()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Thermometer":
        """The inverse of `to_dict`. Raises: UsageError for what it does not give."""
        rows = fields["thresholds"]
        listed = isinstance(rows, list) and all(isinstance(row, list) for row in rows)
        given = (number for row in rows for number in row) if listed else ()
        if not listed or not all(type(number) in (int, float) for number in given):
            raise UsageError("thresholds: give a list of numbers for each feature")
        if len({len(row) for row in rows}) != 1:
            raise UsageError("thresholds: give as many for each feature")
        try:
            numbers = np.array(rows, np.float64)
        except OverflowError as error:
            raise UsageError("thresholds: a number that no float32 holds") from error
        return cls(numbers)


def _compared(values: NDArray[np.float32], thresholds: NDArray[np.floating]) -> NDArray[np.bool_]:
    if values.shape[-1] != len(thresholds):
        raise UsageError(
            f"values have {values.shape[-1]} features, thresholds are for {len(thresholds)}"
        )
    return (values[..., None] > thresholds).reshape(*values.shape[:-1], thresholds.size)


def _thresholds(given: Any) -> NDArray[np.float32]:
    array = real_numbers("thresholds", given)
    if array.ndim != 2 or not array.size:
        raise UsageError(f"thresholds: shape {array.shape}; give (features, levels)")
    if array.shape[1] > MAX_LEVELS or array.size > MAX_CHANNELS:
        raise UsageError(
            f"thresholds: shape {array.shape}; at most {MAX_LEVELS} levels and {MAX_CHANNELS} bits"
        )
    with np.errstate(over="ignore"):
        thresholds = array.astype(np.float32)
    if not np.isfinite(thresholds).all():
        place = tuple(np.argwhere(~np.isfinite(thresholds))[0].tolist())
        raise UsageError(f"thresholds: no finite float32 at {place}")
    falls = (np.diff(thresholds, axis=1) < 0).any(axis=1)
    if falls.any():
        raise UsageError(f"thresholds of feature {int(falls.argmax())} fall; sort them upwards")
    return thresholds


def _halfway(values: NDArray[np.float32], shares: NDArray[np.float64]) -> NDArray[np.float32]:
    """For each share, the middle of the two neighbouring values with about that share below it."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) == 1:
        return np.full(len(shares), distinct[0])
    below = np.cumsum(counts)[:-1] / len(values)
    after = np.searchsorted(below, shares).clip(1, max(len(below) - 1, 1))
    nearer = shares - below[after - 1] <= below[after.clip(max=len(below) - 1)] - shares
    gap = np.where(nearer, after - 1, after).clip(max=len(below) - 1)
    low, high = distinct[gap], distinct[gap + 1]
    middle = (low.astype(np.float64) / 2 + high.astype(np.float64) / 2).astype(np.float32)
    # Between two numbers that follow each other there is none; only the lower one divides them.
    return np.where(middle < high, middle, low)
