"""Operators that move values, and compute no new ones."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.importers.larq._call import (
    Call,
    axis_in_graph,
    to_channels_first,
    to_channels_last,
)
from signbit.importers.larq._operators import reads


@reads("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def _reshape(call: Call) -> None:
    """The file says the shape of the result, so it is not computed again."""
    value = call.value(0)
    shape = call.content.tensors[call.operator.outputs[0]].shape
    # It must not join samples, or divide them.
    if not shape or shape[0] != call.batch or math.prod(shape[1:]) != math.prod(call.shape(0)):
        raise call.error(
            f"from {call.tensor(0).described} to {list(shape)}: the first axis must stay the batch"
        )
    call.emit(lambda x: to_channels_first(to_channels_last(x).reshape(len(x), *shape[1:])), value)


@reads("TRANSPOSE")
def _transpose(call: Call) -> None:
    value, rank = call.value(0), len(call.shape(0)) + 1
    order = call.whole(1)
    if sorted(order) != list(range(rank)) or order[0] != 0:
        raise call.error(f"the order {order}; the first axis must stay the batch")
    call.emit(lambda x: to_channels_first(to_channels_last(x).permute(order)), value)


@reads("CONCATENATION")
def _concatenate(call: Call) -> None:
    values = [call.value(position) for position in range(len(call.operator.inputs))]
    axis = _axis(call, call.option("Axis"))
    activation = call.activation()
    call.emit(lambda *parts: activation(torch.cat(parts, axis)), *values)


@reads("SPLIT")
def _split(call: Call) -> None:
    value, axis = call.value(1), _axis(call, call.whole(0)[0], 1)
    parts = len(call.operator.outputs)
    call.emit(lambda x: torch.tensor_split(x, parts, axis), value)


@reads("SPLIT_V")
def _split_sizes(call: Call) -> None:
    value, axis = call.value(0), _axis(call, call.whole(2)[0])
    sizes = call.whole(1)
    call.emit(lambda x: torch.split(x, sizes, axis), value)


@reads("PAD", "PADV2")
def _pad(call: Call) -> None:
    value, rank = call.value(0), len(call.shape(0)) + 1
    amounts = call.whole(1)
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))
    fill = float(call.array(2).reshape(-1)[0]) if call.has(2) else 0.0
    if len(pairs) != rank or any(pairs[0]) or min(map(min, pairs)) < 0:
        raise call.error(f"padding {pairs}; a pair for each axis is needed, none for the batch")
    in_graph = [(0, 0)] * rank
    for axis, pair in enumerate(pairs):
        in_graph[axis_in_graph(axis, rank)] = pair
    around = [amount for pair in reversed(in_graph) for amount in pair]
    call.emit(lambda x: F.pad(x, around, value=fill), value)


@reads("STRIDED_SLICE")
def _strided_slice(call: Call) -> None:
    value, shape = call.value(0), call.tensor(0).shape
    begin, end, step = map(call.whole, (1, 2, 3))
    masks = [call.option(name) for name in ("BeginMask", "EndMask", "ShrinkAxisMask")]
    unread = ("EllipsisMask", "NewAxisMask", "Offset")
    if masks[2] or any(call.option(name) for name in unread):
        raise call.error("an ellipsis, a new axis, one that is removed or an offset cannot be read")
    if not len(begin) == len(end) == len(step) <= len(shape) or min(step, default=1) < 1:
        raise call.error(f"from {begin} to {end} by {step}; steps of 1 and more can be read")
    slices = [
        slice(
            None if masks[0] >> axis & 1 else begin[axis],
            None if masks[1] >> axis & 1 else end[axis],
            step[axis],
        )
        for axis in range(len(step))
    ]
    _add_slices(call, value, slices)


@reads("SLICE")
def _slice(call: Call) -> None:
    begin, size = map(call.whole, (1, 2))
    if len(begin) != len(size) or min(begin, default=0) < 0 or min(size, default=0) < -1:
        raise call.error(f"from {begin}, {size} long")
    ends = [None if long == -1 else start + long for start, long in zip(begin, size, strict=True)]
    _add_slices(call, call.value(0), [slice(*pair) for pair in zip(begin, ends, strict=True)])


@reads("SPACE_TO_DEPTH")
def _space_to_depth(call: Call) -> None:
    """Channels of a block follow each other, all channels of one position first."""
    side = call.option("BlockSize")

    def compute(x: Tensor) -> Tensor:
        samples, channels, height, width = x.shape
        blocks = x.reshape(samples, channels, height // side, side, width // side, side)
        return blocks.permute(0, 3, 5, 1, 2, 4).reshape(samples, -1, height // side, width // side)

    call.emit(compute, call.value(0))


@reads("DEPTH_TO_SPACE")
def _depth_to_space(call: Call) -> None:
    side = call.option("BlockSize")

    def compute(x: Tensor) -> Tensor:
        samples, channels, height, width = x.shape
        blocks = x.reshape(samples, side, side, channels // side**2, height, width)
        return blocks.permute(0, 3, 4, 1, 5, 2).reshape(samples, -1, height * side, width * side)

    call.emit(compute, call.value(0))


def _add_slices(call: Call, value: str, slices: list[slice]) -> None:
    if slices and len(range(*slices[0].indices(call.batch))) != call.batch:
        raise call.error("it takes some samples of the batch")
    every = (slice(None), *slices[1:])
    call.emit(lambda x: to_channels_first(to_channels_last(x)[every]), value)


def _axis(call: Call, axis: int, position: int = 0) -> int:
    rank = len(call.shape(position)) + 1
    if not -rank <= axis < rank or axis % rank == 0:
        raise call.error(f"axis {axis} of {rank}; the batch cannot be joined or divided")
    return axis_in_graph(axis, rank)
