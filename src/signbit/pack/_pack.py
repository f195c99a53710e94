"""Fold and pack a network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from signbit.errors import PackError
from signbit.format import PackedModel, Preprocessing
from signbit.format.ops import operations
from signbit.pack._check import Checked, compare, require_equal
from signbit.pack._lower import Lowering, real_values, require_one_row
from signbit.pack._report import describe
from signbit.pack._trace import as_network, trace
from signbit.passes.absorb_flips import Absorbed, absorbed


def pack(
    model: nn.Module,
    preprocessing: Preprocessing,
    *,
    check: bool = True,
    samples: NDArray[np.uint8] | None = None,
    info: Mapping[str, Any] | None = None,
) -> PackedModel:
    """Turn a network in eval mode into bits, integer thresholds, and what stays real.

    Each threshold is found by asking the trained modules themselves, so that a network of
    integers gives the very bits that torch gives on this CPU. What became of each module stands
    in the result's `info["modules"]`, what the self-check found in `info["check"]`.

    check: run torch and the packed network on random images and on `samples`, (N, H, W, C)
        uint8, and refuse where they differ.
    info: goes into the file with the rest.

    Raises: PackError naming the module that cannot be packed, and why; or what differs.
    """
    if any(module.training for module in model.modules()):
        raise PackError("the network is in training mode; call eval() first")
    model, rank = as_network(model), _rank(model, preprocessing)
    height, width = preprocessing.size
    shape = (2, preprocessing.channels, height, width)
    example = torch.zeros(shape if rank == 4 else (*shape[:2], width))
    last = trace(model, example)
    require_one_row(last)
    lowering = Lowering(preprocessing, real_values(last))
    lowering.real(last)
    kept = absorbed(PackedModel(lowering.nodes, preprocessing))
    origins = [
        origin for index, origin in enumerate(lowering.origins, 1) if index not in kept.negated
    ]
    exact = _is_exact(lowering)
    packed = PackedModel(kept.nodes, preprocessing)
    facts: dict[str, Any] = {
        **{key: value for key, value in (info or {}).items() if key != "check"},
        "modules": describe(model, packed, origins, lowering.reasons),
        "exact": exact,
    }
    if check:
        result = compare(model, packed, _checked(lowering, kept), rank, samples)
        require_equal(result, exact)
        facts["check"] = result.to_dict()
    return PackedModel(kept.nodes, preprocessing, facts)


def _rank(model: nn.Module, preprocessing: Preprocessing) -> int:
    """The rank of torch's input: images of one row may be sequences, (N, C, L)."""
    kinds = [type(module) for module in model.modules()]
    sequence = any(issubclass(kind, nn.Conv1d) for kind in kinds)
    return 3 if sequence and preprocessing.size[0] == 1 else 4


def _is_exact(lowering: Lowering) -> bool:
    """Whether every bit comes from integers, in torch as well."""
    ops = [node.op for node in lowering.nodes]
    code = lowering.pixels
    pixels_exact = "conv_u8" not in ops or (code is not None and code.exact)
    return pixels_exact and not any(operations.get(op).order_matters for op in ops)


def _checked(lowering: Lowering, kept: Absorbed) -> list[Checked]:
    return [
        Checked(lowering.sign_calls[key], kept.place[node], kept.negated.get(node))
        for key, node in lowering.signs.items()
    ]
