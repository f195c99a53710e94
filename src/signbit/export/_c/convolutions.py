"""Convolutions, and a threshold that reads their sums at once."""

import math

import numpy as np

from signbit.export._c.operations import WINDOW, threshold_struct
from signbit.export._c.piece import Part, Piece, Place, Room
from signbit.export._c.weights import (
    LANES,
    bits_by_tap,
    bits_by_term,
    reals_by_term,
    words_for,
    words_of,
)

_BITS_OF_SUMS = Part("threshold", {"KIND": "i32", "TYPE": "int32_t"})
_GATHER = Part("gather_f32")
_BIT_TERM = "sums[lane] += weight[t / 32 * 8 + lane] >> t % 32 & 1u ? terms[t] : -terms[t]"


def conv_bits(place: Place, threshold: Place | None) -> Piece:
    """Binary weights on bits."""
    node, groups, inputs = place.node, place.node.attributes["groups"], _inputs(place)
    split = groups > 1 and inputs % 32 > 0
    parts = [WINDOW, _BITS_OF_SUMS, Part("count"), Part("conv_bits")]
    piece = Piece(parts, "", extra=LANES - 1)
    x = "{x0}"
    if split:
        piece.parts += [Part("copy_bits"), Part("split_groups")]
        piece.scratch.append(Room(False, place.positions * groups * words_for(inputs)))
        x = f"split_groups({place.positions}, {groups}, {inputs}, {{x0}}, {{s0}})"
    padded = "NULL"
    value = node.attributes["padding_value"]
    if value and any(node.attributes["padding"]):
        constant = words_of(np.full(inputs, value > 0))
        padded = piece.add_array(f"{place.name}_padded", constant)
    weight = piece.add_array(f"{place.name}_weight", bits_by_tap(node, inputs))
    fields = [groups, _outputs(place), inputs, words_for(inputs), weight, padded]
    conv = piece.add_struct("conv_bits", place.name, [place.window(), *fields])
    _finish(piece, place, threshold, f"conv_bits({conv}, {{threshold}}, {x}, ")
    return piece


def most_runs(place: Place) -> int:
    """The most pieces that a window of bits consists of."""
    attributes, (rows, columns) = place.node.attributes, place.node.attributes["kernel"]
    filled = attributes["padding_value"] and any(attributes["padding"])
    apart = filled or attributes["groups"] > 1 or (columns > 1 and attributes["dilation"][1] > 1)
    if place.model.is_linear(place.node):
        return 1 if tuple(attributes["dilation"]) == (1, 1) else rows * columns
    return rows * columns if apart else rows


def conv_u8(place: Place, threshold: Place | None) -> Piece:
    """Binary weights on pixels."""
    node, inputs = place.node, _inputs(place)
    piece = Piece([WINDOW, _BITS_OF_SUMS, Part("conv_u8")], "", extra=LANES - 1)
    piece.scratch.append(Room(False, _terms(place)))
    weight = piece.add_array(f"{place.name}_weight", bits_by_term(node, inputs))
    numbers = [node.attributes["multiplier"], node.attributes["offset"]]
    fields = [node.attributes["groups"], _outputs(place), inputs, *numbers, weight]
    conv = piece.add_struct("conv_u8", place.name, [place.window(), *fields])
    _finish(
        piece, place, threshold, f"conv_u8({conv}, {{threshold}}, {{x0}}, (int32_t *)({{s0}}), "
    )
    return piece


def _finish(piece: Piece, place: Place, threshold: Place | None, call: str) -> None:
    """Sums to the result, or to scratch and from there to bits."""
    if threshold is None:
        piece.call = call.replace("{threshold}", "NULL") + "{out}, NULL)"
        return
    row = len(piece.scratch)
    piece.scratch.append(Room(False, place.gives.channels + LANES - 1))
    piece.extra = 0
    address = threshold_struct(piece, threshold)
    sums = f"(int32_t *)({{s{row}}}), {{out}})"
    piece.call = call.replace("{threshold}", address) + sums


def conv_f32_bits(place: Place) -> Piece:
    """Binary weights on real numbers."""
    words = {"WEIGHTS": "binary weights", "LAYOUT": "word of 32 terms", "WEIGHT": "uint32_t"}
    words |= {"TERM": _BIT_TERM, "STEP": "(count + 31) / 32", "NAME": "conv_f32_bits"}
    weight = bits_by_term(place.node, _inputs(place))
    return _conv_reals(place, words, weight, place.node.attributes["padding_value"])


def conv_f32(place: Place) -> Piece:
    """Real weights on real numbers."""
    words = {"WEIGHTS": "real weights", "LAYOUT": "term", "WEIGHT": "float"}
    words |= {"TERM": "sums[lane] += weight[t * 8 + lane] * terms[t]", "STEP": "count"}
    return _conv_reals(place, words | {"NAME": "conv_f32"}, reals_by_term(place.node), 0)


def _conv_reals(place: Place, words: dict[str, str], weight: np.ndarray, padded: int) -> Piece:
    piece = Piece([WINDOW, _GATHER, Part("conv_f32", words)], "")
    piece.scratch.append(Room(True, _terms(place)))
    name = piece.add_array(f"{place.name}_weight", weight)
    fields = [place.node.attributes["groups"], _outputs(place), _inputs(place), padded, name]
    conv = piece.add_struct(words["NAME"], place.name, [place.window(), *fields])
    piece.call = f"{words['NAME']}({conv}, {{x0}}, {{s0}}, {{out}})"
    return piece


def _inputs(place: Place) -> int:
    return place.source.channels // place.node.attributes["groups"]


def _outputs(place: Place) -> int:
    return place.gives.channels // place.node.attributes["groups"]


def _terms(place: Place) -> int:
    return math.prod(place.node.attributes["kernel"]) * _inputs(place)
