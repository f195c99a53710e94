"""Convolutions and products with matrices of weights."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from signbit.pack._draft import Step
from signbit.pack._layout import Placed, as_map, placed, without_border
from signbit.pack._nodes import affine
from signbit.pack._pointwise import function, laid_out
from signbit.pack._rule import RuleCall, as_positions
from signbit.pack._transposed import transposed
from signbit.pack._weighted import Window, one_size, weighted, with_bias
from signbit.pack.rules import rules


@rules.register("convolution")
def convolution(c: RuleCall) -> Placed:
    """A convolution of one or two dimensions, or a transposed one."""
    return _convolved(c)


@rules.register("_convolution")
def convolution_of_a_trace(c: RuleCall) -> Placed:
    """A convolution, as traced modules call it."""
    return _convolved(c)


@rules.register("addmm")
def addmm(c: RuleCall) -> Placed:
    """A linear layer: rows times a matrix, and a bias."""
    beta, alpha = float(c["beta"]), float(c["alpha"])
    bias = c.constant("self").float() * beta
    return _linear(c, "mat1", c.constant("mat2").float() * alpha, bias)


@rules.register("mm")
def mm(c: RuleCall) -> Placed:
    """Rows times a matrix."""
    return _linear(c, "self", c.constant("mat2").float(), None)


@rules.register("bmm")
def bmm(c: RuleCall) -> Placed:
    """Rows times one matrix, or one matrix times columns; all images have the same matrix."""
    return _product(c)


def _product(c: RuleCall) -> Placed:
    if not c.is_value("self"):
        return _from_left(c)
    matrices = c.constant("mat2").float()
    if not bool((matrices == matrices[:1]).all()):
        c.refuse("products with several matrices at once; multiply a part of the value by each")
    return _linear(c, "self", matrices[0], None)


@rules.register("baddbmm")
def baddbmm(c: RuleCall) -> Placed:
    """alpha times the product of bmm, plus beta times a bias."""
    arguments = {"self": c["batch1"], "mat2": c["batch2"]}
    product = _product(c.run_as("bmm", torch.ops.aten.bmm.default, arguments))
    alpha, bias = float(c["alpha"]), c.constant("self").float() * float(c["beta"])
    laid, found = laid_out(c, product, {"bias": bias})
    shift = found["bias"]
    step = function(
        c, laid.step, lambda rows: rows * alpha + shift, torch.tensor(alpha), affine(alpha, shift)
    )
    step.exact = math.frexp(alpha)[0] in (-0.5, 0.5)
    return Placed(step, laid.shape, laid.index)


@rules.register("mv")
def mv(c: RuleCall) -> Placed:
    """Rows times a vector."""
    return _linear(c, "self", c.constant("vec").float()[:, None], None)


def _convolved(c: RuleCall) -> Placed:
    weight = c.constant("weight").float()
    if weight.ndim not in (3, 4):
        c.refuse(f"a convolution of {weight.ndim - 2} dimensions; give one or two")
    if weight.ndim == 3:
        weight = weight[:, :, None]
    stride, dilation = (_pair(c[name], 1) for name in ("stride", "dilation"))
    top, left = _pair(c["padding"], 0)
    if c["transposed"]:
        step = transposed(c, weight, stride, (top, left), dilation)
        return c.usual(with_bias(c, step, c.optional("bias")))
    window = Window(stride, (top, left, top, left), dilation, int(c["groups"]))
    value, fill = c.value("input"), 0.0
    # Real weights are padded with zeros alone.
    if value.fill == 0 or (value.fill is not None and one_size(weight) is not None):
        value, window, fill = _without_padding(value, window)
    step = weighted(c, as_map(value, c.place), weight, window, fill)
    return c.usual(with_bias(c, step, c.optional("bias")))


def _without_padding(value: Placed, window: Window) -> tuple[Placed, Window, float]:
    """Split a map with a border of one constant into the map inside and wider padding."""
    if value.fill is None or (any(window.padding) and value.fill != 0):
        return value, window, 0.0
    inside, border = without_border(value)
    padding: Any = tuple(a + b for a, b in zip(window.padding, border, strict=True))
    return inside, window._replace(padding=padding), value.fill if any(border) else 0.0


def _linear(c: RuleCall, name: str, matrix: Tensor, bias: Tensor | None) -> Placed:
    """Rows times a matrix, (in, out)."""
    value = c.value(name)
    width, out = matrix.shape
    rows = math.prod(value.shape) // width
    bias = None if bias is None else bias.expand(out)
    if rows == 1:
        source, kernel = _whole_map(c, value, matrix)
        step = with_bias(c, weighted(c, source, kernel, Window()), bias)
        return placed(step, c.image_shape, torch.arange(out))
    source = as_positions(c, value, rows, width)
    step = with_bias(c, weighted(c, source, matrix.T[:, :, None, None], Window()), bias)
    return placed(step, c.image_shape, torch.arange(rows * out))


def _from_left(c: RuleCall) -> Placed:
    """(batch, out, in) times (batch, in, columns): the columns are positions of a map."""
    matrices = c.constant("self").float()
    if len(matrices) == 1:
        c.refuse(
            "the batch lies among the columns, where torch.einsum puts it if the weight comes "
            "first; name the value first, or call weight @ value"
        )
    if not bool((matrices == matrices[:1]).all()) or len(matrices) != 2:
        c.refuse("products with several matrices at once; multiply a part of the value by each")
    return c.usual(weighted(c, c.map("mat2"), matrices[0][:, :, None, None], Window()))


def _whole_map(c: RuleCall, value: Placed, matrix: Tensor) -> tuple[Step, Tensor]:
    """Read a row that is a map in any order in place, with a kernel as large as the map."""
    if not value.covers:
        return as_map(value, c.place, (len(matrix),)), matrix.T[:, :, None, None]
    places, kernel = value.places().reshape(-1), matrix
    if not torch.equal(places, torch.arange(len(places))):
        kernel = torch.empty_like(matrix)
        kernel[places] = matrix
    height, width, channels = value.step.size
    return value.step, kernel.T.reshape(-1, height, width, channels).permute(0, 3, 1, 2)


def _pair(values: Sequence[int], neutral: int) -> tuple[int, int]:
    """Height and width. A single dimension is the width."""
    values = tuple(values)
    return (neutral, values[0]) if len(values) == 1 else (values[-2], values[-1])
