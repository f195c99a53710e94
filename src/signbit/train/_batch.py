"""A batch: inputs and targets, each a tensor, or tensors in a tuple, a list or a dict."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn

from signbit.errors import UsageError


def call(module: nn.Module, inputs: Any) -> Any:
    """The outputs of a module. A tuple or list holds its arguments in order, a dict by name."""
    return _call(module, inputs)


def forward(module: nn.Module, inputs: Any) -> Any:
    """The outputs of a module, computed without its compiled form."""
    return _call(module._call_impl, inputs)


def _call(function: Any, inputs: Any) -> Any:
    if isinstance(inputs, Mapping):
        return function(**inputs)
    if isinstance(inputs, tuple | list):
        return function(*inputs)
    return function(inputs)


def as_float32(outputs: Any) -> Any:
    """The outputs with real numbers in float32; autocast may have made them bfloat16."""
    return apply_to_collection(outputs, Tensor, _float32)


def _float32(output: Tensor) -> Tensor:
    return output.float() if output.is_floating_point() else output


def tensors_in(values: Any) -> list[Tensor]:
    """The tensors of a structure, in order."""
    found: list[Tensor] = []
    apply_to_collection(values, Tensor, found.append)
    return found


def sample_count(values: Any) -> int:
    """The number of samples in a batch, or in the inputs or targets of a batch."""
    tensors = tensors_in(values)
    if not tensors or not tensors[0].ndim:
        raise UsageError(
            f"a batch of type {type(values).__name__} has no tensor with an axis for samples; give "
            "tensors whose first axis is that of the samples"
        )
    return len(tensors[0])


def detached(outputs: Any) -> Any:
    """The outputs without their gradients."""
    return apply_to_collection(outputs, Tensor, torch.detach)
