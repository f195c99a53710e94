"""Draw the pictures of docs/quantizers.md: one for each registered quantizer.

python -m tools.draw_quantizers
"""

from pathlib import Path

from signbit.plots.quantizers import draw_quantizer
from signbit.quantizers import create, quantizers

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "quantizers"


def draw(folder: Path) -> None:
    """Write NAME.png for each quantizer into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in quantizers.names():
        draw_quantizer(create(name), folder / f"{name}.png")


if __name__ == "__main__":
    draw(FOLDER)
