"""Operators that QONNX and FINN put in the place of those of a trained network."""

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.importers.onnx._attributes import Kind
from signbit.importers.onnx._call import Call
from signbit.importers.onnx._operators import QONNX, reads


@reads("XnorPopcountMatMul", inputs=(2, 2), domains=QONNX)
def _matches(call: Call) -> None:
    """How many of the zeros and ones of a row are equal to those of a column."""
    weight = call.constant(1)
    call.require_float(0)
    call.require_one_type(0, 1)
    if weight.dim() != 2 or bool(((weight != 0) & (weight != 1)).any()):
        raise call.error("its second input must be a matrix of zeros and ones")
    if call.rank(0) < 2 or call.is_constant(0):
        raise call.error("its first input must be rows, one or more for each sample")
    call.note_weights()

    def compute(x: Tensor, weight: Tensor) -> Tensor:
        return ((2 * x - 1) @ (2 * weight - 1) + len(weight)) * 0.5

    call.emit(compute, 0, 1)


@reads(
    "Im2Col",
    attributes={
        "stride": Kind.INTS,
        "kernel_size": Kind.INTS,
        "input_shape": Kind.STRING,
        "pad_amount": Kind.INTS,
        "pad_value": 0,
        "depthwise": 0,
        "dilations": Kind.INTS,
    },
    domains=QONNX,
)
def _patches(call: Call) -> None:
    """For each position of a map with its channels last, the numbers of a window as one row."""
    kernel, stride = _pair(call, "kernel_size"), _pair(call, "stride")
    pads, dilation = call["pad_amount"] or [0] * 4, _pair(call, "dilations")
    call.require_float(0)
    if call.rank(0) != 4 or call.is_constant(0) or len(pads) != 4:
        raise call.error(f"window {kernel}, strides {stride}, pads {pads} on {call.sizes(0)}")
    if min(*kernel, *stride, *dilation) < 1 or min(pads) < 0 or max(pads) > 1 << 16:
        raise call.error(f"window {kernel}, strides {stride}, dilations {dilation}, pads {pads}")
    top, left, bottom, right = pads
    height, width, channels = call.sizes(0)
    sides = zip(
        (height + top + bottom, width + left + right), kernel, stride, dilation, strict=True
    )
    sizes = [(size - step * (taps - 1) - 1) // by + 1 for size, taps, by, step in sides]
    value, taps = float(call["pad_value"]), kernel[0] * kernel[1]
    call.require_size([*sizes, taps * channels])

    def compute(x: Tensor) -> Tensor:
        padded = F.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom), value=value)
        rows = F.unfold(padded, kernel, dilation, 0, stride)
        # From channel, tap, position to position, tap, channel. `depthwise` only says which
        # hardware FINN builds.
        found = rows.reshape(len(x), channels, taps, -1).permute(0, 3, 2, 1)
        return found.reshape(len(x), *sizes, taps * channels)

    call.emit(compute, 0)


@reads(
    "MaxPoolNHWC",
    attributes={
        "kernel_shape": Kind.INTS,
        "pads": Kind.INTS,
        "strides": Kind.INTS,
        "ceil_mode": 0,
    },
    domains=QONNX,
)
def _max_pool(call: Call) -> None:
    """A maximum over windows of a map with its channels last."""
    kernel, stride = _pair(call, "kernel_shape"), _pair(call, "strides")
    call.require_float(0)
    if call.rank(0) != 4 or min(*kernel, *stride) < 1:
        raise call.error(f"window {kernel}, strides {stride} on {call.sizes(0)}")
    if any(call["pads"] or []) or call["ceil_mode"]:
        raise call.error("pads or ceil_mode; pool with MaxPool")

    def compute(x: Tensor) -> Tensor:
        return torch.max_pool2d(x.permute(0, 3, 1, 2), kernel, stride).permute(0, 2, 3, 1)

    call.emit(compute, 0)


def _pair(call: Call, name: str) -> tuple[int, int]:
    """An attribute of two numbers, for height and width; 1 and 1 where the file lacks it."""
    values = call[name] or [1, 1]
    if len(values) != 2:
        raise call.error(f"{name} is {values}; give height and width")
    return values[0], values[1]
