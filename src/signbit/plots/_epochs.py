"""How a curve over epochs is drawn."""

# More dots than this run together into one thick line.
_MOST_DOTS = 60


def line_style(points: int) -> str:
    """Dots joined by a line; for many points only the line."""
    return ".-" if points <= _MOST_DOTS else "-"
