"""The arrays of a trained model, for exporters that know no torch."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from signbit.errors import UsageError
from signbit.format.parameters import Parameters
from signbit.layers import BinaryLayer
from signbit.models._trained import TrainedModel


@torch.no_grad()
def parameters_of(model: TrainedModel) -> Parameters:
    """Each entry of the state dict, and each binary weight as the network multiplies with it.

    What a binary layer multiplies its sums with stands under `<layer>.scale`, learned or not.
    Where a binary set of the input adds something besides, that and the bias together stand
    under `<layer>.shift`.

    Raises: UsageError where a quantizer that says it is binary gives other values.
    """
    layers = {
        f"{name}.".removeprefix("."): module
        for name, module in model.module.named_modules()
        if isinstance(module, BinaryLayer)
    }
    computed: dict[str, Tensor | None] = {}
    for path, layer in layers.items():
        computed[f"{path}scale"], shift = layer.output_scale(), layer.output_shift()
        computed[f"{path}shift"] = None if shift is layer.bias else shift
    binary = {
        f"{path}weight": _signs(path, layer.quantized_weight())
        for path, layer in layers.items()
        if layer.has_binary_weight
    }
    tensors = model.module.state_dict() | {k: v for k, v in computed.items() if v is not None}
    return Parameters(
        arrays={key: _array(value) for key, value in tensors.items()},
        binary=binary,
        preprocessing=model.preprocessing,
        model={"name": model.architecture.name, "options": model.architecture.options},
    )


def _signs(path: str, weight: Tensor) -> NDArray[np.int8]:
    values = _array(weight)
    if not (np.abs(values) == 1).all():
        raise UsageError(f"layer {path[:-1]!r}: its binary weights are not all -1 or +1")
    return values.astype(np.int8)


def _array(tensor: Tensor) -> NDArray[Any]:
    # NumPy has no bfloat16; float32 holds each of its values.
    tensor = tensor.float() if tensor.dtype is torch.bfloat16 else tensor
    return tensor.detach().cpu().numpy()
