"""Real convolutions and products of matrices."""

from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from signbit.importers.larq._call import Call, to_channels_last
from signbit.importers.larq._geometry import axis
from signbit.importers.larq._operators import reads


@reads("CONV_2D")
def _convolution(call: Call) -> None:
    """Filters are (outputs, height, width, inputs of a group)."""
    weight = torch.from_numpy(_filter(call).copy()).permute(0, 3, 1, 2).contiguous()
    channels = call.shape(0)[0]
    groups, left = divmod(channels, weight.shape[1])
    if left:
        raise call.error(f"a filter for {weight.shape[1]} channels; the input has {channels}")
    _add_convolution(call, weight, groups)


@reads("DEPTHWISE_CONV_2D")
def _depthwise(call: Call) -> None:
    """Filters are (1, height, width, outputs); output c reads input c // multiplier."""
    weight = torch.from_numpy(_filter(call).copy()).permute(3, 0, 1, 2).contiguous()
    channels = call.shape(0)[0]
    if weight.shape[1] != 1 or weight.shape[0] % channels:
        raise call.error(f"a filter {list(weight.shape)}; the input has {channels} channels")
    _add_convolution(call, weight, channels)


def _filter(call: Call) -> NDArray[Any]:
    array = call.array(1)
    if array.ndim != 4 or array.dtype != "f4":
        raise call.error(f"its filter is {call.tensor(1).described}; FLOAT32 with 4 axes is needed")
    return array


def _add_convolution(call: Call, weight: Tensor, groups: int) -> None:
    value = call.value(0)
    strides = (call.option("StrideH"), call.option("StrideW"))
    dilations = (call.option("DilationHFactor"), call.option("DilationWFactor"))
    sizes, kernel = call.shape(0)[1:], weight.shape[2:]
    if min(*strides, *dilations) < 1 or len(sizes) != 2:
        raise call.error(f"strides {strides} and dilations {dilations} on a map {list(sizes)}")
    rows, columns = (
        axis(*one, call.padding()) for one in zip(sizes, kernel, strides, dilations, strict=True)
    )
    around = (columns.before, columns.after, rows.before, rows.after)
    activation = call.activation()

    def compute(x: Tensor, weight: Tensor, *bias: Tensor) -> Tensor:
        padded = F.pad(x, around) if any(around) else x
        one = bias[0] if bias else None
        return activation(F.conv2d(padded, weight, one, strides, 0, dilations, groups))

    call.emit(compute, value, call.constant(weight), *_bias(call, weight.shape[0]))


@reads("TRANSPOSE_CONV")
def _transposed(call: Call) -> None:
    """The gradient of a convolution from the result to the input. Filters are as in CONV_2D."""
    array, value = call.array(1), call.value(2)
    if array.ndim != 4 or array.dtype != "f4" or len(call.shape(2)) != 3:
        raise call.error(f"its filter is {call.tensor(1).described}; FLOAT32 with 4 axes is needed")
    weight = torch.from_numpy(array.copy()).permute(3, 0, 1, 2).contiguous()
    strides = (call.option("StrideH"), call.option("StrideW"))
    sizes = call.content.tensors[call.operator.outputs[0]].shape[1:3]
    if min(strides) < 1 or len(sizes) != 2:
        raise call.error(f"strides {strides} to {list(sizes)}")
    rows, columns = (
        axis(size, kernel, stride, 1, call.padding())
        for size, kernel, stride in zip(sizes, weight.shape[2:], strides, strict=True)
    )
    activation = call.activation()

    def compute(x: Tensor, weight: Tensor, *bias: Tensor) -> Tensor:
        whole = F.conv_transpose2d(x, weight, bias[0] if bias else None, strides)
        cut = whole[:, :, rows.before :, columns.before :][:, :, : sizes[0], : sizes[1]]
        return activation(cut)

    call.emit(compute, value, call.constant(weight), *_bias(call, array.shape[0], 3))


@reads("FULLY_CONNECTED")
def _linear(call: Call) -> None:
    """Weights are (outputs, inputs). Axes of the input behind the first are one row."""
    array = call.array(1)
    if array.ndim != 2 or array.dtype != "f4" or call.option("WeightsFormat") != 0:
        raise call.error(f"its weights are {call.tensor(1).described}; FLOAT32, 2 axes are needed")
    activation = call.activation()
    keeps = call.option("KeepNumDims") and len(call.shape(0)) > 1

    def compute(x: Tensor, weight: Tensor, *bias: Tensor) -> Tensor:
        if keeps:
            # The same product at each position is a convolution of one position.
            kernel = weight.reshape(*weight.shape, *[1] * (x.dim() - 2))
            convolve = F.conv1d if x.dim() == 3 else F.conv2d
            return activation(convolve(x, kernel, bias[0] if bias else None))
        return activation(F.linear(to_channels_last(x).flatten(1), weight, *bias))

    call.emit(compute, call.value(0), call.constant(array), *_bias(call, array.shape[0]))


def _bias(call: Call, channels: int, position: int = 2) -> list[str]:
    if not call.has(position):
        return []
    array, said = call.array(position), call.tensor(position).described
    if array.dtype != "f4" or array.shape != (channels,):
        raise call.error(f"its bias is {said}; {channels} FLOAT32 are needed")
    return [call.constant(array)]
