"""Pooling, means, sums, highest and lowest numbers."""

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.importers.onnx._attributes import Kind
from signbit.importers.onnx._call import Call
from signbit.importers.onnx._operators import reads
from signbit.importers.onnx._windows import WINDOW, Window, window_of

_REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "ReduceMax": torch.amax,
    "ReduceMean": torch.mean,
    "ReduceMin": torch.amin,
    "ReduceSum": torch.sum,
}


@reads("MaxPool", attributes={**WINDOW, "ceil_mode": 0, "storage_order": 0})
def _max_pool(call: Call) -> None:
    """Positions outside of the map do not count."""
    window = _pool_window(call)
    call.require_float(0)
    pool = (F.max_pool1d, F.max_pool2d)[len(window.kernel) - 1]
    halves = [reach // 2 for reach in window.reach]
    even = window.before == window.after and window.before <= halves

    def compute(x: Tensor) -> Tensor:
        padded = x if even else F.pad(x, window.around, value=-torch.inf)
        padding = window.before if even else [0] * len(window.kernel)
        return pool(padded, window.kernel, window.stride, padding, window.dilation)

    call.emit(compute, 0)


@reads("AveragePool", attributes={**WINDOW, "ceil_mode": 0, "count_include_pad": 0})
def _average_pool(call: Call) -> None:
    """Positions outside of the map count as zeros, or do not count."""
    window = _pool_window(call)
    call.require_float(0)
    if max(window.dilation) > 1:
        raise call.error(f"dilations {window.dilation}; means over neighbours can be read")
    pool = (F.avg_pool1d, F.avg_pool2d)[len(window.kernel) - 1]
    if call["count_include_pad"] or not any(window.around):
        call.emit(lambda x: pool(F.pad(x, window.around), window.kernel, window.stride), 0)
        return
    outputs = _outputs(window)
    halves = [size // 2 for size in window.kernel]
    if all(before <= half for before, half in zip(window.before, halves, strict=True)):
        example = call.graph.example(call.value(0))
        found = _uncounted(example, window, pool).shape[2:]
        if all(size >= wanted for size, wanted in zip(found, outputs, strict=True)):
            call.emit(lambda x: _cut(_uncounted(x, window, pool), outputs), 0)
            return
    _emit_quotient(call, window)


def _uncounted(x: Tensor, window: Window, pool: Callable[..., Tensor]) -> Tensor:
    """Torch pads both ends alike, and with ceil_mode one window more at the high end."""
    return pool(x, window.kernel, window.stride, window.before, True, False)


def _cut(x: Tensor, sizes: list[int]) -> Tensor:
    """Without the windows at the high end that are too many."""
    for axis, size in enumerate(sizes, 2):
        x = x.narrow(axis, 0, size)
    return x


def _emit_quotient(call: Call, window: Window) -> None:
    """Sums of each window, divided by how many positions of the map it has."""
    if len(window.kernel) != 2:
        raise call.error(f"pads {window.before} and {window.after} cannot be read")
    ones = torch.ones(1, 1, *window.sizes)

    def summed(x: Tensor) -> Tensor:
        padded = F.pad(x, window.around)
        return F.avg_pool2d(padded, window.kernel, window.stride, divisor_override=1)

    call.emit(lambda x: summed(x) / summed(ones.to(x.device)), 0)


def _outputs(window: Window) -> list[int]:
    rows = zip(
        *(window.sizes, window.before, window.after, window.reach, window.stride), strict=True
    )
    return [(low + size + high - reach) // step + 1 for size, low, high, reach, step in rows]


def _pool_window(call: Call) -> Window:
    """With ceil_mode, the high end is padded so far that the last window fits."""
    window = window_of(call)
    if len(window.kernel) > 2:
        raise call.error("pooling of one and two dimensions can be read")
    if call["ceil_mode"]:
        window = _ceiled(call, window)
    for size, before, after, reach in zip(
        window.sizes, window.before, window.after, window.reach, strict=True
    ):
        # The last window may end before the padding does.
        if before >= reach or after >= reach or before + size + after < reach:
            raise call.error(
                f"window {window.kernel} with pads {window.before} and {window.after} on a map "
                f"{window.sizes}: a window outside of the map has no value"
            )
    return window


def _ceiled(call: Call, window: Window) -> Window:
    after = list(window.after)
    for axis, (size, reach, step) in enumerate(
        zip(window.sizes, window.reach, window.stride, strict=True)
    ):
        before = window.before[axis]
        padded = before + size + after[axis]
        outputs = -(-(padded - reach) // step) + 1
        # A window that would begin in the padding after the map is left out.
        if (outputs - 1) * step >= before + size:
            outputs -= 1
        missing = max((outputs - 1) * step + reach - padded, 0)
        if missing and call.node.kind == "AveragePool" and call["count_include_pad"]:
            raise call.error(
                "ceil_mode with count_include_pad: runtimes disagree how many positions count"
            )
        after[axis] += missing
    return replace(window, after=after)


@reads("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(call: Call) -> None:
    call.require_float(0)
    axes = list(range(2, call.rank(0)))
    if not axes:
        raise call.error(f"a value {call.sizes(0)} has no positions")
    pool = torch.mean if call.node.kind == "GlobalAveragePool" else torch.amax
    call.emit(lambda x: pool(x, axes, keepdim=True), 0)


@reads(
    *_REDUCTIONS,
    inputs=(1, 2),
    attributes={"axes": Kind.INTS, "keepdims": 1, "noop_with_empty_axes": 0},
)
def _reduce(call: Call) -> None:
    """The axes are an attribute or an input, by the version of the operator set."""
    if call.has(1) and call["axes"] is not None:
        raise call.error("its axes are given twice")
    given = call.whole(1) if call.has(1) else call["axes"] or []
    is_constant, rank = call.is_constant(0), call.rank(0)
    if not given and call["noop_with_empty_axes"]:
        call.pass_on(0)
        return
    call.require_float(0)
    axes = sorted({call.axis(axis, rank, not is_constant) for axis in given})
    if not axes and not is_constant:
        raise call.error("it joins all numbers of all samples; give axes")
    reduce, keeps = _REDUCTIONS[call.node.kind], bool(call["keepdims"])
    call.emit(lambda x: reduce(x, axes or list(range(rank)), keepdim=keeps), 0)


@reads("Softmax", "LogSoftmax", attributes={"axis": Kind.INT})
def _softmax(call: Call) -> None:
    """Up to operator set 12, all axes from the given one on are one row."""
    call.require_float(0)
    flattens = call.opset < 13
    rank = call.rank(0)
    given = call["axis"] if call["axis"] is not None else (1 if flattens else -1)
    axis = call.axis(given, rank, not call.is_constant(0))
    softmax = F.softmax if call.node.kind == "Softmax" else F.log_softmax
    if not flattens or axis == rank - 1:
        call.emit(lambda x: softmax(x, axis), 0)
    else:
        call.emit(lambda x: softmax(x.flatten(axis), axis).reshape(x.shape), 0)
