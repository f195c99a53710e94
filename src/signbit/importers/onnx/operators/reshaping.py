"""Other shapes for the same elements."""

import torch
from torch import Tensor

from signbit.importers.onnx._attributes import Kind
from signbit.importers.onnx._call import Call
from signbit.importers.onnx._operators import reads
from signbit.importers.onnx._shapes import SAMPLES, has_samples, resolved, shape_array


@reads("Flatten", attributes={"axis": 1})
def _flatten(call: Call) -> None:
    rank = call.rank(0)
    axis = call["axis"] + rank if call["axis"] < 0 else call["axis"]
    if call.is_constant(0):
        call.move(lambda x: x.reshape(x.shape[:axis].numel(), -1), 0)
        return
    if not 1 <= axis <= rank or any(size != 1 for size in call.sizes(0)[: axis - 1]):
        raise call.error(f"axis {axis}; 1 keeps the samples apart")
    call.move(lambda x: x.reshape(len(x), -1), 0)


@reads("Squeeze", inputs=(1, 2), attributes={"axes": Kind.INTS})
def _squeeze(call: Call) -> None:
    axes = _axes(call)
    known = call.shape_of_samples(0)
    if known is not None:
        call.give_shape(known.squeeze(None if axes is None else tuple(axes)))
        return
    rank, is_constant = call.rank(0), call.is_constant(0)
    shape = list(call.graph.example(call.value(0)).shape)
    if axes is None and is_constant:
        axes = [axis for axis, size in enumerate(shape) if size == 1]
    if axes is None:
        raise call.error("it has no axes, so it may remove that of the samples; give axes")
    found = [call.axis(axis, rank, not is_constant) for axis in axes]
    if any(shape[axis] != 1 for axis in found):
        raise call.error(f"axes {found} of the shape {shape} are not 1")
    call.move(lambda x: x.squeeze(found), 0)


@reads("Unsqueeze", inputs=(1, 2), attributes={"axes": Kind.INTS})
def _unsqueeze(call: Call) -> None:
    axes = _axes(call)
    if axes is None:
        raise call.error("it has no axes")
    known = call.shape_of_samples(0)
    rank = (call.rank(0) if known is None else known.ndim) + len(axes)
    of_samples = known is None and not call.is_constant(0)
    found = sorted({call.axis(axis, rank, of_samples) for axis in axes})
    if len(found) < len(axes) or rank > 8:
        raise call.error(f"axes {axes} of {rank}")
    if known is not None:
        for axis in found:
            known = known.reshape(*known.shape[:axis], 1, *known.shape[axis:])
        call.give_shape(known)
        return

    def compute(x: Tensor) -> Tensor:
        for axis in found:
            x = x.unsqueeze(axis)
        return x

    call.move(compute, 0)


def _axes(call: Call) -> list[int] | None:
    """The axes: an attribute, or an input since operator set 13."""
    if call.has(1):
        if call.opset < 13:
            raise call.error("its axes are an attribute before operator set 13, not an input")
        return call.whole(1)
    return call["axes"]


@reads("Reshape", inputs=(2, 2), attributes={"allowzero": 0})
def _reshape(call: Call) -> None:
    known = call.shape_of_samples(1)
    wanted = call.whole(1) if known is None else known.tolist()
    if call.shape_of_samples(0) is not None:
        if wanted not in ([-1], [len(call.network.shapes[call.node.inputs[0]])]):
            raise call.error(f"a shape becomes {wanted}")
        call.pass_on(0)
        return
    if call.is_constant(0):
        if has_samples(shape_array(wanted)):
            raise call.error("a constant gets the number of samples as a size")
        _reshape_constant(call, wanted)
        return
    sizes = resolved(wanted, call.sizes(0), call.network.batch, not call["allowzero"])
    call.move(lambda x: x.reshape(len(x), *sizes), 0)


def _reshape_constant(call: Call, wanted: list[int]) -> None:
    shape = list(call.constant(0).shape)
    if not call["allowzero"]:
        wanted = [shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    call.move(lambda x: x.reshape(wanted), 0)


@reads("Expand", inputs=(2, 2))
def _expand(call: Call) -> None:
    """An axis of 1 becomes longer. Where the wanted size is 1, the axis stays."""
    known = call.shape_of_samples(1)
    wanted = call.whole(1) if known is None else known.tolist()
    if call.is_constant(0):
        if has_samples(shape_array(wanted)):
            raise call.error("a constant gets the number of samples as a size")
        call.require_size(wanted)
        call.move(lambda x: torch.broadcast_to(x, torch.broadcast_shapes(x.shape, wanted)), 0)
        return
    sizes = call.sizes(0)
    if len(wanted) > len(sizes) + 1:
        raise call.error(f"from {sizes} to {wanted}: the first axis must stay the samples")
    wanted = [*[1] * (len(sizes) + 1 - len(wanted)), *wanted]
    if wanted[0] not in (SAMPLES, 1, call.network.batch) or SAMPLES in wanted[1:]:
        raise call.error(f"from {sizes} to {wanted}: the first axis must stay the samples")
    full = torch.broadcast_shapes(sizes, wanted[1:])
    call.require_size(full)
    call.move(lambda x: x.expand(len(x), *full), 0)
