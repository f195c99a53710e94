"""The layers of a network of BNN-PYNQ, which its folder does not describe."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from signbit.errors import ConvertError, UsageError
from signbit.format.checks import fields_of
from signbit.format.types import shown
from signbit.yaml_file import parse_yaml, read_yaml

_PACKAGE = "signbit.importers.bnn_pynq"
# The networks of BNN-PYNQ whose layers come with it.
KNOWN = ("cnv", "lfc")
_KINDS = ("conv", "linear")
_PIXELS = ("fixed-point", "binary")
# No FPGA of the family holds more. A hostile file must not cause large allocations.
MOST_CHANNELS, MOST_SIDE, MOST_LAYERS = 8192, 1024, 64


@dataclass(frozen=True)
class Layer:
    """A matrix of weights, and how it is folded over processing elements.

    kind: `conv`, 3x3 without padding, or `linear`, over the whole map.
    channels: the outputs; the matrix may have more rows.
    simd: the weights of a word.
    pe: the processing elements, each with a file of its own.
    pool: the side of a max pooling after the layer; 1 for none.
    """

    kind: str
    channels: int
    simd: int
    pe: int
    pool: int = 1


@dataclass(frozen=True)
class Layers:
    """The layers, and what the first one reads.

    size: height and width of the images.
    channels: 1 for grey, 3 for RGB.
    pixels: `fixed-point`: pixel / 255 * 2 - 1, rounded to 1/128, halves up, 127/128 at most.
        `binary`: +1 above 127, else -1.
    """

    size: tuple[int, int]
    channels: int
    pixels: str
    layers: tuple[Layer, ...]


def read_layers(folder: Path, given: Path | str | None) -> Layers:
    """What `given` names or holds. Raises: ConvertError that names the file and the field."""
    if given is None:
        raise ConvertError(
            f"{folder}: its files do not tell the layers; give {' or '.join(KNOWN)}, or a YAML "
            "file with the layers (docs/import.md)"
        )
    try:
        if str(given) in KNOWN:
            text = resources.files(_PACKAGE).joinpath(f"{given}.yaml").read_text("utf-8")
            return _layers(parse_yaml(text, f"{given}.yaml"), f"{given}.yaml")
        return _layers(read_yaml(given, str(given)), str(given))
    except UsageError as error:
        raise ConvertError(str(error)) from error


def _layers(values: Any, place: str) -> Layers:
    fields = ("size", "channels", "pixels", "layers")
    given = fields_of(place, values, fields, fields)
    size, layers = given["size"], given["layers"]
    if not isinstance(size, list) or len(size) != 2:
        raise UsageError(f"{place}: size is {shown(size)}; give [height, width]")
    if not isinstance(layers, list) or not 1 <= len(layers) <= MOST_LAYERS:
        raise UsageError(f"{place}: layers is {shown(layers)}; give a list of 1 to {MOST_LAYERS}")
    return Layers(
        (_whole(place, "size", size[0], MOST_SIDE), _whole(place, "size", size[1], MOST_SIDE)),
        _whole(place, "channels", given["channels"], MOST_CHANNELS),
        _one_of(place, "pixels", given["pixels"], _PIXELS),
        tuple(_layer(one, f"{place}: layer {number}") for number, one in enumerate(layers)),
    )


def _layer(values: Mapping[str, Any], place: str) -> Layer:
    needed = ("kind", "channels", "simd", "pe")
    given = fields_of(place, values, needed, (*needed, "pool"))
    return Layer(
        _one_of(place, "kind", given["kind"], _KINDS),
        _whole(place, "channels", given["channels"], MOST_CHANNELS),
        _whole(place, "simd", given["simd"], 64),
        _whole(place, "pe", given["pe"], MOST_CHANNELS),
        _whole(place, "pool", given.get("pool", 1), MOST_SIDE),
    )


def _whole(place: str, field: str, value: Any, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise UsageError(f"{place}: {field} is {shown(value)}; give a whole number, 1 to {most}")
    return value


def _one_of(place: str, field: str, value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise UsageError(f"{place}: {field} is {shown(value)}; give {' or '.join(known)}")
    return value
