"""What each torch module or function means as steps."""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from signbit.errors import PackError
from signbit.layers import BinaryLayer, RPReLU, RSign
from signbit.pack._draft import Conv, Elementwise, Flatten, Join, Pool, Sign, Step
from signbit.quantizers import AbstractQuantizer, Identity, Relu

Shape = tuple[int, ...]


def bias_step(origin: str, x: Step, bias: Tensor) -> Step:
    """x + bias per channel, or one number for all."""
    bias = bias.detach()
    every = _channels(origin, bias, x)
    one = bias.ndim == 0
    added = bias.float() if one else every
    return Elementwise(
        origin,
        (x,),
        x.shape,
        lambda rows: rows + added,
        torch.ones_like(every),
        "affine",
        tensors={"scale": torch.ones_like(every), "bias": every},
        per_channel=not one,
    )


def scale_step(origin: str, x: Step, scale: Tensor) -> Step:
    """x * scale per channel."""
    scale = _channels(origin, scale, x)
    return Elementwise(
        origin,
        (x,),
        x.shape,
        lambda rows: rows * scale,
        scale.sign(),
        "affine",
        tensors={"scale": scale, "bias": torch.zeros_like(scale)},
    )


def clamp_step(origin: str, x: Step, low: float, high: float) -> Step:
    """min(max(x, low), high)."""
    return Elementwise(
        origin,
        (x,),
        x.shape,
        lambda rows: rows.clamp(low, high),
        torch.ones(x.shape[0]),
        "clamp",
        attributes={"low": _single(low), "high": _single(high)},
        per_channel=False,
    )


def prelu_step(origin: str, x: Step, slope: Tensor) -> Step:
    """x where positive, else slope * x; monotone where no slope is negative."""
    slope = _channels(origin, slope, x)
    rising = bool((slope >= 0).all())
    return Elementwise(
        origin,
        (x,),
        x.shape,
        lambda rows: F.prelu(rows, slope),
        torch.ones_like(slope) if rising else None,
        "prelu",
        tensors={"slope": slope},
    )


def rp_relu_step(origin: str, x: Step, module: RPReLU) -> Step:
    """PReLU between two shifts."""
    moved = bias_step(origin, x, -module.gamma)
    return bias_step(origin, prelu_step(origin, moved, module.slope), module.zeta)


def batch_norm_step(origin: str, x: Step, module: nn.modules.batchnorm._BatchNorm) -> Step:
    """Batch norm with its running statistics."""
    mean, variance = module.running_mean, module.running_var
    if mean is None or variance is None:
        raise PackError(f"{origin}: a batch norm without running statistics depends on the batch")
    weight = torch.ones_like(mean) if module.weight is None else module.weight.detach()
    bias = torch.zeros_like(mean) if module.bias is None else module.bias.detach()
    # As torch computes it on the CPU: one multiply-add per number, with these two constants.
    scale = weight / torch.sqrt(variance + module.eps)
    offset = (bias.double() - mean.double() * scale.double()).float()
    own = module.weight, module.bias

    def compute(rows: Tensor) -> Tensor:
        return F.batch_norm(rows, mean, variance, *own, training=False, eps=module.eps)

    return Elementwise(
        origin,
        (x,),
        x.shape,
        compute,
        weight.sign(),
        "affine",
        tensors={"scale": scale, "bias": offset},
    )


def max_pool_step(origin: str, x: Step, shape: Shape, module: Any) -> Step:
    """A maximum over windows."""
    if module.return_indices:
        raise PackError(f"{origin}: max pooling that returns indices cannot be packed")
    attributes = _window(x, shape, module, module.dilation)
    return Pool(origin, (x,), shape, "max_pool", attributes)


def avg_pool_step(origin: str, x: Step, shape: Shape, module: Any) -> Step:
    """A mean over windows."""
    if getattr(module, "divisor_override", None) is not None:
        raise PackError(f"{origin}: average pooling with divisor_override cannot be packed")
    attributes = _window(x, shape, module, 1)
    del attributes["dilation"]
    padded = any(_sides(module.padding, len(x.shape) == 2, 0))
    if module.ceil_mode and padded and module.count_include_pad:
        raise PackError(
            f"{origin}: average pooling with ceil_mode counts some of the padding; give "
            "count_include_pad=False"
        )
    # What ceil_mode adds behind the map is never counted.
    counts = bool(module.count_include_pad) and not module.ceil_mode
    return Pool(origin, (x,), shape, "avg_pool", attributes | {"count_padding": counts})


