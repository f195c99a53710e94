"""The curves of the run that trained the network, and its flips."""

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from signbit.report._chart import Line, chart
from signbit.report._html import element, name, note, paragraph, table
from signbit.report._section import Section, sections
from signbit.report._subject import Subject

MOST_LAYERS = 24
Rows = Sequence[Mapping[str, float]]
_FLIPPED, _CLIPPED = "flipped", "clipped"


def _draw(subject: Subject) -> Sequence[Element]:
    rows = subject.curves
    if not rows:
        return [note(subject.no_curves or "There is no table of metrics.")]
    layers = _layers(rows, _FLIPPED)
    charts = [
        chart("Loss", _pair(rows, "loss")),
        *(_metric(rows, one) for one in _metrics(rows)),
        chart("Binary weights that flipped in an epoch", _flips(rows, layers), "share", log=True),
        chart("Learning rate", [Line("", "first", _points(rows, "lr"))]),
    ]
    drawn = [element("div", *(one for one in charts if one is not None), class_="charts")]
    if layers:
        drawn += [
            paragraph(
                "A flip is a weight whose sign differs from that of the epoch before. A network "
                "that has settled flips few weights. Many flips at the end show that it was still "
                "changing. A latent weight at its clip is far from 0, and must go all the way back "
                "before it can flip."
            ),
            _last(rows, layers),
        ]
    else:
        drawn.append(note("No flips were recorded: the run has no binary weights."))
    return drawn


def _points(rows: Rows, key: str) -> list[tuple[float, float]]:
    return [(row["epoch"], row[key]) for row in rows if key in row and "epoch" in row]


def _pair(rows: Rows, metric: str) -> list[Line]:
    return [
        Line("training", "first", _points(rows, metric)),
        Line("validation", "second", _points(rows, f"val_{metric}")),
    ]


def _metrics(rows: Rows) -> list[str]:
    """The metrics of training and validation, except the loss; at most three."""
    keys = dict.fromkeys(key for row in rows for key in row)
    found = [key.removeprefix("val_") for key in keys if key.startswith("val_")]
    if not found and "accuracy" in keys:
        found = ["accuracy"]
    return [one for one in found if one != "loss"][:3]


def _metric(rows: Rows, metric: str) -> Element | None:
    return chart(name(metric).capitalize(), _pair(rows, metric))


def _layers(rows: Rows, kind: str) -> list[str]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return [key.removeprefix(f"{kind}/") for key in keys if key.startswith(f"{kind}/")]


def _flips(rows: Rows, layers: Sequence[str]) -> list[Line]:
    """A thin line for each layer under the line of the whole network."""
    stride = max(1, -(-len(layers) // MOST_LAYERS))
    thin = [
        Line("each layer" if index == 0 else "", "thin", _points(rows, f"{_FLIPPED}/{layer}"))
        for index, layer in enumerate(layers[::stride])
    ]
    return [*thin, Line("all layers", "first", _points(rows, _FLIPPED))]


def _last(rows: Rows, layers: Sequence[str]) -> Element:
    first, last = rows[0], rows[-1]
    cells = [
        (
            element("code", name(layer)),
            _share(first.get(f"{_FLIPPED}/{layer}")),
            _share(last.get(f"{_FLIPPED}/{layer}")),
            _share(last.get(f"{_CLIPPED}/{layer}")),
        )
        for layer in layers[:100]
    ]
    header = ("layer", "flipped, first epoch", "flipped, last epoch", "at the clip, last epoch")
    return table("Flips and clipped latent weights of each binary layer.", header, cells)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.3g} %"


sections.register("training")(
    Section(
        60,
        "Training and flips",
        "These curves show how the loss fell during training, and how many binary weights changed "
        "their sign in each epoch.",
        _draw,
    )
)
