"""Numbers as bits: bit k of feature f is set if the value is above threshold k of that feature."""

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
    """Encode numbers as bits by comparing each feature with several thresholds.

    Bit k of feature f is value[f] > thresholds[f][k]. It is channel f * levels + k of the result.
    Both numbers are rounded to float32 before they are compared. An infinite value is above all
    thresholds, or below all.

    values: real numbers, (N, ..., features).
    thresholds: finite real numbers, (features, levels). Those of a feature must not fall.

    Shape:  (N, ..., features * levels) bool.
    Raises: InputTypeError for values or thresholds that are not real numbers; UsageError for NaN,
        another number of features, another rank, and thresholds that fall.
    """
    return _compared(samples("values", values), _thresholds(thresholds))


def quantile_thresholds(training_values: Any, levels: int) -> NDArray[np.float32]:
    """Thresholds that divide the training values of each feature into parts of equal size.

    A threshold lies halfway between two neighbouring values. For threshold k, counted from 1, the
    share of values below it is as near as possible to k / (levels + 1). So a threshold never lies
    on a value that many samples have, and a feature of two values has its threshold between them. A
    feature with fewer distinct values than levels has some thresholds twice. The threshold of a
    feature with only one value is that value.

    training_values: real numbers, (N, ..., features).
    levels: number of thresholds for each feature, 1 to 4096.

    Shape:  (features, levels) float32.
    Raises: InputTypeError for values that are not real numbers; UsageError for NaN, infinities,
        another rank, no samples, and another number of levels.
    """
    values = training_samples(training_values, levels, MAX_LEVELS)
    shares = np.arange(1, levels + 1) / (levels + 1)
    return np.stack([_halfway(feature, shares) for feature in values.T])


def equal_width_thresholds(training_values: Any, levels: int) -> NDArray[np.float32]:
    """Thresholds that divide the range of the training values of each feature into equal parts.

    training_values: real numbers, (N, ..., features).
    levels: number of thresholds for each feature, 1 to 4096.

    Shape:  (features, levels) float32.
    Raises: InputTypeError for values that are not real numbers; UsageError for NaN, infinities,
        another rank, no samples, and another number of levels.
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
    """The function `thermometer` with fixed thresholds.

    thresholds: finite real numbers, (features, levels). Those of a feature must not fall.

    Raises: InputTypeError for thresholds that are not real numbers; UsageError for another rank,
        too many thresholds, NaN, infinities, and thresholds that fall.
    """

    thresholds: NDArray[np.floating]
    kind: ClassVar[str] = "thermometer"

    def __post_init__(self):
        thresholds = _thresholds(self.thresholds).copy()
        thresholds.flags.writeable = False
        object.__setattr__(self, "thresholds", thresholds)

    @classmethod
    def fit(cls, training_values: Any, levels: int, spacing: Spacing = "quantile") -> "Thermometer":
        """Make an encoder whose thresholds are found from training values.

        training_values: real numbers, (N, ..., features).
        levels: number of thresholds for each feature, 1 to 4096.
        spacing: "quantile" for `quantile_thresholds`, or "equal_width" for
            `equal_width_thresholds`.

        Raises: UsageError for another spacing; the errors of these functions.
        """
        if spacing not in _SPACINGS:
            raise UsageError(f"spacing is {spacing!r}; give {' or '.join(_SPACINGS)}")
        return cls(_SPACINGS[spacing](training_values, levels))

    @property
    def channels(self) -> int:
        """Number of bits of a sample, or of one position of a sequence or map."""
        return self.thresholds.size

    def __call__(self, values: Any) -> NDArray[np.bool_]:
        """The bits of some values, as `thermometer` returns them.

        Shape:  values (N, ..., features), result (N, ..., channels) bool.
        Raises: the errors of `thermometer`.
        """
        return _compared(samples("values", values), self.thresholds)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        return {"kind": self.kind, "thresholds": self.thresholds.tolist()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Thermometer":
        """The inverse of `to_dict`. Raises: UsageError for other values than those of `to_dict`."""
        rows = fields["thresholds"]
        listed = isinstance(rows, list) and all(isinstance(row, list) for row in rows)
        given = (number for row in rows for number in row) if listed else ()
        if not listed or not all(type(number) in (int, float) for number in given):
            raise UsageError("thresholds: give a list of numbers for each feature")
        if len({len(row) for row in rows}) != 1:
            raise UsageError("thresholds: give the same number of them for each feature")
        try:
            numbers = np.array(rows, np.float64)
        except OverflowError as error:
            raise UsageError("thresholds: a number is too large for float32") from error
        return cls(numbers)


def _compared(values: NDArray[np.float32], thresholds: NDArray[np.floating]) -> NDArray[np.bool_]:
    if values.shape[-1] != len(thresholds):
        raise UsageError(
            f"values have {values.shape[-1]} features, but the thresholds are for "
            f"{len(thresholds)}; give as many features"
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
        raise UsageError(f"thresholds: the number at {place} is not finite in float32")
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
    # There is no float32 between two neighbouring numbers. Then the lower one divides them.
    return np.where(middle < high, middle, low)
