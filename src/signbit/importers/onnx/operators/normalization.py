"""Batch norms."""

import torch
from torch import Tensor

from signbit.importers.onnx._attributes import Kind
from signbit.importers.onnx._call import FLOAT, Call
from signbit.importers.onnx._operators import reads


@reads(
    "BatchNormalization",
    inputs=(5, 5),
    attributes={
        "epsilon": 1e-5,
        "momentum": Kind.FLOAT,
        "spatial": 1,
        "training_mode": 0,
    },
)
def _batch_norm(call: Call) -> None:
    """One product and one sum, rounded where ONNX Runtime rounds them."""
    if call["training_mode"] or not call["spatial"]:
        raise call.error("statistics of the batch, or for each position, cannot be read")
    call.require_float(0)
    call.require_one_type(*range(5))
    channels, rank = call.sizes(0)[:1], call.rank(0)
    if any(list(call.constant(n).shape) != channels for n in range(1, 5)) or call.type(1) != FLOAT:
        raise call.error(f"its parameters must be float32, one number for each of {channels}")
    shape = [-1, *[1] * (rank - 2)]
    epsilon = torch.tensor(call["epsilon"], dtype=FLOAT)

    def compute(x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        scale = (1 / torch.sqrt(var + epsilon.to(var.device))) * weight
        return x * scale.reshape(shape) + (bias - mean * scale).reshape(shape)

    call.emit(compute, *range(5))
