"""The curves of a training run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from signbit.plots._epochs import line_style
from signbit.plots._save import save

_PANELS = (
    ("loss", ("loss", "val_loss"), 1.0),
    ("accuracy, %", ("accuracy", "val_accuracy"), 100.0),
    ("learning rate", ("lr",), 1.0),
    ("binary weights that flipped in the epoch, %", ("flipped",), 100.0),
)
_LABELS = {"loss": "train", "accuracy": "train", "val_loss": "validation"}
_LABELS |= {"val_accuracy": "validation", "flipped": "all layers"}


def draw_curves(rows: Sequence[Mapping[str, float]], path: Path | str) -> None:
    """Draw loss, accuracy, learning rate and flips over the epochs as a PNG.

    rows: the metrics of each epoch, as in `metrics.csv`.

    Raises: OutputError.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 7), dpi=100, layout="constrained")
    for axes, (title, names, factor) in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
        if title.startswith("binary"):
            _draw_layers(axes, rows)
        for name in names:
            points = [(row["epoch"], row[name] * factor) for row in rows if name in row]
            if points:
                style = line_style(len(points))
                axes.plot(*zip(*points, strict=True), style, label=_LABELS.get(name), zorder=3)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    save(figure, path)


def _draw_layers(axes, rows: Sequence[Mapping[str, float]]) -> None:
    layers = [key for key in rows[0] if key.startswith("flipped/")] if rows else []
    for index, layer in enumerate(layers):
        # Early layers are dark and late ones light, so that the picture shows their order.
        shade = str(0.3 + 0.5 * index / max(len(layers) - 1, 1))
        values = [100 * row[layer] for row in rows]
        label = "each layer, first dark, last light" if index == 0 else None
        axes.plot([row["epoch"] for row in rows], values, lw=0.8, color=shade, label=label)
