"""Build a layer of this package from the rule of a foreign module."""

from typing import Any

import torch
from torch import Tensor, nn

from signbit.convert._found import Found
from signbit.convert._rules import SIGNS
from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryConv3d, BinaryLinear
from signbit.quantizers import AbstractQuantizer, RuleSign

_CONVOLUTIONS = (BinaryConv1d, BinaryConv2d, BinaryConv3d)


def build(found: Found, tensors: dict[str, Tensor], weight: Tensor) -> nn.Module:
    """The layer that computes what the module computes with these tensors.

    Where the module computes a scale or bias from a parameter, the result becomes a parameter.
    """
    form, geometry = found.form, found.geometry
    options: dict[str, Any] = {
        "bias": found.bias.text != "no bias",
        "dtype": weight.dtype,
        "device": weight.device,
        "input_quantizer": None if found.input_zero is None else SIGNS[found.input_zero](),
        "weight_quantizer": _weight_quantizer(found),
        "learned_scale": found.scale.text != "no scale" and not found.scale.options,
    }
    if form.kernel:
        layer = _CONVOLUTIONS[len(form.kernel) - 1](
            form.inputs,
            form.sizes[0],
            form.kernel,
            geometry.stride,
            geometry.padding,
            geometry.dilation,
            form.groups,
            padding_value=found.padding_value,
            **options,
        )
    else:
        layer = BinaryLinear(form.inputs, form.sizes[0], **options)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if layer.scale is not None:
            layer.scale.copy_(found.scale.value(tensors, weight))
        if layer.bias is not None:
            layer.bias.copy_(found.bias.value(tensors, weight))
    return layer.eval()


def _weight_quantizer(found: Found) -> AbstractQuantizer | None:
    rule, options = found.weight_rule, found.scale.options
    if rule.zero is None:
        return None
    if rule.centre is None and not options:
        return SIGNS[rule.zero]()
    return RuleSign(rule.centre, rule.zero, **(options or {"scale": None}))  # pyright: ignore
