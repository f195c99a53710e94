"""Draw the curves of docs/accuracy.md from the figures in bench/results.

python -m tools.draw_ablations
"""

import json
from collections import defaultdict
from pathlib import Path

from signbit.plots.comparison import Rows, draw_comparison

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PICTURES = ROOT / "bench" / "results", ROOT / "docs" / "pictures"
# The name of a picture where it is not that of the folder of its figures.
NAMES = {"parts": "ablation"}


def draw(pictures: Path) -> None:
    """Write a picture for each folder of `bench/results`."""
    for folder in sorted(RESULTS.iterdir()):
        name = NAMES.get(folder.name, folder.name)
        draw_comparison(_runs(folder), pictures / f"{name}.png")


def _runs(folder: Path) -> dict[str, list[Rows]]:
    """By variant, the figures of each epoch of each seed; the files are VARIANT-SEED.json."""
    runs: defaultdict[str, list[Rows]] = defaultdict(list)
    for path in sorted(folder.glob("*.json")):
        variant, _, _ = path.stem.rpartition("-")
        runs[variant].append(json.loads(path.read_text("utf-8"))["epochs"])
    return dict(runs)


if __name__ == "__main__":
    draw(PICTURES)
