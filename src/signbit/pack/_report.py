"""Describe what each module became, as rows for a table."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torch import nn

from signbit.format import Node, PackedModel, ValueType
from signbit.format.types import BITS, F32, I32, U8

# Texts by operation, and by the kind of value that it reads.
_BECAME = {
    ("conv_bits", BITS): "XOR and popcount of bits",
    ("conv_u8", U8): "bits of weights, integer pixels",
    ("conv_f32_bits", F32): "bits of weights, real input",
    ("conv_f32", F32): "real convolution",
    ("threshold", I32): "integer threshold",
    ("threshold", F32): "real threshold",
    ("max_pool", BITS): "OR of bits",
}

_BINARY = frozenset(("conv_bits", "conv_u8", "conv_f32_bits"))


def describe(
    model: nn.Module,
    packed: PackedModel,
    origins: Mapping[int, str],
    reasons: Mapping[str, str],
    used: Collection[str],
) -> list[dict[str, Any]]:
    """A row for each module that has parameters or a node of its own.

    origins: by the number of a node, the path of its module. reasons: by path, why a layer stays
        real.
    used: the paths of the modules whose operators took part in the scores.
    """
    rows = []
    for path, module in model.named_modules():
        parameters = list(module.parameters(recurse=False)) + [
            buffer for buffer in module.buffers(recurse=False) if buffer.is_floating_point()
        ]
        numbers = [number for number, origin in origins.items() if origin == path]
        if not path or not (numbers or parameters):
            continue
        own = [packed.node(number) for number in numbers]
        before = sum(value.numel() * value.element_size() * 8 for value in parameters)
        after = sum(array.nbytes * 8 for node in own for array in node.tensors.values())
        rows.append(
            {
                "module": path,
                "type": type(module).__name__,
                "became": _became(own, packed.types, path in used),
                "why": reasons.get(path, ""),
                "bits_before": before,
                "bits_after": after,
                "nodes": numbers,
            }
        )
    return rows


def _became(own: Sequence[Node], types: Sequence[ValueType], used: bool) -> str:
    if not own:
        # The layer does not run, or the code of another module reads its parameters.
        return "part of the threshold after it" if used else "no operation of its own"
    kinds = [_BECAME.get((node.op, types[node.inputs[0]].kind), node.op) for node in own]
    return ", ".join(dict.fromkeys(kinds))


def notes_on(packed: PackedModel) -> list[str]:
    """Notes for the user about the whole network, a line each."""
    notes = [
        f"no output of the network depends on its input {one.name!r}"
        for number, one in enumerate(packed.inputs)
        if not packed.readers(number)
    ]
    if any(node.op in _BINARY for node in packed.nodes):
        return notes
    return [
        *notes,
        "no layer is binary, so nothing runs as bits: a binary layer has only two weights, -a and "
        "+a, per output channel; the layers of signbit.layers are binary, and "
        "signbit.convert.binarize puts them into a network",
    ]
