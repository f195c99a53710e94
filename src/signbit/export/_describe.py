"""The part of the manifest that is the same for every format."""

from typing import Any

from signbit.export._interface import ExportRequest
from signbit.format import Output, PackedModel
from signbit.runtime.samples import value_shape

CONVENTIONS = {
    "bits": "a bit 1 stands for +1, 0 for -1; the sign of zero is -1",
    "dot": "for n bits: 2 * popcount(a XNOR w) - n, which is n - 2 * popcount(a XOR w)",
    "weights": "(out, in / groups, kernel height, kernel width); convolutions correlate, the "
    "kernel is not flipped; a linear layer is a convolution whose kernel is the whole map",
    "padding": "in conv_bits and conv_f32_bits a padded tap counts as padding_value, -1, 0 or +1; "
    "in conv_u8 and conv_f32 it adds nothing",
    "threshold": "the bit is sum < threshold where below is 1, else sum > threshold",
    "move": "element (y, x, k) is the input's element rows[y] + columns[x] + channels[k]; elements "
    "are counted from 0, row by row, channels innermost; it is fill where one of the three is -1",
    "values": "golden values are (samples, height, width, channels); those of inputs and outputs "
    "are (samples, *shape), channels last",
    "kinds": "u8 means codes of 8 bits, i32 sums of 32 bits, f32 float32 numbers, and bits -1 and "
    "+1; shapes are those of one sample, channels last",
    "preprocessing": "real input = scale * code + bias for each channel, for codes 0 to 255; "
    "images are RGB; conv_u8 counts a code p as multiplier * p + offset",
}


def describe(request: ExportRequest) -> dict[str, Any]:
    """Name, conventions, inputs, outputs, and the graph, node by node; inputs come first."""
    model = request.model
    return {
        "name": request.name,
        "conventions": dict(CONVENTIONS),
        "inputs": [one.to_dict() for one in model.inputs],
        "outputs": [one.to_dict() | _value(model, one) for one in model.outputs],
        "graph": [
            {
                "node": number,
                "op": node.op,
                "inputs": list(node.inputs),
                "attributes": {key: _plain(value) for key, value in node.attributes.items()},
                "gives": str(model.types[number]),
            }
            for number, node in model.numbered()
        ],
        "golden_samples": request.golden.samples,
    }


def _value(model: PackedModel, one: Output) -> dict[str, Any]:
    """The kind and shape of one sample of an output, in the words of the inputs."""
    value = model.types[one.node]
    return {"type": value.kind, "shape": list(value_shape(value, one.rank))}


def _plain(value: Any) -> Any:
    """A value that JSON can hold. JSON has no infinity."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if value in (float("inf"), float("-inf")) else value
