"""The curves of a training run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from signbit.plots._epochs import line_style
from signbit.plots._save import save

_PANELS = (
    ("loss", ("loss", "val_loss"), 1.0),
    ("learning rate", ("lr",), 1.0),
    ("binary weights that flipped in the epoch, %", ("flipped",), 100.0),
)


def draw_curves(
    rows: Sequence[Mapping[str, float]], path: Path | str, metric: str | None = "accuracy"
) -> None:
    """Draw loss, a metric, learning rate and flips over the epochs as a PNG.

    rows: the metrics of each epoch, as in `metrics.csv`.
    metric: the name of the metric there; None to leave its panel empty.

    Raises: OutputError.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 7), dpi=100, layout="constrained")
    panels = (_PANELS[0], _panel_of(metric), *_PANELS[1:])
    for axes, (title, names, factor) in zip(figure.subplots(2, 2).flat, panels, strict=True):
        if title.startswith("binary"):
            _draw_layers(axes, rows)
        for name in names:
            points = [(row["epoch"], row[name] * factor) for row in rows if name in row]
            if points:
                style = line_style(len(points))
                axes.plot(*zip(*points, strict=True), style, label=_label(name, names), zorder=3)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    save(figure, path)


def _panel_of(metric: str | None) -> tuple[str, tuple[str, ...], float]:
    if metric is None:
        return "no metric", (), 1.0
    names = (metric, f"val_{metric}")
    return ("accuracy, %", names, 100.0) if metric == "accuracy" else (metric, names, 1.0)


def _label(name: str, names: Sequence[str]) -> str | None:
    if name == "flipped":
        return "all layers"
    if len(names) < 2:
        return None
    return "validation" if name.startswith("val_") else "train"


def _draw_layers(axes, rows: Sequence[Mapping[str, float]]) -> None:
    layers = [key for key in rows[0] if key.startswith("flipped/")] if rows else []
    for index, layer in enumerate(layers):
        # Early layers are dark and late ones light, so that the picture shows their order.
        shade = str(0.3 + 0.5 * index / max(len(layers) - 1, 1))
        values = [100 * row[layer] for row in rows]
        label = "each layer, first dark, last light" if index == 0 else None
        axes.plot([row["epoch"] for row in rows], values, lw=0.8, color=shade, label=label)
