"""Functions of one number."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.importers.onnx._attributes import Kind
from signbit.importers.onnx._call import Call
from signbit.importers.onnx._operators import reads

Function = Callable[[Tensor], Tensor]

_PLAIN: dict[str, Function] = {
    "Abs": torch.abs,
    "Ceil": torch.ceil,
    "Cos": torch.cos,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "HardSwish": F.hardswish,
    "Log": torch.log,
    "Neg": torch.neg,
    "Reciprocal": torch.reciprocal,
    "Relu": torch.relu,
    "Round": torch.round,
    "Sigmoid": torch.sigmoid,
    "Sin": torch.sin,
    "Softplus": F.softplus,
    "Softsign": lambda x: x / (1 + torch.abs(x)),
    "Sqrt": torch.sqrt,
    "Tanh": torch.tanh,
}


@reads(*_PLAIN)
def _plain(call: Call) -> None:
    call.require_float(0)
    call.emit(_PLAIN[call.node.kind], 0)


@reads("LeakyRelu", attributes={"alpha": 0.01})
def _leaky_relu(call: Call) -> None:
    call.require_float(0)
    call.emit(lambda x: F.leaky_relu(x, call["alpha"]), 0)


@reads("Elu", attributes={"alpha": 1.0})
def _elu(call: Call) -> None:
    call.require_float(0)
    call.emit(lambda x: F.elu(x, call["alpha"]), 0)


@reads("HardSigmoid", attributes={"alpha": 0.2, "beta": 0.5})
def _hard_sigmoid(call: Call) -> None:
    call.require_float(0)
    call.emit(lambda x: (x * call["alpha"] + call["beta"]).clamp(0, 1), 0)


@reads("PRelu", inputs=(2, 2))
def _prelu(call: Call) -> None:
    """x, and slope * x below zero. One slope for each channel, or for all."""
    slope, rank = call.constant(1), call.rank(0)
    call.require_float(0)
    call.require_one_type(0, 1)
    call.require_samples_first(0, 1)
    shape = [*([1] * (rank - slope.dim())), *slope.shape]
    if any(size != 1 for axis, size in enumerate(shape) if axis != 1):
        call.emit(lambda x, slope: torch.where(x < 0, slope * x, x), 0, 1)
    else:
        call.emit(lambda x, slope: F.prelu(x, slope.reshape(-1)), 0, 1)


@reads(
    "Clip",
    inputs=(1, 3),
    # Bounds are inputs since operator set 11.
    attributes={"min": Kind.FLOAT, "max": Kind.FLOAT},
)
def _clip(call: Call) -> None:
    call.require_float(0)
    if call.opset >= 11:
        if call["min"] is not None or call["max"] is not None:
            raise call.error("min and max are inputs since operator set 11, not attributes")
        low, high = (call.number(n) if call.has(n) else None for n in (1, 2))
    else:
        low, high = call["min"], call["max"]
        if call.has(1) or call.has(2):
            raise call.error("min and max are attributes before operator set 11, not inputs")
    if low is None and high is None:
        call.pass_on(0)
        return
    call.emit(lambda x: x.clamp(low, high), 0)


@reads("Identity")
def _identity(call: Call) -> None:
    call.pass_on(0)


@reads(
    "Dropout",
    inputs=(1, 3),
    attributes={"ratio": Kind.FLOAT, "seed": Kind.INT},
)
def _dropout(call: Call) -> None:
    if call.has(2) and bool(call.constant(2).any()):
        raise call.error("it draws random numbers; export the network for inference")
    call.pass_on(0)
