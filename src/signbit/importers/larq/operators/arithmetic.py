"""Functions of one number, and sums, products and comparisons of two."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.importers.larq._call import Call, axis_in_graph, operand
from signbit.importers.larq._operators import reads

_OF_ONE: dict[str, Callable[[Tensor], Tensor]] = {
    "RELU": torch.relu,
    "RELU6": lambda x: x.clamp(0, 6),
    "RELU_N1_TO_1": lambda x: x.clamp(-1, 1),
    "RELU_0_TO_1": lambda x: x.clamp(0, 1),
    "LOGISTIC": torch.sigmoid,
    "TANH": torch.tanh,
    "HARD_SWISH": F.hardswish,
    "ELU": F.elu,
    "EXP": torch.exp,
    "ABS": torch.abs,
    "NEG": torch.neg,
    "SQRT": torch.sqrt,
    "RSQRT": torch.rsqrt,
    "SQUARE": torch.square,
    "FLOOR": torch.floor,
    "CEIL": torch.ceil,
    "ROUND": torch.round,  # ties to even, as there
    "SIGN": torch.sign,
    "LOG": torch.log,
}
_OF_TWO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ADD": torch.add,
    "SUB": torch.sub,
    "MUL": torch.mul,
    "DIV": torch.div,
}
_WITHOUT_ACTIVATION: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "MAXIMUM": torch.maximum,
    "MINIMUM": torch.minimum,
    "GREATER": torch.gt,
    "GREATER_EQUAL": torch.ge,
    "LESS": torch.lt,
    "LESS_EQUAL": torch.le,
    "EQUAL": torch.eq,
    "NOT_EQUAL": torch.ne,
}


@reads(*_OF_ONE)
def _function(call: Call) -> None:
    call.emit(_OF_ONE[call.operator.kind], call.value(0))


@reads("LEAKY_RELU")
def _leaky_relu(call: Call) -> None:
    slope = call.option("Alpha")
    call.emit(lambda x: F.leaky_relu(x, slope), call.value(0))


@reads("GELU")
def _gelu(call: Call) -> None:
    kind = "tanh" if call.option("Approximate") else "none"
    call.emit(lambda x: F.gelu(x, approximate=kind), call.value(0))


@reads("PRELU")
def _prelu(call: Call) -> None:
    value, slopes = call.value(0), call.array(1)
    channels = call.shape(0)[0]
    if slopes.dtype != np.float32:
        raise call.error(f"its slopes are {call.tensor(1).described}; FLOAT32 is needed")
    if slopes.size in (1, channels) and slopes.size == (slopes.shape or (1,))[-1]:
        flat = np.broadcast_to(slopes.reshape(-1), (channels,))
        call.emit(lambda x, weight: F.prelu(x, weight), value, call.constant(flat))
        return
    # A slope for each position.
    call.emit(lambda x, slope: x.clamp(min=0) + x.clamp(max=0) * slope, *_operands(call, 0, 1))


@reads("SOFTMAX")
def _softmax(call: Call) -> None:
    beta, axis = call.option("Beta"), axis_in_graph(-1, len(call.shape(0)) + 1)
    call.emit(lambda x: torch.softmax(x if beta == 1 else x * beta, axis), call.value(0))


@reads("LOG_SOFTMAX")
def _log_softmax(call: Call) -> None:
    axis = axis_in_graph(-1, len(call.shape(0)) + 1)
    call.emit(lambda x: torch.log_softmax(x, axis), call.value(0))


@reads(*_OF_TWO)
def _arithmetic(call: Call) -> None:
    activation, compute = call.activation(), _OF_TWO[call.operator.kind]
    call.emit(lambda x, y: activation(compute(x, y)), *_operands(call, 0, 1))


@reads(*_WITHOUT_ACTIVATION)
def _comparison(call: Call) -> None:
    call.emit(_WITHOUT_ACTIVATION[call.operator.kind], *_operands(call, 0, 1))


@reads("SELECT", "SELECT_V2")
def _select(call: Call) -> None:
    call.emit(torch.where, *_operands(call, 0, 1, 2))


@reads("CAST")
def _cast(call: Call) -> None:
    call.emit(lambda x: x.float(), call.value(0))


@reads("DEQUANTIZE")
def _dequantize(call: Call) -> None:
    if not call.is_constant(0) or call.array(0).dtype != np.float16:
        raise call.error(
            "it makes real numbers from integers of 8 bits; convert the network without "
            "quantization: float32, or float16 for constants"
        )
    call.constants[call.operator.outputs[0]] = call.array(0).astype(np.float32)


@reads("QUANTIZE")
def _quantize(call: Call) -> None:
    raise call.error("integers of 8 bits cannot be read exactly; convert without quantization")


def _operands(call: Call, *positions: int) -> list[str]:
    """Values and constants that meet by NumPy's rules."""
    values = [one for one in positions if not call.is_constant(one)]
    ranks = {len(call.shape(one)) + 1 for one in values}
    if len(ranks) != 1:
        raise call.error(f"its inputs have {sorted(ranks)} axes; only the same number can be read")
    rank = ranks.pop()
    names = []
    for one in positions:
        if one in values:
            names.append(call.value(one))
            continue
        array = call.array(one)
        if array.ndim > rank or (array.ndim == rank and array.shape[0] != 1):
            raise call.error(f"a constant of shape {list(array.shape)} for each sample")
        if array.dtype not in (np.float32, np.bool_):
            raise call.error(f"a constant of type {array.dtype}; float32 is needed")
        names.append(call.constant(operand(array, rank)))
    return names
