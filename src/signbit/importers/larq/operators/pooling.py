"""Pooling, means and sums."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.importers.larq._call import Call, axis_in_graph
from signbit.importers.larq._geometry import Axis, axis
from signbit.importers.larq._operators import reads


@reads("MAX_POOL_2D", "AVERAGE_POOL_2D")
def _pool(call: Call) -> None:
    value, sizes = call.value(0), call.shape(0)[1:]
    kernel = (call.option("FilterHeight"), call.option("FilterWidth"))
    stride = (call.option("StrideH"), call.option("StrideW"))
    if min(*kernel, *stride) < 1 or len(sizes) != 2:
        raise call.error(f"window {kernel} and strides {stride} on a map {list(sizes)}")
    rows, columns = (
        axis(size, window, step, 1, call.padding())
        for size, window, step in zip(sizes, kernel, stride, strict=True)
    )
    activation = call.activation()
    compute = windows(call, rows, columns, is_mean=call.operator.kind == "AVERAGE_POOL_2D")
    call.emit(lambda x: activation(compute(x)), value)


def windows(
    call: Call, rows: Axis, columns: Axis, is_mean: bool = False
) -> Callable[[Tensor], Tensor]:
    """The maximum or mean of each window; positions outside of the map do not count."""
    kernel, stride = (rows.kernel, columns.kernel), (rows.stride, columns.stride)
    before, outputs = (rows.before, columns.before), (rows.outputs, columns.outputs)
    more: dict[str, Any] = {"count_include_pad": False} if is_mean else {}
    # Where the end needs more positions than the beginning, `ceil_mode` cuts the last window.
    more["ceil_mode"] = bool(max(rows.after, columns.after))

    def compute(x: Tensor) -> Tensor:
        pool = F.avg_pool2d if is_mean else F.max_pool2d
        found = pool(x, kernel, stride, before, **more)
        if tuple(found.shape[2:]) != outputs:
            raise call.error(
                f"a window of {kernel} with SAME padding on a map of {rows.size}x{columns.size} "
                "cannot be read"
            )
        return found

    return compute


@reads("MEAN", "SUM", "REDUCE_MAX")
def _reduce(call: Call) -> None:
    value, rank = call.value(0), len(call.shape(0)) + 1
    axes = sorted({axis_in_graph(one, rank) for one in call.whole(1)})
    keeps = bool(call.option("KeepDims"))
    if not axes or axes[0] == 0:
        raise call.error("it joins samples of the batch, or has no axes")
    left = rank - (0 if keeps else len(axes))
    if left >= 3 and 1 in axes and not keeps:
        raise call.error("it removes the channels of a map")
    reduce = {"MEAN": torch.mean, "SUM": torch.sum, "REDUCE_MAX": torch.amax}[call.operator.kind]
    call.emit(lambda x: reduce(x, axes, keepdim=keeps), value)
