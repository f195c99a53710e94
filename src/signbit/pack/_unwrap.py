"""Find the module that runs in the module that the user gives."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from signbit.errors import PackError, first_line
from signbit.pack._script import require_operators


def unwrapped(model: nn.Module) -> tuple[nn.Module, list[str]]:
    """The network itself, in float32, without wrappers for compilation or for several devices.

    A single layer becomes a network of one layer, so that it has a path.

    Returns: the network, and a line for each conversion.
    Raises: PackError where it is in training mode, or on a device or of a type that cannot be
        packed.
    """
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return unwrapped(model.module)
    if hasattr(model, "_orig_mod"):
        return unwrapped(model._orig_mod)  # pyright: ignore
    if any(module.training for module in model.modules()):
        raise PackError("the network is in training mode; call eval() first")
    tensors = [*model.parameters(), *model.buffers()]
    devices = {str(tensor.device) for tensor in tensors} - {"cpu"}
    if devices:
        raise PackError(f"the network is on {sorted(devices)[0]}; call cpu() first")
    layouts = {str(tensor.layout) for tensor in tensors if tensor.layout != torch.strided}
    if layouts:
        raise PackError(
            f"the network holds tensors of {sorted(layouts)[0]}; call to_dense() on them"
        )
    types = {tensor.dtype for tensor in tensors if tensor.is_floating_point()}
    notes = []
    if types - {torch.float32}:
        model = _in_float32(model, types)
        notes.append(
            f"the network has numbers of {_listed(types)}; a copy in float32 was packed and checked"
        )
    require_operators(model)
    alone = not list(model.children()) and not isinstance(model, torch.jit.ScriptModule)
    return (nn.Sequential(model) if alone else model), notes


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Restore the network's parameters and buffers at the end of the context."""
    tensors = [*model.parameters(), *model.buffers()]
    kept = [(tensor, tensor.data, tensor.detach().clone()) for tensor in tensors]
    try:
        yield
    finally:
        for tensor, data, values in kept:
            tensor.data = data
            if not torch.equal(data, values):
                data.copy_(values)


def _in_float32(model: nn.Module, types: set[torch.dtype]) -> nn.Module:
    try:
        return copy.deepcopy(model).float()
    except Exception as error:
        raise PackError(
            f"the network has numbers of {_listed(types)}, and cannot be copied to make them "
            f"float32 ({first_line(error)}); call float() first"
        ) from error


def _listed(types: set[torch.dtype]) -> str:
    return ", ".join(sorted(map(str, types)))
