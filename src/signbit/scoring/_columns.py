"""The columns of rows that hold the answers of a network."""

from collections.abc import Sequence

from signbit.data import Target
from signbit.format.signature import CLASSES, LABELS


def columns_of(target: Target, several: bool, top: int) -> Sequence[str]:
    """The names of an output's columns; of a map that of its file, and that of an overlay.

    several: whether the network has several outputs; then the names begin with the output's.
    top: how many classes a row of classes names, where it has so many.
    """
    prefix = f"{target.name}_" if several else ""
    if target.is_map:
        return [f"{prefix}file", *([f"{prefix}overlay"] if has_overlay(target) else [])]
    if target.kind == CLASSES:
        count = min(top, len(target.names))
        ranks = ["", *(f"_{rank}" for rank in range(2, count + 1))]
        return [f"{prefix}{one}{rank}" for rank in ranks for one in ("class", "probability")]
    if target.kind == LABELS:
        return [f"{prefix}labels", *(f"{prefix}probability_{name}" for name in target.names)]
    if len(target.names) == 1 and not target.named:
        return [target.name]
    return [f"{prefix}{name}" if target.named else f"{target.name}_{name}" for name in target.names]


def has_overlay(target: Target) -> bool:
    """Whether an output is a picture of classes, which is also drawn over the input."""
    return target.kind == CLASSES and len(target.shape) == 3
