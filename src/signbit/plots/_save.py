"""Write a figure."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from signbit.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save(figure: "Figure", path: Path | str) -> None:
    """Write the figure as a PNG, whole or not at all. Raises: OutputError."""
    with warnings.catch_warnings(), atomic_path(path) as temporary:
        # matplotlib draws a box for a letter that the font lacks. Its warning for each letter shows
        # a line of its own code, which does not help the user.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(temporary, format="png")
