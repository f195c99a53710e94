"""Operations other than convolutions as calls of C."""

from typing import Any

from signbit.export._c.piece import Part, Piece, Place
from signbit.export._c.text import TYPES, literal
from signbit.export._c.weights import mask_words, words_for
from signbit.format.types import BITS

WINDOW = Part("window")
_MULTIPLY_ADD = Part("fused_multiply_add")
_COPY_BITS = Part("copy_bits")


def threshold(place: Place) -> Piece:
    """Numbers to bits, where the threshold does not belong to a convolution's call."""
    kind = _kind(place)
    piece = Piece([Part("threshold", kind), Part("threshold_map", kind)], "")
    address = threshold_struct(piece, place)
    piece.call = f"threshold_{place.source.kind}({address}, {place.positions}, {{x0}}, {{out}})"
    return piece


def threshold_struct(piece: Piece, place: Place) -> str:
    """Define the constants of a threshold; returns the address of its struct."""
    channels, tensors = place.source.channels, place.node.tensors
    values = piece.add_array(f"{place.name}_threshold", tensors["threshold"])
    below = piece.add_array(f"{place.name}_below", mask_words(tensors["below"], channels))
    kind = f"threshold_{place.source.kind}"
    return piece.add_struct(kind, place.name, [channels, values, below])


def affine(place: Place) -> Piece:
    """x * scale + bias, one rounding."""
    piece = Piece([_MULTIPLY_ADD, Part("affine", _kind(place))], "")
    return _per_channel(piece, place, f"affine_{place.source.kind}", "scale", "bias")


def normalize(place: Place) -> Piece:
    """Pixels to real numbers."""
    return _per_channel(Piece([Part("normalize")], ""), place, "normalize", "scale", "bias")


def prelu(place: Place) -> Piece:
    """x or slope * x."""
    return _per_channel(Piece([Part("prelu")], ""), place, "prelu", "slope")


def _per_channel(piece: Piece, place: Place, function: str, *names: str) -> Piece:
    arrays = [piece.add_array(f"{place.name}_{n}", place.node.tensors[n]) for n in names]
    sizes = f"{place.positions}, {place.source.channels}"
    piece.call = f"{function}({sizes}, {{x0}}, {', '.join(arrays)}, {{out}})"
    return piece


def flip(place: Place) -> Piece:
    """Bits of some channels negated."""
    piece = Piece([Part("flip")], "")
    mask = mask_words(place.node.tensors["mask"], place.source.channels)
    name = piece.add_array(f"{place.name}_mask", mask)
    piece.call = f"flip({place.positions}, {len(mask)}, {{x0}}, {name}, {{out}})"
    return piece


def signs(place: Place) -> Piece:
    """Bits to -1 and +1."""
    return _mapped(place, "signs")


def softmax(place: Place) -> Piece:
    """Probabilities."""
    return _mapped(place, "softmax")


def log_softmax(place: Place) -> Piece:
    """Their logarithms."""
    return _mapped(place, "log_softmax")


def _mapped(place: Place, function: str) -> Piece:
    sizes = f"{place.positions}, {place.source.channels}"
    return Piece([Part(function)], f"{function}({sizes}, {{x0}}, {{out}})")


def clamp(place: Place) -> Piece:
    """Between two bounds."""
    low, high = (literal(place.node.attributes[name]) for name in ("low", "high"))
    call = f"clamp({place.source.elements}, {low}, {high}, {{x0}}, {{out}})"
    return Piece([Part("clamp")], call)


def add(place: Place) -> Piece:
    """x + y."""
    return Piece([Part("add")], f"add({place.source.elements}, {{x0}}, {{x1}}, {{out}})")


def concat(place: Place) -> Piece:
    """The channels of all inputs, one after the other."""
    kind, to, calls = place.source.kind, 0, []
    parts = [_COPY_BITS, Part("concat_bits")] if kind == BITS else [Part("concat", _kind(place))]
    words = place.positions * words_for(place.gives.channels)
    if kind == BITS:
        calls.append(f"memset({{out}}, 0, {words} * sizeof(uint32_t))")
    for index, number in enumerate(place.node.inputs):
        channels = place.model.types[number].channels
        sizes = f"{place.positions}, {channels}, {{x{index}}}, {to}, {place.gives.channels}"
        calls.append(f"concat_{kind}({sizes}, {{out}})")
        to += channels
    return Piece(parts, ";\n    ".join(calls))


def flatten(place: Place) -> Piece:
    """All as one row, in the order channel, row, column."""
    kind = place.source.kind
    parts = [_COPY_BITS, Part("flatten_bits")] if kind == BITS else [Part("flatten", _kind(place))]
    sizes = f"{place.positions}, {place.source.channels}"
    return Piece(parts, f"flatten_{kind}({sizes}, {{x0}}, {{out}})")


def max_pool(place: Place) -> Piece:
    """The highest of each window."""
    kind, size = place.source.kind, place.source.channels
    if kind == BITS:
        part, size = Part("max_pool_bits"), words_for(size)
    else:
        # A comparison with NaN is false; NaN then stays the highest, as in NumPy.
        higher = {"i32": "value > out[c]", "f32": "value > out[c] || isnan(value)"}[kind]
        lowest = {"i32": "INT32_MIN", "f32": "-INFINITY"}[kind]
        part = Part("max_pool", _kind(place) | {"LOWEST": lowest, "HIGHER": higher})
    return _pool(place, part, f"max_pool_{kind}", f"{size}")


def avg_pool(place: Place) -> Piece:
    """The mean of each window."""
    count = int(place.node.attributes["count_padding"])
    return _pool(place, Part("avg_pool"), "avg_pool", f"{place.source.channels}, {count}")


def _pool(place: Place, part: Part, function: str, sizes: str) -> Piece:
    piece = Piece([WINDOW, part], "")
    window = piece.add_struct("window", place.name, place.window())
    piece.call = f"{function}({window}, {sizes}, {{x0}}, {{out}})"
    return piece


def _kind(place: Place) -> dict[str, Any]:
    return {"KIND": place.source.kind, "TYPE": TYPES[place.source.kind]}
