"""What became of each module, as rows for a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from signbit.format import Node, PackedModel, ValueType
from signbit.format.types import BITS, F32, I32, U8

# By operation and the kind of value that it reads.
_BECAME = {
    ("conv_bits", BITS): "XOR and popcount of bits",
    ("conv_u8", U8): "bits of weights, integer pixels",
    ("conv_f32_bits", F32): "bits of weights, real input",
    ("conv_f32", F32): "real convolution",
    ("threshold", I32): "integer threshold",
    ("threshold", F32): "real threshold",
    ("max_pool", BITS): "OR of bits",
}


def describe(
    model: nn.Module,
    packed: PackedModel,
    origins: Sequence[str],
    reasons: Mapping[str, str],
) -> list[dict[str, Any]]:
    """A row for each module without children that the network runs."""
    rows = []
    for path, module in model.named_modules():
        parameters = list(module.parameters(recurse=False)) + [
            buffer for buffer in module.buffers(recurse=False) if buffer.is_floating_point()
        ]
        own = [node for node, origin in zip(packed.nodes, origins, strict=True) if origin == path]
        if not path or not (own or parameters):
            continue
        before = sum(value.numel() * value.element_size() * 8 for value in parameters)
        after = sum(array.nbytes * 8 for node in own for array in node.tensors.values())
        rows.append(
            {
                "module": path,
                "type": type(module).__name__,
                "became": _became(own, packed.types),
                "why": reasons.get(path, ""),
                "bits_before": before,
                "bits_after": after,
            }
        )
    return rows


def _became(own: Sequence[Node], types: Sequence[ValueType]) -> str:
    if not own:
        return "part of the threshold after it"
    kinds = [_BECAME.get((node.op, types[node.inputs[0]].kind), node.op) for node in own]
    return ", ".join(dict.fromkeys(kinds))
