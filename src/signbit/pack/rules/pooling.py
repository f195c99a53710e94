"""The highest or the mean of windows."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from signbit.pack._draft import Conv, MaxPool, Move, Size, Step
from signbit.pack._layout import (
    Placed,
    as_map,
    as_row,
    placed,
    usual_places,
    usual_size,
    without_border,
)
from signbit.pack._nodes import scaled
from signbit.pack._pairs import constant_step
from signbit.pack._resample import resampled
from signbit.pack._rule import RuleCall, then
from signbit.pack.rules import rules

_NO_PADDING = ((0, False, None), ([0, 0, 0], False, None), ([0], False, None))


@rules.register("max_pool2d_with_indices")
def max_pool(c: RuleCall) -> list[Placed | None]:
    """A maximum over windows; the indices cannot be read."""
    return [_highest(c), None]


@rules.register("max_pool2d")
def max_pool_alone(c: RuleCall) -> Placed:
    """A maximum over windows."""
    return _highest(c)


@rules.register("avg_pool2d")
def avg_pool(c: RuleCall) -> Placed:
    """A mean over windows."""
    source = c.map("self")
    attributes = _window(c, source, (1, 1))
    del attributes["dilation"]
    if c["divisor_override"] is not None:
        attributes["count_padding"] = True
        step: Step = c.real("avg_pool", (source,), _size(c), **attributes)
        taps = attributes["kernel"][0] * attributes["kernel"][1]
        return c.usual(then(c, step, [scaled(taps / int(c["divisor_override"]))]))
    if c["ceil_mode"] and any(_sides(c["padding"])) and c["count_include_pad"]:
        c.refuse(
            "average pooling with ceil_mode counts some of the padding; give "
            "count_include_pad=False"
        )
    # The padding that ceil_mode adds after the map is never counted.
    counts = bool(c["count_include_pad"]) and not c["ceil_mode"]
    return c.usual(c.real("avg_pool", (source,), _size(c), **attributes, count_padding=counts))


@rules.register("avg_pool3d")
def avg_pool_of_channels(c: RuleCall) -> Placed:
    """A mean over neighbouring channels, as local response norm computes it."""
    value, window = c.value("self"), int(c["kernel_size"][0])
    plain = (c["padding"], c["ceil_mode"], c["divisor_override"]) in _NO_PADDING
    if len(value.shape) != 4 or value.shape[0] != 1 or list(c["kernel_size"][1:]) != [1, 1]:
        c.refuse("pooling of three dimensions; pool one or two")
    if not plain or any(int(one) != 1 for one in c["stride"]):
        c.refuse("pooling of channels with padding or a stride; pad before")
    channels = value.shape[1]
    source = as_map(Placed(value.step, value.shape[1:], value.places()[0], value.fill), c.place)
    mean = torch.zeros(channels - window + 1, channels)
    for row in range(len(mean)):
        mean[row, row : row + window] = 1 / window
    size = (*source.size[:2], len(mean))
    step = Conv(c.place, (source,), size, mean[:, :, None, None], False)
    return placed(step, c.image_shape, usual_places(c.image_shape[1:])[None])


@rules.register("_adaptive_avg_pool2d")
def adaptive_avg_pool(c: RuleCall) -> Placed:
    """A mean over windows that may have several sizes."""
    source, size = c.map("self"), _size(c)
    kernel = _even(source, size)
    if kernel is None:
        return _uneven_means(c, source, size)
    attributes: dict[str, Any] = {"kernel": kernel, "stride": kernel, "padding": (0, 0, 0, 0)}
    return c.usual(c.real("avg_pool", (source,), size, **attributes, count_padding=False))


def _uneven_means(c: RuleCall, source: Step, size: Size) -> Placed:
    """Sums, then quotients, as in torch: sums of whole numbers are not rounded."""

    def summed(x: torch.Tensor, sides: list[int]) -> torch.Tensor:
        return (torch.ops.aten._adaptive_avg_pool2d(x, sides) != 0).float()

    row = as_row(c.usual(resampled(c, source, summed, size)), c.place)
    step, (height, width, channels) = row.step, size
    counts = [
        summed(torch.eye(side)[:, None, :, None], [wanted, 1]).sum(0).reshape(wanted)
        for side, wanted in zip(source.size[:2], size[:2], strict=True)
    ]
    for count in (counts[1].expand(height, width), counts[0][:, None].expand(height, width)):
        divisor = constant_step(c, count.expand(channels, height, width).reshape(-1), step)
        step = c.real("binary", (step, divisor), step.size, function="divide")
    return Placed(step, c.image_shape, row.index)


@rules.register("adaptive_max_pool2d")
def adaptive_max_pool(c: RuleCall) -> list[Placed | None]:
    """A maximum over windows that may have several sizes.

    Windows that are smaller than the largest one read some of their numbers twice.
    """
    source, size = c.map("self"), _size(c)
    kernel = _even(source, size)
    if kernel is None:
        source, kernel = _repeated(c, source, size)
    attributes = {
        "kernel": kernel,
        "stride": kernel,
        "padding": (0, 0, 0, 0),
        "dilation": (1, 1),
    }
    return [c.usual(MaxPool(c.place, (source,), size, attributes)), None]


def _highest(c: RuleCall) -> Placed:
    value, dilation = c.value("self"), _sides(c["dilation"])
    source = as_map(value, c.place)
    attributes = _window(c, source, dilation)
    if value.fill == -math.inf:
        # Numbers that are never the highest are the padding of a maximum.
        inside, border = without_border(value)
        padding = tuple(a + b for a, b in zip(attributes["padding"], border, strict=True))
        reach = [
            step * (size - 1) + 1 for step, size in zip(dilation, attributes["kernel"], strict=True)
        ]
        core = as_map(inside, c.place)
        # Each window must meet the map, also where it has gaps.
        fits = all(amount < reach[side % 2] for side, amount in enumerate(padding))
        if fits and all(step <= size for step, size in zip(dilation, core.size[:2], strict=True)):
            source, attributes = core, {**attributes, "padding": padding}
    return c.usual(MaxPool(c.place, (source,), _size(c), attributes))


def _size(c: RuleCall) -> Size:
    size = usual_size(c.image_shape)
    assert size is not None
    return size


def _even(source: Step, size: Size) -> tuple[int, int] | None:
    """The window, where all have one size."""
    if any(side % wanted for side, wanted in zip(source.size[:2], size[:2], strict=True)):
        return None
    return source.size[0] // size[0], source.size[1] // size[1]


def _repeated(c: RuleCall, source: Step, size: Size) -> tuple[Step, tuple[int, int]]:
    height, width, channels = source.size
    tables: list[torch.Tensor] = []
    kernel: list[int] = []
    for side, wanted, step in ((height, size[0], width * channels), (width, size[1], channels)):
        starts = [i * side // wanted for i in range(wanted)]
        ends = [-(-(i + 1) * side // wanted) for i in range(wanted)]
        longest = max(end - start for start, end in zip(starts, ends, strict=True))
        places = [
            min(start + i, end - 1)
            for start, end in zip(starts, ends, strict=True)
            for i in range(longest)
        ]
        tables.append(torch.tensor(places) * step)
        kernel.append(longest)
    new = (len(tables[0]), len(tables[1]), channels)
    step = Move(c.place, (source,), new, tables[0], tables[1], torch.arange(channels), None)
    return step, (kernel[0], kernel[1])


def _window(c: RuleCall, source: Step, dilation: tuple[int, int]) -> dict[str, Any]:
    """The attributes of a window; ceil_mode becomes padding at the far sides."""
    kernel = _sides(c["kernel_size"])
    stride = _sides(c["stride"]) if len(c["stride"] or ()) else kernel
    before = _sides(c["padding"])
    far = []
    for axis, wanted in enumerate(_size(c)[:2]):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        needed = (wanted - 1) * stride[axis] + reach
        far.append(max(needed - source.size[axis] - before[axis], 0))
    return {
        "kernel": kernel,
        "stride": stride,
        "padding": (*before, *far),
        "dilation": dilation,
    }


def _sides(values: Sequence[int] | int) -> tuple[int, int]:
    """Height and width; one number is for both."""
    if isinstance(values, int):
        return values, values
    values = tuple(values)
    return (values[0], values[0]) if len(values) == 1 else (values[0], values[1])
