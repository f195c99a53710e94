"""Write a figure."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from signbit.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Inches. On a dark page the white picture keeps a white edge around its text.
_MARGIN = 0.12


def save(figure: "Figure", path: Path | str) -> None:
    """Write the figure as a white PNG, whole or not at all. Raises: OutputError."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(w_pad=_MARGIN, h_pad=_MARGIN)
    with warnings.catch_warnings(), atomic_path(path) as temporary:
        # matplotlib draws a box for a letter that the font lacks. Its warning for each letter shows
        # a line of its own code, which does not help the user.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(temporary, format="png", facecolor="white")
