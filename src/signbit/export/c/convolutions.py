"""Convolutions. The threshold that reads the sums may be part of the call."""

import math

import numpy as np

from signbit.export.c.elementwise import WINDOW, bits_of, threshold_struct
from signbit.export.c.node_code import Buffer, NodeCode, NodeView, Snippet
from signbit.export.c.weights import (
    LANES,
    bits_by_tap,
    bits_by_term,
    reals_by_term,
    words32_for,
    words_of,
)
from signbit.format.types import I32

_BITS_OF_SUMS = bits_of(I32)
_GATHER = Snippet("gather_f32")
_BIT_TERM = "sums[lane] += weight[t / 32 * 8 + lane] >> t % 32 & 1u ? terms[t] : -terms[t]"


def conv_bits(view: NodeView, threshold: NodeView | None) -> NodeCode:
    """Binary weights on bits."""
    node, groups, inputs = view.node, view.node.attributes["groups"], _inputs(view)
    split = groups > 1 and inputs % 32 > 0
    snippets = [WINDOW, _BITS_OF_SUMS, Snippet("count"), Snippet("conv_bits")]
    code = NodeCode(snippets, "", extra=-_outputs(view) % LANES)
    x = "{x0}"
    if split:
        code.snippets += [Snippet("copy_bits"), Snippet("split_groups")]
        code.scratch.append(Buffer(False, view.positions * groups * words32_for(inputs)))
        x = f"split_groups({view.positions}, {groups}, {inputs}, {{x0}}, {{s0}})"
    padded = "NULL"
    value = node.attributes["padding_value"]
    if value and any(node.attributes["padding"]):
        constant = words_of(np.full(inputs, value > 0))
        padded = code.add_array(f"{view.name}_padded", constant)
    weight = code.add_array(f"{view.name}_weight", bits_by_tap(node, inputs))
    fields = [groups, _outputs(view), inputs, words32_for(inputs), weight, padded]
    conv = code.add_struct("conv_bits", view.name, [view.window(), *fields])
    _finish(code, view, threshold, f"conv_bits({conv}, {{threshold}}, {x}, ")
    return code


def most_runs(view: NodeView) -> int:
    """The largest number of pieces that a window of bits consists of."""
    attributes, (rows, columns) = view.node.attributes, view.node.attributes["kernel"]
    filled = attributes["padding_value"] and any(attributes["padding"])
    apart = filled or attributes["groups"] > 1 or (columns > 1 and attributes["dilation"][1] > 1)
    if view.model.is_linear(view.node):
        return 1 if tuple(attributes["dilation"]) == (1, 1) else rows * columns
    return rows * columns if apart else rows


def conv_u8(view: NodeView, threshold: NodeView | None) -> NodeCode:
    """Binary weights on pixels."""
    node, inputs = view.node, _inputs(view)
    code = NodeCode([WINDOW, _BITS_OF_SUMS, Snippet("conv_u8")], "", extra=-_outputs(view) % LANES)
    code.scratch.append(Buffer(False, _terms(view)))
    weight = code.add_array(f"{view.name}_weight", bits_by_term(node, inputs))
    numbers = [node.attributes["multiplier"], node.attributes["offset"]]
    fields = [node.attributes["groups"], _outputs(view), inputs, *numbers, weight]
    conv = code.add_struct("conv_u8", view.name, [view.window(), *fields])
    _finish(code, view, threshold, f"conv_u8({conv}, {{threshold}}, {{x0}}, (int32_t *)({{s0}}), ")
    return code


def _finish(code: NodeCode, view: NodeView, threshold: NodeView | None, call: str) -> None:
    """Let the call write sums to the result, or to scratch memory where a threshold reads them."""
    if threshold is None:
        code.call = call.replace("{threshold}", "NULL") + "{out}, NULL)"
        return
    row = len(code.scratch)
    code.scratch.append(Buffer(False, view.gives.channels + LANES - 1))
    code.extra = 0
    address = threshold_struct(code, threshold)
    sums = f"(int32_t *)({{s{row}}}), {{out}})"
    code.call = call.replace("{threshold}", address) + sums


def conv_f32_bits(view: NodeView) -> NodeCode:
    """Binary weights on real numbers."""
    words = {"WEIGHTS": "binary weights", "LAYOUT": "word of 32 terms", "WEIGHT": "uint32_t"}
    words |= {"TERM": _BIT_TERM, "STEP": "(count + 31) / 32", "NAME": "conv_f32_bits"}
    weight = bits_by_term(view.node, _inputs(view))
    return _conv_reals(view, words, weight, view.node.attributes["padding_value"])


def conv_f32(view: NodeView) -> NodeCode:
    """Real weights on real numbers."""
    words = {"WEIGHTS": "real weights", "LAYOUT": "term", "WEIGHT": "float"}
    words |= {"TERM": "sums[lane] += weight[t * 8 + lane] * terms[t]", "STEP": "count"}
    return _conv_reals(view, words | {"NAME": "conv_f32"}, reals_by_term(view.node), 0)


def _conv_reals(view: NodeView, words: dict[str, str], weight: np.ndarray, padded: int) -> NodeCode:
    code = NodeCode([WINDOW, _GATHER, Snippet("conv_f32", words)], "")
    code.scratch.append(Buffer(True, _terms(view)))
    name = code.add_array(f"{view.name}_weight", weight)
    fields = [view.node.attributes["groups"], _outputs(view), _inputs(view), padded, name]
    conv = code.add_struct(words["NAME"], view.name, [view.window(), *fields])
    code.call = f"{words['NAME']}({conv}, {{x0}}, {{s0}}, {{out}})"
    return code


def _inputs(view: NodeView) -> int:
    return view.source.channels // view.node.attributes["groups"]


def _outputs(view: NodeView) -> int:
    return view.gives.channels // view.node.attributes["groups"]


def _terms(view: NodeView) -> int:
    return math.prod(view.node.attributes["kernel"]) * _inputs(view)
