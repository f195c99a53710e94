"""The weights and activations of one layer as pictures of bits."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from signbit.format.parameters import weight_signs
from signbit.report._html import element, heading, name, note, paragraph
from signbit.report._layer import bits_after
from signbit.report._observe import Observed
from signbit.report._pictures import GAP, bitmap, photo, tiled
from signbit.report._section import Section, sections
from signbit.report._subject import Subject
from signbit.runtime.engine import Engine

_FILTERS, _TILES, _TAPS, _COLUMNS = 64, 32, 16, 16
_MATRIX = (128, 512)
_SHOWN, _MAPS, _MAP_COLUMNS, _LARGEST_MAP = 4, 32, 8, 128
_ROWS = 64


def _draw(subject: Subject) -> Sequence[Element]:
    if subject.layer is None:
        return [note("No layer of this network has weights of one bit.")]
    legend = element(
        "p",
        element("span", class_="swatch plus", aria_hidden="true"),
        " is +1, ",
        element("span", class_="swatch minus", aria_hidden="true"),
        f" is -1. The layer is {name(subject.label(subject.layer))}.",
    )
    return [legend, *_weights(subject, subject.layer), *_activations(subject, subject.layer)]


def _weights(subject: Subject, layer: int) -> list[Element]:
    signs = weight_signs(subject.model, subject.model.node(layer)) > 0
    channels, inputs, height, width = signs.shape
    part = f"{channels:,} output channels and {inputs:,} input channel{'s' if inputs > 1 else ''}"
    if height * width == 1:
        shown = signs[: _MATRIX[0], : _MATRIX[1], 0, 0]
        said = f"Each row is an output channel, each column an input. The layer has {part}."
        picture = shown.astype(np.uint8)
    else:
        shown = signs[:_FILTERS, :_TILES, :_TAPS, :_TAPS]
        blocks = np.stack([tiled(one, _TILES) for one in shown])
        picture = _arranged(blocks, max(1, _COLUMNS // shown.shape[1]))
        said = (
            f"Each filter is a row of {height}x{width} tiles, one for each input channel. "
            f"The layer has {part}."
        )
    left_out = shown.shape[:2] != (channels, inputs)
    if left_out:
        said += f" The first {shown.shape[0]} filters and {shown.shape[1]} inputs are shown."
    if shown.ndim == 4 and shown.shape[2:] != (height, width):
        said += f" Each tile shows its first {shown.shape[2]}x{shown.shape[3]} weights."
    plus = f"{100 * signs.mean():.1f} % of all weights of the layer are +1."
    figure = element(
        "figure",
        bitmap(picture, f"the weights of the layer as a bitmap; {plus}"),
        element("figcaption", f"{said} {plus}"),
    )
    return [heading("Weights"), figure]


def _arranged(blocks: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Blocks in rows. The gaps between blocks are wider than those inside a block."""
    padding = ((0, 0), (0, 1), (0, 2))
    wide = np.pad(blocks, padding, constant_values=GAP)
    return tiled(wide, columns)


def _activations(subject: Subject, layer: int) -> list[Element]:
    drawn = [heading("Activations")]
    number, observed = bits_after(subject.model, layer), subject.observed
    if number is None:
        return [*drawn, note("The values of this layer do not become bits; they are the output.")]
    if observed is None:
        return [*drawn, note("No data was given. Activations need samples.")]
    engine, value = Engine(subject.model), subject.model.types[number]
    if value.positions == 1:
        return [*drawn, _as_rows(observed, engine, number)]
    said = paragraph(
        "After the layer, a threshold for each channel turns sums into bits. Each tile is one "
        f"channel over the {value.height}x{value.width} positions. The first "
        f"{min(value.channels, _MAPS)} of {value.channels:,} channels are shown, for "
        f"{min(_SHOWN, _count(observed))} samples."
    )
    return [*drawn, said, element("div", *_as_maps(observed, engine, number), class_="maps")]


def _count(observed: Observed) -> int:
    return len(next(iter(observed.kept.values())))


def _some(observed: Observed, most: int) -> list[int]:
    """Indices of samples, evenly spread, and sorted by class if the classes are known."""
    count = _count(observed)
    places = sorted({int(one) for one in np.linspace(0, count - 1, min(most, count))})
    names = observed.kept_classes
    return places if names is None else sorted(places, key=lambda one: names[one])


def _as_maps(observed: Observed, engine: Engine, number: int) -> list[Element]:
    places = _some(observed, _SHOWN)
    inputs = {key: array[places] for key, array in observed.kept.items()}
    maps = engine.features(inputs, number)[..., :_MAPS]
    stride = -(-max(maps.shape[1:3]) // _LARGEST_MAP)
    figures = []
    for index, place in enumerate(places):
        true = "" if observed.kept_classes is None else name(observed.kept_classes[place])
        said = f"sample {index + 1}{f': {true}' if true else ''}"
        tiles = np.moveaxis(maps[index, ::stride, ::stride], -1, 0)
        picture = bitmap(tiled(tiles, _MAP_COLUMNS), f"activations of {said}", 6)
        figures.append(
            element(
                "figure",
                element("figcaption", said),
                *_input_photo(observed, engine, place, f"input of {said}"),
                picture,
            )
        )
    return figures


def _input_photo(observed: Observed, engine: Engine, place: int, alt: str) -> list[Element]:
    pictures = [one.name for one in engine.inputs if one.is_picture]
    return [photo(observed.kept[pictures[0]][place], alt, 72)] if pictures else []


def _as_rows(observed: Observed, engine: Engine, number: int) -> Element:
    places = _some(observed, _ROWS)
    inputs = {key: array[places] for key, array in observed.kept.items()}
    bits = engine.features(inputs, number)
    shown = bits.reshape(len(places), -1)[:, : _MATRIX[1]]
    by_class = "" if observed.kept_classes is None else ", sorted by their true classes"
    said = (
        f"Each row is one of {len(places)} samples{by_class}. Each column is a channel; "
        f"{shown.shape[1]:,} of {bits.shape[-1]:,} channels are shown."
    )
    picture = bitmap(shown.astype(np.uint8), "activations of the layer as a bitmap", 4)
    return element("figure", picture, element("figcaption", said))


sections.register("bitmaps")(
    Section(
        50,
        "Weights and activations of one layer",
        "These pictures show the weights of the layer, and the bits that the next layer reads.",
        _draw,
    )
)
