"""Restore everything of the caller's module except its weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from signbit.errors import UsageError

# torch keeps the compiled form of a module in this attribute. No public call removes it.
_COMPILED = "_compiled_call_impl"


@contextmanager
def as_it_was(module: nn.Module) -> Iterator[None]:
    """At the end of the context, undo the changes of a module other than weights and buffers.

    These are restored: the mode of each part (training or eval), `requires_grad`, the device, the
    memory layout, and the form without `compile`. Gradients are cleared.
    """
    modes = {part: part.training for part in module.modules()}
    learning = {parameter: parameter.requires_grad for parameter in module.parameters()}
    places = {name: (one.device, one.stride()) for name, one in _tensors(module)}
    trainers = {
        part: part._trainer for part in module.modules() if isinstance(part, pl.LightningModule)
    }
    compiled = vars(module).get(_COMPILED)
    try:
        yield
    finally:
        module.zero_grad()
        vars(module).pop(_COMPILED, None)
        if compiled is not None:
            vars(module)[_COMPILED] = compiled
        for part, training in modes.items():
            part.training = training
        for parameter, wanted in learning.items():
            parameter.requires_grad_(wanted)
        for part, trainer in trainers.items():
            part._trainer = trainer
        for name, one in _tensors(module):
            if name in places:
                _put_back(one, *places[name])


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


@torch.no_grad()
def _put_back(one: Tensor, device: torch.device, stride: tuple[int, ...]) -> None:
    # An expanded tensor, with one number in memory for many places, was written out. It stays so.
    if (one.device, one.stride()) != (device, stride) and 0 not in stride:
        empty = torch.empty_strided(one.shape, stride, dtype=one.dtype, device=device)
        one.data = empty.copy_(one)


def require_ready(module: nn.Module) -> None:
    """Raises: UsageError if a parameter of the module has no shape before the first call."""
    lazy = [name for name, one in _tensors(module) if nn.parameter.is_lazy(one)]
    if lazy:
        raise UsageError(
            f"the parameter {lazy[0]!r} has no shape before the first call of the module; call the "
            "module once on a batch before train()"
        )
