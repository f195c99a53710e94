"""The part of the manifest that is the same for every format."""

from typing import Any

from signbit.export._interface import ExportRequest

CONVENTIONS = {
    "bits": "a bit 1 stands for +1, 0 for -1; the sign of zero is -1",
    "dot": "for n bits: 2 * popcount(a XNOR w) - n, which is n - 2 * popcount(a XOR w)",
    "weights": "(out, in / groups, kernel height, kernel width); convolutions correlate, the "
    "kernel is not flipped; a linear layer is a convolution whose kernel is the whole map",
    "padding": "in conv_bits and conv_f32_bits a padded tap counts as padding_value, -1, 0 or +1; "
    "in conv_u8 and conv_f32 it adds nothing",
    "threshold": "the bit is sum < threshold where below is 1, else sum > threshold",
    "move": "element (y, x, k) is the input's element rows[y] + columns[x] + channels[k], counted "
    "from 0 row by row, then column, then channel; it is fill where one of the three is -1",
    "values": "golden values are (images, height, width, channels)",
    "preprocessing": "real input = scale * pixel + bias for each channel, for pixels 0 to 255, "
    "RGB; conv_u8 counts a pixel p as multiplier * p + offset",
}


def describe(request: ExportRequest) -> dict[str, Any]:
    """Name, conventions, preprocessing, and the graph node by node. Node 0 is the pixels."""
    model = request.model
    return {
        "name": request.name,
        "conventions": dict(CONVENTIONS),
        "preprocessing": model.preprocessing.to_dict(),
        "graph": [
            {
                "node": number,
                "op": node.op,
                "inputs": list(node.inputs),
                "attributes": {key: _plain(value) for key, value in node.attributes.items()},
                "gives": str(model.types[number]),
            }
            for number, node in enumerate(model.nodes, 1)
        ],
        "golden_images": len(request.golden.pixels),
    }


def _plain(value: Any) -> Any:
    """A value that JSON can hold. JSON has no infinity."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if value in (float("inf"), float("-inf")) else value
