"""Labels that are numbers: the numbers that are allowed, and the names of their classes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from signbit.errors import DataError

# A number in a file must not decide how much memory we use.
MAX_CLASSES = 2**16


def require_label(place: str, label: int, count: int | None) -> None:
    """Raises: DataError for a label out of range. count: number of classes; None if not known."""
    most = MAX_CLASSES if count is None else count
    if not 0 <= label < most:
        raise DataError(f"{place}: label {label}, where 0 to {most - 1} are allowed")


def classes_for(names: Sequence[str] | None, labels: NDArray[np.int64]) -> tuple[str, ...]:
    """The names of the classes; without names, the numbers from 0 to the highest label."""
    return tuple(map(str, range(int(labels.max()) + 1))) if names is None else tuple(names)
