"""What `signbit export` writes in another way than ONNX."""

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.importers.onnx._call import FLOAT, Call
from signbit.importers.onnx._operators import reads
from signbit.importers.onnx._own import DOMAIN


@reads("Affine", inputs=(3, 3), domains=(DOMAIN,))
def _affine(call: Call) -> None:
    """scale * x + bias for each channel, rounded once in the packed network."""
    call.require_float(0)
    channels = call.sizes(0)[0]
    constants = [call.constant(position) for position in (1, 2)]
    if any(one.dtype != FLOAT or one.numel() != channels for one in constants):
        raise call.error(
            f"its scale or bias does not have a number for each of {channels} channels"
        )

    def compute(x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        factor, offset = scale.reshape(-1), bias.reshape(-1)
        zero, one = torch.zeros_like(factor), torch.ones_like(factor)
        return F.batch_norm(x, zero, one, factor, offset, eps=0.0)

    call.emit(compute, 0, 1, 2)
