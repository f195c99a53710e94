"""The confusion matrix as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.plots._save import save

# With more classes, counts in cells and names at the axes would be too small to read.
MOST_WRITTEN = 20
MOST_NAMED = 200
LONGEST_NAME = 24


def draw_confusion(
    confusion: NDArray[np.int64], classes: Sequence[str], path: Path | str, title: str = ""
) -> None:
    """Draw a confusion matrix as a PNG: rows are true classes, columns are predicted classes.

    The shade of a cell is its share of the row's images. Up to MOST_WRITTEN classes each cell also
    shows its count; up to MOST_NAMED classes the axes have names.

    Shape:  confusion (C, C); classes has C names.
    Raises: OutputError.
    """
    from matplotlib.figure import Figure

    count = len(classes)
    side = min(max(6.0, 0.55 * count if count <= MOST_WRITTEN else 0.14 * count), 24.0)
    figure = Figure(figsize=(side + 1.5, side + 1.0), dpi=120, layout="constrained")
    axes = figure.subplots()
    shares = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    # With many classes and many errors the highest share is far below 100.
    most = max(float(shares.max()), 1.0)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=most, interpolation="nearest")
    figure.colorbar(picture, ax=axes, fraction=0.045, label="% of the true class's images")
    # Names are plain text: a dollar sign in a name must not start a formula.
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_title(title, fontsize=11, parse_math=False, wrap=True)
    _name_axes(axes, classes)
    if count <= MOST_WRITTEN:
        _write_counts(axes, confusion, shares > most / 2)
    save(figure, path)


def _name_axes(axes, classes: Sequence[str]) -> None:
    if len(classes) > MOST_NAMED:
        return
    names = [name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in classes]
    size = 9 if len(names) <= MOST_WRITTEN else 7
    places = range(len(names))
    axes.set_xticks(places, names, rotation=90, fontsize=size, parse_math=False)
    axes.set_yticks(places, names, fontsize=size, parse_math=False)


def _write_counts(axes, confusion: NDArray[np.int64], dark: NDArray[np.bool_]) -> None:
    for (row, column), value in np.ndenumerate(confusion):
        if value:
            color = "white" if dark[row, column] else "black"
            axes.text(column, row, str(value), ha="center", va="center", size=8, color=color)
