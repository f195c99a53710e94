"""Convolutions and products with matrices of weights."""

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.importers._graph import Compute
from signbit.importers.onnx._attributes import Kind
from signbit.importers.onnx._call import FLOAT, Call
from signbit.importers.onnx._operators import reads
from signbit.importers.onnx._windows import WINDOW, window_of


@reads("MatMul", inputs=(2, 2))
def _matrix_product(call: Call) -> None:
    values = _values(call, 0, 1)
    call.require_one_type(0, 1)
    if values:
        ranks = call.rank(0), call.rank(1)
        (position,) = values
        shape = call.graph.example(call.value(1 - position)).shape
        least = 2 if position == 0 else 3
        fits = ranks[position] >= least and ranks[1 - position] <= ranks[position]
        if not fits or (ranks[0] == ranks[1] > 2 and shape[0] != 1):
            raise call.error(
                f"a product of values with {ranks[0]} and {ranks[1]} axes, which joins samples"
            )
    call.note_weights()
    call.emit(torch.matmul, 0, 1)


@reads(
    "Gemm",
    inputs=(2, 3),
    attributes={"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0},
)
def _gemm(call: Call) -> None:
    """alpha * x @ weight + beta * bias, rounded after each."""
    alpha, beta = call["alpha"], call["beta"]
    weight = _weight(call)
    if _values(call, *call.positions) != [0] or call["transA"] or call.rank(0) != 2:
        raise call.error("its first input must be rows, one for each sample, not transposed")
    bias = call.has(2)
    shape = call.constant(2).shape if bias else ()
    if len(shape) > 2 or (len(shape) == 2 and shape[0] != 1) or weight.dim() != 2:
        raise call.error(f"a bias of the shape {list(shape)} has another row for each sample")

    def compute(x: Tensor, weight: Tensor, *biases: Tensor) -> Tensor:
        product = x @ (weight.T if call["transB"] else weight)
        found = product if alpha == 1 else product * alpha
        for one in biases:
            found = found + (one if beta == 1 else one * beta)
        return found

    call.note_weights()
    call.emit(compute, *call.positions)


@reads("Conv", inputs=(2, 3), attributes={**WINDOW, "group": 1})
def _convolution(call: Call) -> None:
    """Sums first, then the bias, so that sums of whole numbers are exact."""
    weight, groups = _weight(call), call["group"]
    window = window_of(call, list(weight.shape[2:]))
    axes = len(window.kernel)
    if axes not in (1, 2) or groups < 1 or call.sizes(0)[0] != weight.shape[1] * groups:
        raise call.error(
            f"weights {list(weight.shape)} in {groups} groups for a value {call.sizes(0)}; "
            "convolutions of one and two dimensions can be read"
        )
    convolve = (F.conv1d, F.conv2d)[axes - 1]
    even = window.before == window.after

    def compute(x: Tensor, weight: Tensor, *biases: Tensor) -> Tensor:
        padded = x if even else F.pad(x, window.around)
        padding = window.before if even else [0] * axes
        found = convolve(padded, weight, None, window.stride, padding, window.dilation, groups)
        return found + biases[0].reshape(-1, *[1] * axes) if biases else found

    _emit_with_bias(call, compute, weight.shape[0])


@reads(
    "ConvTranspose",
    inputs=(2, 3),
    attributes={
        **{**WINDOW, "group": 1},
        "output_padding": Kind.INTS,
        "output_shape": Kind.INTS,
    },
)
def _transposed(call: Call) -> None:
    weight, groups = _weight(call), call["group"]
    window = window_of(call, list(weight.shape[2:]))
    axes = len(window.kernel)
    more = call["output_padding"] or [0] * axes
    if axes not in (1, 2) or call["output_shape"] or call["auto_pad"] != "NOTSET":
        raise call.error(
            "its size must come from pads and output_padding, in one or two dimensions"
        )
    if window.before != window.after:
        raise call.error(f"pads {window.before} and {window.after}; they must be the same")
    convolve = (F.conv_transpose1d, F.conv_transpose2d)[axes - 1]

    def compute(x: Tensor, weight: Tensor, *biases: Tensor) -> Tensor:
        stride, dilation = window.stride, window.dilation
        found = convolve(x, weight, None, stride, window.before, more, groups, dilation)
        return found + biases[0].reshape(-1, *[1] * axes) if biases else found

    _emit_with_bias(call, compute, weight.shape[1] * groups)


def _emit_with_bias(call: Call, compute: Compute, channels: int) -> None:
    call.require_float(0)
    if call.has(2) and call.constant(2).shape != (channels,):
        raise call.error(f"a bias of the shape {list(call.constant(2).shape)}, not [{channels}]")
    call.require_one_type(*call.positions)
    if _values(call, *call.positions) != [0]:
        raise call.error("its first input must be the value, the others constants")
    call.note_weights()
    call.emit(compute, *call.positions)


def _weight(call: Call) -> Tensor:
    weight = call.constant(1)
    if weight.dtype != FLOAT:
        raise call.error(f"its weights are {weight.dtype}; float32 is needed")
    return weight


def _values(call: Call, *positions: int) -> list[int]:
    """The inputs that depend on those of the network. At most one may."""
    found = [position for position in positions if not call.is_constant(position)]
    call.require_float(*found)
    if len(found) > 1:
        raise call.error("a product of two values that depend on the input has no packed form")
    return found
