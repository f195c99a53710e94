"""The arrays of a trained model, for exporters that do not use torch."""

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
    """The arrays of a trained model: every entry of the state dict, and every binary weight.

    A binary weight has the values -1 and +1 that the network multiplies by. `<layer>.scale` is the
    factor of the sums of a binary layer, learned or computed. If the input of a layer has other
    levels than -1 and +1, they add a number to the sums; `<layer>.shift` is that number plus the
    bias.

    Raises: UsageError if a quantizer that claims to be binary gives other values.
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
        raise UsageError(
            f"layer {path[:-1]!r}: its weight quantizer says that it is binary, but gives values "
            "other than -1 and +1; set its `binary` to False"
        )
    return values.astype(np.int8)


def _array(tensor: Tensor) -> NDArray[Any]:
    # NumPy has no bfloat16. float32 holds every value of it.
    tensor = tensor.float() if tensor.dtype is torch.bfloat16 else tensor
    return tensor.detach().cpu().numpy()
