"""The columns in which rows of results hold the answers of a network."""

from collections.abc import Sequence

from signbit.data import Target
from signbit.format.signature import CLASSES, LABELS


def columns_of(target: Target, several: bool, top: int) -> Sequence[str]:
    """The names of an output's columns. A map has a column for its file, and one for an overlay.

    several: whether the network has several outputs. The names then begin with that of the output.
    top: number of classes that a row names, at most the number of classes of the output.
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
    """Whether an output is a map of classes, which is also drawn over the input image."""
    return target.kind == CLASSES and len(target.shape) == 3
