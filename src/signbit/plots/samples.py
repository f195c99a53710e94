"""A page of images with a network's answers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.plots._save import save

COLUMNS = 8
_INCH = 1.25


def draw_samples(
    images: Sequence[NDArray[np.uint8]],
    predicted: Sequence[str],
    probabilities: Sequence[float],
    truth: Sequence[str | None],
    path: Path | str,
) -> None:
    """Draw images in rows, each with its predicted class and probability, as a PNG.

    A wrong prediction is red and names the true class. Where the truth is None, it is black.

    Shape:  each image (H, W, C) uint8, grey or RGB.
    Raises: OutputError.
    """
    from matplotlib.figure import Figure

    rows = max(-(-len(images) // COLUMNS), 1)
    figure = Figure((COLUMNS * _INCH, rows * _INCH * 1.35), dpi=100, layout="constrained")
    for place, axes in enumerate(figure.subplots(rows, COLUMNS, squeeze=False).flat):
        axes.set_axis_off()
        if place >= len(images):
            continue
        image = images[place]
        # Without limits, matplotlib would stretch each grey image to its own range.
        axes.imshow(image if image.shape[-1] == 3 else image[..., 0], "gray", vmin=0, vmax=255)
        right = truth[place] in (None, predicted[place])
        title = f"{predicted[place]}  {probabilities[place]:.0%}"
        title += "" if right else f"\nis {truth[place]}"
        color = "black" if right else "tab:red"
        # Names are plain text: a dollar sign in a name must not start a formula.
        axes.set_title(title, fontsize=8, color=color, parse_math=False)
    save(figure, path)
