"""Several trainings in one picture: a line for each variant, a band over its seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from signbit.plots._epochs import line_style
from signbit.plots._save import save

Rows = Sequence[Mapping[str, float]]

_PANELS = (
    ("accuracy on held-out images, %", "val_accuracy", 100.0),
    ("accuracy on training images, %", "accuracy", 100.0),
)


def draw_comparison(runs: Mapping[str, Sequence[Rows]], path: Path | str) -> None:
    """Draw accuracy over the epochs, held-out and training images, as a PNG.

    runs: for each variant its runs. A run is the metrics by epoch, as in `metrics.csv`.

    The line is the mean of the runs; the band reaches from the lowest to the highest. The legend
    names the variants in the order of their last held-out accuracy. Without held-out images there
    is only one panel.

    Raises: OutputError.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    measured = [one for one in _PANELS if any(by_epoch(rows, one[1]) for rows in runs.values())]
    shown = measured or _PANELS
    figure = Figure(figsize=(5.5 * len(shown), 4.5), dpi=100, layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, (title, metric, factor) in zip(panels, shown, strict=True):
        for name, color in zip(_ranked(runs), _colors(len(runs)), strict=True):
            _draw_variant(axes, runs[name], metric, factor, name, color)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(fontsize=8, loc="lower right")
    save(figure, path)


def by_epoch(runs: Sequence[Rows], metric: str) -> dict[int, list[float]]:
    """The values of the runs at each epoch where one was measured."""
    values: dict[int, list[float]] = {}
    for row in (row for rows in runs for row in rows if metric in row):
        values.setdefault(int(row["epoch"]), []).append(row[metric])
    return dict(sorted(values.items()))


def _ranked(runs: Mapping[str, Sequence[Rows]]) -> list[str]:
    def last(name: str) -> float:
        values = list(by_epoch(runs[name], "val_accuracy").values())
        return sum(values[-1]) / len(values[-1]) if values else 0.0

    return sorted(runs, key=last, reverse=True)


def _colors(count: int) -> list[tuple[float, float, float, float]]:
    import matplotlib as mpl

    distinct = mpl.colormaps["tab10"]
    if count <= distinct.N:
        return [distinct(index) for index in range(count)]
    # Yellow, at the end of this map, is hard to see on white.
    shades = mpl.colormaps["viridis"]
    return [shades(0.9 * index / (count - 1)) for index in range(count)]


def _draw_variant(axes, runs: Sequence[Rows], metric: str, factor: float, name: str, color) -> None:
    values = by_epoch(runs, metric)
    epochs = list(values)
    means = [factor * sum(each) / len(each) for each in values.values()]
    axes.plot(epochs, means, line_style(len(epochs)), color=color, label=name)
    if len(runs) > 1:
        lows, highs = ([factor * end(each) for each in values.values()] for end in (min, max))
        axes.fill_between(epochs, lows, highs, color=color, alpha=0.15, linewidth=0)
