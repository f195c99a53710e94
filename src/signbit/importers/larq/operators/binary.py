"""The operators that Larq Compute Engine adds to TensorFlow Lite.

Bit 1 of a word stands for -1, and channel c is bit c % 32 of word c // 32. sign(0) is +1.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from signbit.format.types import MAX_CHANNELS, MAX_ELEMENTS, MAX_SIDE
from signbit.importers.larq._call import Call
from signbit.importers.larq._geometry import SAME, VALID, Axis, axis
from signbit.importers.larq._operators import reads
from signbit.importers.larq.operators.pooling import windows

_WORD = 32
_MOST_CODE = 255


@reads("LceQuantize")
def _quantize(call: Call) -> None:
    call.emit(lambda x: torch.where(x < 0, -1.0, 1.0), call.value(0), is_bits=True)


@reads("LceDequantize")
def _dequantize(call: Call) -> None:
    call.emit(lambda x: x.clone(), call.value(0, is_bits=True))


@reads("LceBMaxPool2d")
def _max_pool(call: Call) -> None:
    options = call.custom()
    padding = options.number("padding", SAME, VALID)
    rows, columns = (
        axis(
            size,
            options.number(f"filter_{side}", 1, MAX_SIDE),
            options.number(f"stride_{side}", 1, MAX_SIDE),
            1,
            padding,
        )
        for side, size in zip(("height", "width"), call.shape(0)[1:], strict=True)
    )
    call.emit(windows(call, rows, columns), call.value(0, is_bits=True), is_bits=True)


@reads("LceBconv2d")
def _convolution(call: Call) -> None:
    options = call.custom()
    value, padding = call.value(0, is_bits=True), options.number("padding", SAME, VALID)
    channels, *sizes = call.shape(0)
    if options.number("channels_in", 1, MAX_CHANNELS) != channels:
        raise call.error(f"option 'channels_in' is not {channels}, the channels of its input")
    weight = _weights(call, channels)
    rows, columns = (
        axis(
            size,
            kernel,
            options.number(f"stride_{side}", 1, MAX_SIDE),
            options.number(f"dilation_{side}_factor", 1, MAX_SIDE),
            padding,
        )
        for side, size, kernel in zip(("height", "width"), sizes, weight.shape[2:], strict=True)
    )
    border = options.number("pad_values", 0, 1)
    ends = call.ends_of(options.number("fused_activation_function", 0, _MOST_CODE))
    to_bits = call.content.tensors[call.operator.outputs[0]].kind == "INT32"
    if border == 0 and padding == SAME:
        _require_zero_border(call, rows, columns, to_bits or ends is not None)
    end = _to_bits(call, weight) if to_bits else _to_numbers(call, weight, ends)

    def compute(x: Tensor, weight: Tensor, *more: Tensor) -> Tensor:
        sums = F.conv2d(
            _bordered(x, rows, columns, float(border)),
            weight,
            stride=(rows.stride, columns.stride),
            dilation=(rows.dilation, columns.dilation),
            groups=x.shape[1] // weight.shape[1],
        )
        return end.compute(sums, *more)

    call.emit(compute, value, call.constant(weight), *end.constants, is_bits=to_bits)


class _End:
    """What follows the sums of a convolution, and the constants that it reads."""

    def __init__(self, compute: Any, *constants: str):
        self.compute, self.constants = compute, constants


def _to_numbers(call: Call, weight: Tensor, clamp: tuple[float, float] | None) -> _End:
    """clamp(sum) * multiplier + bias.

    The engine of Larq computes it from the number of bits that differ: 2 * differing * -multiplier
    + (bias + taps * multiplier), where the bracket is rounded once from float64. Where only signs
    follow, this does the same: then rounding decides in the same way, and becomes part of a
    threshold. As real numbers, the two differ by rounding, and the first one is one operation.
    """
    multiplier, bias = _per_channel(call, 2, weight), _per_channel(call, 3, weight)
    taps = weight[0].numel()

    def clamped(sums: Tensor) -> Tensor:
        return sums if clamp is None else sums.clamp(*clamp)

    def as_larq(sums: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
        return (taps - clamped(sums)) * scale + offset

    def at_once(sums: Tensor, scale: Tensor, offset: Tensor, zeros: Tensor) -> Tensor:
        return F.batch_norm(clamped(sums), zeros, zeros + 1, scale, offset, eps=0)

    if call.ends_in_bits:
        moved = bias.astype(np.float64) + taps * multiplier.astype(np.float64)
        constants = (_on_map(-multiplier), _on_map(moved.astype(np.float32)))
        return _End(as_larq, *map(call.constant, constants))
    return _End(at_once, *map(call.constant, (multiplier, bias, np.zeros_like(bias))))


def _to_bits(call: Call, weight: Tensor) -> _End:
    """Bit 1, which is -1, where more bits differ than the threshold says."""
    taps = weight[0].numel()
    limits = call.array(4)
    if limits.dtype != np.int32 or limits.shape != weight.shape[:1]:
        raise call.error(f"thresholds {limits.dtype} {list(limits.shape)}; one int32 per channel")
    # No count comes near these bounds, and float32 holds them exactly.
    bounded = limits.clip(-1, taps + 1).astype(np.float32)

    def compute(sums: Tensor, limit: Tensor) -> Tensor:
        return torch.where((taps - sums) * 0.5 > limit, -1.0, 1.0)

    return _End(compute, call.constant(_on_map(bounded)))


def _weights(call: Call, channels: int) -> Tensor:
    """The weights as -1 and +1, (outputs, inputs of a group, height, width)."""
    words = call.array(1)
    if words.dtype != np.int32 or words.ndim != 4:
        raise call.error(f"its filter is {call.tensor(1).described}; INT32 with 4 axes is needed")
    if words.size > MAX_ELEMENTS // _WORD:
        raise call.error(f"its filter has {words.size} words; at most {MAX_ELEMENTS // _WORD}")
    outputs, *_, held = words.shape
    groups, left = divmod(-(-channels // _WORD), held)
    depth = channels // max(groups, 1)
    if left or channels % max(groups, 1) or -(-depth // _WORD) != held or outputs % max(groups, 1):
        raise call.error(
            f"its filter has {held} words of {_WORD} channels for each tap, and {outputs} outputs; "
            f"the input has {channels} channels"
        )
    bits = np.unpackbits(
        np.ascontiguousarray(words, "<i4").view(np.uint8), axis=-1, bitorder="little"
    )
    # Bits beyond the channels meet bits of the input that are 0: they count as differing.
    if bits[..., depth:].any():
        raise call.error(f"its filter has bits beyond its {depth} channels")
    signs = 1 - 2 * bits[..., :depth].astype(np.float32)
    return torch.from_numpy(signs).permute(0, 3, 1, 2).contiguous()


def _per_channel(call: Call, position: int, weight: Tensor) -> NDArray[np.float32]:
    array = call.array(position)
    if array.dtype != np.float32 or array.shape != weight.shape[:1]:
        raise call.error(f"{call.tensor(position).described}: one FLOAT32 per output is needed")
    return array


def _require_zero_border(call: Call, rows: Axis, columns: Axis, more: bool) -> None:
    """Refuse what Larq's own engine refuses, or computes in another way than it trains."""
    if more:
        raise call.error(
            "zero padding before a fused activation or bits; convert the network with pad_values=1"
        )
    for one in (rows, columns):
        if (one.kernel - 1) * one.dilation + 1 > one.size and one.before + one.after:
            raise call.error(
                f"its window is larger than its input of {rows.size}x{columns.size}; with zero "
                "padding, the engine of Larq does not correct the border of such a map"
            )


def _bordered(x: Tensor, rows: Axis, columns: Axis, value: float) -> Tensor:
    if not (rows.before or rows.after or columns.before or columns.after):
        return x
    return F.pad(x, (columns.before, columns.after, rows.before, rows.after), value=value)


def _on_map(numbers: NDArray[Any]) -> NDArray[Any]:
    return numbers.reshape(1, -1, 1, 1)