def adaptive_pool_step(op: str, origin: str, x: Step, shape: Shape) -> Step:
    """Pooling to a given size, where that divides the map."""
    height, width, _ = x.size
    rows, columns, _ = Step("", (), shape).size
    if height % rows or width % columns:
        raise PackError(
            f"{origin}: adaptive pooling of {height}x{width} to {rows}x{columns} has windows of "
            "different sizes; give a size that divides the map"
        )
    kernel = (height // rows, width // columns)
    attributes: dict[str, Any] = {"kernel": kernel, "stride": kernel, "padding": (0, 0, 0, 0)}
    attributes |= {"dilation": (1, 1)} if op == "max_pool" else {"count_padding": False}
    return Pool(origin, (x,), shape, op, attributes)


def flatten_step(origin: str, x: Step, shape: Shape) -> Step:
    """A view: nothing, or the whole map as one row."""
    if shape == x.shape:
        return x
    if shape != (math.prod(x.shape),):
        raise PackError(
            f"{origin}: turns {x.shape} into {shape}; only flattening to one row can be packed"
        )
    return Flatten(origin, (x,), shape)


def layer_steps(origin: str, x: Step, shape: Shape, module: nn.Module, call: int) -> Step:
    """A convolution or linear layer, binary or real, then its scale, then what it adds.

    call: how often the network has run it before.
    """
    binary, weight, padding_value = False, module.weight, 0
    scale, shift = None, module.bias
    if isinstance(module, BinaryLayer):
        _check_weight(origin, module.weight_quantizer)
        x = quantizer_step(origin, x, module.input_quantizer, call)
        binary, weight = module.has_binary_weight, module.quantized_weight()
        scale, shift = module.output_scale(), module.output_shift()
        padding_value = int(getattr(module, "padding_value", 0))
    assert isinstance(weight, Tensor)
    weight = weight.detach().float()
    step = (
        _linear(origin, x, shape, weight, binary)
        if isinstance(module, nn.Linear)
        else _conv(origin, x, shape, module, weight, binary, padding_value)
    )
    step = step if scale is None else scale_step(origin, step, scale)
    return step if shift is None else bias_step(origin, step, shift)  # pyright: ignore


def _check_weight(origin: str, quantizer: AbstractQuantizer | None) -> None:
    if quantizer is not None and not quantizer.binary and not isinstance(quantizer, Identity):
        raise PackError(
            f"{origin}: weights of {quantizer!r} are neither -1 and +1 times one scale nor real "
            "numbers as they are; train with another weight_quantizer to pack"
        )


def quantizer_step(origin: str, x: Step, quantizer: AbstractQuantizer | None, call: int) -> Step:
    """Sign, perhaps of a shifted value, or nothing."""
    if isinstance(quantizer, RSign):
        # x - alpha and x + (-alpha) are one number, also where it is rounded.
        x, quantizer = bias_step(origin, x, -quantizer.alpha), quantizer.quantizer
    if quantizer is None or isinstance(quantizer, Identity):
        return x
    if isinstance(quantizer, Relu):
        return clamp_step(origin, x, 0.0, math.inf)
    levels = quantizer.distance_and_centre()
    if levels is not None:
        x = bias_step(origin, x, -levels[1])
    if not quantizer.binary:
        raise PackError(f"{origin}: quantizer {quantizer!r} gives other values than -1 and +1")
    if quantizer.for_weights:
        raise PackError(f"{origin}: quantizer {quantizer!r} is for weights, not activations")
    return Sign(origin, (x,), x.shape, call)


def levels_step(origin: str, x: Step, quantizer: AbstractQuantizer) -> Step:
    """The signs of a quantizer that stands alone, moved to its levels."""
    levels = quantizer.distance_and_centre()
    if levels is None:
        return x
    return bias_step(origin, scale_step(origin, x, levels[0]), levels[1])


def _linear(origin: str, x: Step, shape: Shape, weight: Tensor, binary: bool) -> Step:
    if len(x.shape) != 1:
        raise PackError(f"{origin}: a linear layer on a value of shape {x.shape}; flatten it first")
    return Conv(origin, (x,), shape, weight[:, :, None, None], binary)


def _conv(
    origin: str,
    x: Step,
    shape: Shape,
    module: Any,
    weight: Tensor,
    binary: bool,
    padding_value: int,
) -> Step:
    if module.transposed or weight.ndim not in (3, 4):
        raise PackError(f"{origin}: {type(module).__name__} cannot be packed")
    kernel, dilation = module.kernel_size, module.dilation
    padding = _conv_padding(module.padding, kernel, dilation)
    if module.padding_mode != "zeros" and any(padding):
        raise PackError(f"{origin}: padding_mode {module.padding_mode!r}; zeros can be packed")
    if weight.ndim == 3:
        weight = weight[:, :, None, :]
    return Conv(
        origin,
        (x,),
        shape,
        weight,
        binary,
        stride=_pair(module.stride, 1),
        padding=padding,
        dilation=_pair(dilation, 1),
        groups=module.groups,
        padding_value=padding_value,
    )


def _conv_padding(
    padding: Any, kernel: Sequence[int], dilation: Sequence[int]
) -> tuple[int, int, int, int]:
    """Top, left, bottom, right."""
    if padding == "valid":
        padding = [0] * len(kernel)
    if padding == "same":
        # torch puts the odd one of an even kernel behind.
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        top, left = _pair([total // 2 for total in totals], 0)
        bottom, right = _pair([total - total // 2 for total in totals], 0)
        return top, left, bottom, right
    top, left = _pair(padding, 0)
    return top, left, top, left


def _window(x: Step, shape: Shape, module: Any, dilation: Any) -> dict[str, Any]:
    """The attributes of a pooling window; ceil_mode becomes padding at the far sides."""
    one = len(x.shape) == 2
    kernel = _sides(module.kernel_size, one, 1)
    stride = _sides(kernel if module.stride is None else module.stride, one, 1)
    top, left = _sides(module.padding, one, 0)
    spread = _sides(dilation, one, 1)
    wanted = Step("", (), shape).size[:2]
    far = []
    for axis, before in enumerate((top, left)):
        reach = spread[axis] * (kernel[axis] - 1) + 1
        needed = (wanted[axis] - 1) * stride[axis] + reach
        far.append(max(needed - x.size[axis] - before, 0))
    padding = (top, left, far[0], far[1])
    return {"kernel": kernel, "stride": stride, "padding": padding, "dilation": spread}


def _sides(value: Any, one_dimension: bool, neutral: int) -> tuple[int, int]:
    """Height and width of a pooling argument, which may be one number for both."""
    if isinstance(value, int):
        return (neutral, value) if one_dimension else (value, value)
    return _pair(value, neutral)


def _pair(values: Sequence[int], neutral: int) -> tuple[int, int]:
    """Height and width; one dimension lies in the width."""
    values = tuple(values)
    return (neutral, values[0]) if len(values) == 1 else (values[-2], values[-1])


def _channels(origin: str, values: Tensor, x: Step) -> Tensor:
    """A constant as one number per channel of x."""
    channels, values = x.shape[0], values.detach().float()
    shape = (1,) * max(len(x.shape) + 1 - values.ndim, 0) + tuple(values.shape)
    per_channel = values.numel() == channels and (len(shape) < 2 or shape[1] == channels)
    if values.numel() == 1:
        return values.reshape(1).expand(channels).clone()
    if not per_channel and values.shape != (channels,):
        raise PackError(
            f"{origin}: a constant of shape {tuple(values.shape)}; one number per channel, "
            f"{channels}, can be packed"
        )
    return values.reshape(channels)


def _single(value: float) -> float:
    return float(torch.tensor(value, dtype=torch.float32))


def join_step(op: str, origin: str, sources: Sequence[Step], shape: Shape) -> Step:
    """An operation on real numbers that reads one or several values."""
    return Join(origin, tuple(sources), shape, op)
