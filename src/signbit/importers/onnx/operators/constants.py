"""Constants, and shapes that the file computes."""

import torch

from signbit.errors import printable
from signbit.importers.onnx._attributes import Kind
from signbit.importers.onnx._call import Call
from signbit.importers.onnx._operators import reads
from signbit.importers.onnx._shapes import SAMPLES, shape_array
from signbit.importers.onnx._tensors import tensor_of

_NUMBERS = {
    "value_float": torch.float32,
    "value_floats": torch.float32,
    "value_int": torch.int64,
    "value_ints": torch.int64,
}


@reads(
    "Constant",
    inputs=(0, 0),
    attributes={
        "value": Kind.TENSOR,
        "value_float": Kind.FLOAT,
        "value_floats": Kind.FLOATS,
        "value_int": Kind.INT,
        "value_ints": Kind.INTS,
    },
)
def _constant(call: Call) -> None:
    given = [name for name in ("value", *_NUMBERS) if call[name] is not None]
    if len(given) != 1:
        raise call.error(f"it has {len(given)} values; give one")
    (name,) = given
    if name == "value":
        call.give(
            tensor_of(f"{call.network.content.place}: {printable(call.node.label)}", call[name])
        )
    else:
        call.give(torch.tensor(call[name], dtype=_NUMBERS[name]))


@reads("ConstantOfShape", attributes={"value": Kind.TENSOR})
def _constant_of_shape(call: Call) -> None:
    if call.shape_of_samples(0) is not None:
        raise call.error("a constant gets the number of samples as a size")
    shape = call.whole(0)
    call.require_size(shape)
    fill = torch.zeros(1)
    if call["value"] is not None:
        place = f"{call.network.content.place}: {printable(call.node.label)}"
        fill = tensor_of(place, call["value"])
    if fill.numel() != 1:
        raise call.error(f"its value has {fill.numel()} elements; one is needed")
    call.give(fill.reshape(()).expand(shape))


@reads("Shape", attributes={"start": 0, "end": Kind.INT})
def _shape(call: Call) -> None:
    if call.shape_of_samples(0) is not None:
        call.give(torch.tensor(call.network.shapes[call.node.inputs[0]].shape))
        return
    shape = list(call.graph.example(call.value(0)).shape)
    entries = shape if call.is_constant(0) else [SAMPLES, *shape[1:]]
    call.give_shape(shape_array(entries[call["start"] : call["end"]]))


@reads("Size")
def _size(call: Call) -> None:
    call.give(torch.tensor(call.constant(0).numel()))
