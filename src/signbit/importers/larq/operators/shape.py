"""Operators that move values, and compute no new ones."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from signbit.importers.larq._call import (
    Call,
    axis_in_graph,
    channels_last,
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


@reads("PACK")
def _stack(call: Call) -> None:
    values = [call.value(position) for position in range(len(call.operator.inputs))]
    axis, rank = call.option("Axis"), len(call.shape(0)) + 2
    if not -rank <= axis < rank or axis % rank == 0:
        raise call.error(f"axis {axis} of {rank}; the batch cannot be stacked")

    def compute(*parts: Tensor) -> Tensor:
        return to_channels_first(torch.stack([*map(to_channels_last, parts)], axis))

    call.emit(compute, *values)


@reads("MIRROR_PAD")
def _mirror_pad(call: Call) -> None:
    amounts, mode = call.whole(1), call.option("Mode")
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))
    shape = channels_last((call.batch, *call.shape(0)))
    fits = len(pairs) == len(shape) and not any(pairs[0]) and mode in (0, 1)
    if not fits or any(max(pair) >= size for pair, size in zip(pairs, shape, strict=True)):
        raise call.error(f"mode {mode} and padding {pairs} of {list(shape)}")
    by = "reflect" if mode == 0 else "symmetric"
    _add_picks(
        call,
        [np.pad(np.arange(size), pair, by) for pair, size in zip(pairs, shape, strict=True)],
    )


@reads("STRIDED_SLICE")
def _strided_slice(call: Call) -> None:
    shape = channels_last((call.batch, *call.shape(0)))
    begin, end, step = map(call.whole, (1, 2, 3))
    if any(call.option(name) for name in ("EllipsisMask", "NewAxisMask", "Offset")):
        raise call.error("an ellipsis, a new axis or an offset cannot be read")
    if not len(begin) == len(end) == len(step) <= len(shape) or 0 in step:
        raise call.error(f"from {begin} to {end} by {step}")
    begins, ends, single = (call.option(f"{name}Mask") for name in ("Begin", "End", "ShrinkAxis"))
    picks = []
    for axis, size in enumerate(shape):
        every = np.arange(size)
        if axis >= len(step):
            picks.append(every)
        elif single >> axis & 1:
            picks.append(every[begin[axis]][None])
        else:
            first = None if begins >> axis & 1 else begin[axis]
            last = None if ends >> axis & 1 else end[axis]
            picks.append(every[first : last : step[axis]])
    _add_picks(call, picks)


@reads("SLICE")
def _slice(call: Call) -> None:
    shape = channels_last((call.batch, *call.shape(0)))
    begin, size = map(call.whole, (1, 2))
    if len(begin) != len(shape) or len(size) != len(shape) or min(begin) < 0 or min(size) < -1:
        raise call.error(f"from {begin}, {size} long, of {list(shape)}")
    ends = [None if long == -1 else start + long for start, long in zip(begin, size, strict=True)]
    every = zip(shape, begin, ends, strict=True)
    _add_picks(call, [np.arange(length)[start:end] for length, start, end in every])


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


def _add_picks(call: Call, picks: Sequence[NDArray[np.int64]]) -> None:
    """Take positions along each axis; then leave out axes as the file's shape of the result does.

    picks: for each axis of the file, the positions in their order.
    """
    value, before = call.value(0), channels_last((call.batch, *call.shape(0)))
    shape = call.content.tensors[call.operator.outputs[0]].shape
    changed = {
        axis: pick
        for axis, (pick, size) in enumerate(zip(picks, before, strict=True))
        if pick.tolist() != list(range(size))
    }
    if 0 in changed or not shape or shape[0] != call.batch:
        raise call.error("it takes some samples of the batch, or moves them")

    def compute(x: Tensor, *positions: Tensor) -> Tensor:
        found = to_channels_last(x)
        for axis, one in zip(changed, positions, strict=True):
            found = found.index_select(axis, one)
        return to_channels_first(found.reshape(len(x), *shape[1:]))

    call.emit(compute, value, *map(call.constant, changed.values()))


def _axis(call: Call, axis: int, position: int = 0) -> int:
    rank = len(call.shape(position)) + 1
    if not -rank <= axis < rank or axis % rank == 0:
        raise call.error(f"axis {axis} of {rank}; the batch cannot be joined or divided")
    return axis_in_graph(axis, rank)
