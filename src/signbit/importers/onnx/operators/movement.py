"""Operators that move elements, and compute no new numbers."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.importers.onnx._attributes import Kind
from signbit.importers.onnx._call import Call
from signbit.importers.onnx._operators import MANY, reads
from signbit.importers.onnx._shapes import shape_array


@reads("Transpose", attributes={"perm": Kind.INTS})
def _transpose(call: Call) -> None:
    rank, order = call.rank(0), call["perm"]
    order = list(range(rank))[::-1] if order is None else order
    if sorted(order) != list(range(rank)) or (not call.is_constant(0) and order[0] != 0):
        raise call.error(f"the order {order} of {rank} axes; the first must stay the samples")
    call.move(lambda x: x.permute(order), 0)


@reads("Concat", inputs=(1, MANY), attributes={"axis": Kind.INT})
def _concat(call: Call) -> None:
    axis = call["axis"]
    if axis is None:
        raise call.error("it has no axis")
    if any(call.shape_of_samples(position) is not None for position in call.positions):
        _concat_shapes(call)
        return
    positions = call.positions
    variable = [position for position in positions if not call.is_constant(position)]
    rank = call.rank(positions[0])
    axis = call.axis(axis, rank, bool(variable))
    for position in positions if variable else ():
        shape = call.graph.example(call.value(position)).shape
        # A constant is the same for all samples where the file was made for one.
        if len(shape) != rank or (
            position not in variable and (call.network.batch, shape[0]) != (1, 1)
        ):
            raise call.error(
                f"input {position} has the shape {list(shape)}, not one for each sample"
            )

    def compute(*parts: Tensor) -> Tensor:
        samples = max(len(part) for part in parts)
        full = [part.expand(samples, *part.shape[1:]) if variable else part for part in parts]
        return torch.cat(full, axis)

    call.move(compute, *positions)


def _concat_shapes(call: Call) -> None:
    found: list[Any] = []
    for position in call.positions:
        known = call.shape_of_samples(position)
        entries = call.whole(position) if known is None else known.reshape(-1).tolist()
        found += entries
    if call["axis"] not in (0, -1):
        raise call.error(f"axis {call['axis']} of shapes")
    call.give_shape(shape_array(found))


@reads("Split", inputs=(1, 2), attributes={"axis": 0, "split": Kind.INTS, "num_outputs": Kind.INT})
def _split(call: Call) -> None:
    axis = call.axis(call["axis"], call.rank(0), not call.is_constant(0))
    size = call.graph.example(call.value(0)).shape[axis]
    results = len(call.node.outputs)
    sizes = call.whole(1) if call.has(1) else call["split"]
    if sizes is None:
        each = -(-size // results)
        sizes = [*[each] * (results - 1), size - each * (results - 1)]
    if len(sizes) != results or sum(sizes) != size or min(sizes) < 0:
        raise call.error(f"parts of {sizes} for {results} results, of an axis of {size}")
    call.move(lambda x: torch.split(x, sizes, axis), 0, results=results)


@reads("Gather", inputs=(2, 2), attributes={"axis": 0})
def _gather(call: Call) -> None:
    places = call.constant(1)
    if places.dtype not in (torch.int64, torch.int32):
        raise call.error("its places must be whole numbers")
    known = call.shape_of_samples(0)
    if known is not None:
        call.give_shape(shape_array(known.take(places.numpy(), call["axis"])))
        return
    axis = call.axis(call["axis"], call.rank(0), not call.is_constant(0))
    size = call.graph.example(call.value(0)).shape[axis]
    if places.numel() and not -size <= int(places.min()) <= int(places.max()) < size:
        raise call.error(f"places outside of an axis of {size}")
    flat = places.long().reshape(-1) % max(size, 1)

    def compute(x: Tensor) -> Tensor:
        found = x.index_select(axis, flat.to(x.device))
        return found.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])

    call.move(compute, 0)


@reads(
    "Slice",
    inputs=(1, 5),
    # Since operator set 10, they are inputs.
    attributes={"starts": Kind.INTS, "ends": Kind.INTS, "axes": Kind.INTS},
)
def _slice(call: Call) -> None:
    starts, ends = (call.whole(1), call.whole(2)) if call.has(1) else (call["starts"], call["ends"])
    axes = call.whole(3) if call.has(3) else call["axes"]
    steps = call.whole(4) if call.has(4) else None
    if starts is None or ends is None or len(starts) != len(ends):
        raise call.error(f"from {starts} to {ends}")
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if not len(axes) == len(steps) == len(starts) or 0 in steps:
        raise call.error(f"axes {axes} and steps {steps} for {len(starts)} ends")
    known = call.shape_of_samples(0)
    if known is not None:
        if axes not in ([0], [-1]):
            raise call.error(f"axes {axes} of a shape")
        call.give_shape(known[starts[0] : ends[0] : steps[0]])
        return
    _slice_value(call, axes, [slice(*each) for each in zip(starts, ends, steps, strict=True)])


def _slice_value(call: Call, axes: list[int], slices: list[slice]) -> None:
    rank, is_constant = call.rank(0), call.is_constant(0)
    shape = list(call.graph.example(call.value(0)).shape)
    parts: dict[int, range] = {}
    for axis, part in zip(axes, slices, strict=True):
        if not is_constant and axis % rank == 0 and _takes_all(call, part):
            continue
        axis = call.axis(axis, rank, not is_constant)
        if axis in parts:
            raise call.error(f"axis {axis} twice")
        parts[axis] = range(*part.indices(shape[axis]))

    def compute(x: Tensor) -> Tensor:
        for axis, part in parts.items():
            x = _taken(x, axis, part)
        return x

    call.move(compute, 0)


def _taken(x: Tensor, axis: int, part: range) -> Tensor:
    """The elements at some places of an axis. Torch has no steps backwards."""
    if part.step < 0:
        last = x.shape[axis] - 1
        part = range(last - part.start, last - part.stop, -part.step)
        x = x.flip(axis)
    every = [slice(None)] * axis
    return x[(*every, slice(part.start, part.start + len(part) * part.step, part.step))]


def _takes_all(call: Call, part: slice) -> bool:
    """Whether a slice of the samples takes all of them, whatever their number."""
    open_end = part.stop >= (1 << 31) - 1
    return part.start == 0 and part.step == 1 and (open_end or part.stop == call.network.batch)


@reads(
    "Pad",
    inputs=(1, 4),
    # Since operator set 11, they are inputs.
    attributes={"mode": "constant", "pads": Kind.INTS, "value": 0.0},
)
def _pad(call: Call) -> None:
    rank, mode = call.rank(0), call["mode"]
    pads = call.whole(1) if call.has(1) else call["pads"]
    axes = call.whole(3) if call.has(3) else list(range(rank))
    if pads is None or len(pads) != 2 * len(axes) or mode not in ("constant", "reflect", "edge"):
        raise call.error(f"pads {pads} for the axes {axes}, mode {mode!r}")
    around = [(0, 0)] * rank
    for low, high, axis in zip(pads[: len(axes)], pads[len(axes) :], axes, strict=True):
        around[call.axis(axis, rank, (low, high) != (0, 0) and not call.is_constant(0))] = low, high
    amounts = [amount for pair in reversed(around) for amount in pair]
    while amounts[-2:] == [0, 0]:
        del amounts[-2:]
    if not amounts:
        call.pass_on(0)
    elif mode == "constant":
        fill = _fill(call)
        call.move(lambda x: F.pad(x, amounts, value=fill), 0)
    else:
        name = "replicate" if mode == "edge" else mode
        call.require_float(0)
        call.move(lambda x: F.pad(x, amounts, mode=name), 0)


def _fill(call: Call) -> float:
    if not call.has(2):
        return call["value"]
    call.require_one_type(0, 2)
    fill = call.constant(2)
    if fill.numel() != 1:
        raise call.error("it pads with several numbers")
    return float(fill)
