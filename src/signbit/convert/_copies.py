"""Copies of foreign modules, which keep tensors in places that `copy.deepcopy` forgets."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from signbit.errors import AdoptError, first_line


def deep_copy(module: nn.Module) -> nn.Module:
    """`copy_of` in eval mode."""
    return copy_of(module).eval()


def copy_of(module: nn.Module) -> nn.Module:
    """A copy that shares nothing with `module`.

    Code in the manner of BinaryNet keeps the latent weight as an attribute of the parameter,
    `weight.org`. torch copies a parameter without its attributes, so they are copied here.

    Raises: AdoptError where an attribute cannot be copied.
    """
    memo: dict[int, object] = {}
    try:
        copied = copy.deepcopy(module, memo)
        for parameter in module.parameters():
            twin = memo.get(id(parameter))
            for name, value in vars(parameter).items():
                if twin is not None:
                    setattr(twin, name, copy.deepcopy(value, memo))
    # Foreign objects fail to copy in any way.
    except Exception as error:
        raise AdoptError(
            f"{type(module).__name__} cannot be copied: {first_line(error)}; give a network that "
            "copy.deepcopy can copy"
        ) from error
    return copied


def in_double(module: nn.Module) -> nn.Module:
    """`module` itself with its numbers in float64, those in attributes too."""
    module.double()
    for parameter in module.parameters():
        _widen(vars(parameter))
    for part in module.modules():
        _widen(vars(part))
    return module


def _widen(attributes: dict[str, object]) -> None:
    for name, value in attributes.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            attributes[name] = value.double()


@contextmanager
def arithmetic(dtype: torch.dtype) -> Iterator[None]:
    """Where dtype is float64, new tensors and casts such as `.float()` are float64 as well."""
    default = torch.get_default_dtype()
    if dtype is not torch.float64:
        yield
        return
    torch.set_default_dtype(dtype)
    try:
        with _Widened():
            yield
    finally:
        torch.set_default_dtype(default)


class _Widened(TorchDispatchMode):
    """Every operation that is asked for float32 gives float64."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        wide = [torch.float64 if value is torch.float32 else value for value in args]
        named = {
            name: torch.float64 if value is torch.float32 else value
            for name, value in (kwargs or {}).items()
        }
        return func(*wide, **named)


def attached(tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The tensors of the same size that are attributes of a tensor, such as `weight.org`."""
    for name, value in vars(tensor).items():
        if isinstance(value, Tensor) and value.shape == tensor.shape:
            yield name, value


@torch.no_grad()
def put(tensor: Tensor, value: Tensor) -> None:
    """Give a tensor of a copied module another value, and what is attached to it as well."""
    # In the memory format that it has: foreign code may call view().
    tensor.data = torch.empty_like(tensor).copy_(value).detach()
    for name, other in list(attached(tensor)):
        setattr(tensor, name, torch.empty_like(other).copy_(value))


def replaced(model: nn.Module, path: str, new: nn.Module) -> nn.Module:
    """The network with a module replaced in every place that holds it."""
    if not path:
        return new
    old = model.get_submodule(path)
    for parent in list(model.modules()):
        # Not named_children, which names a module in two places once.
        for name, child in list(parent._modules.items()):
            if child is old:
                parent._modules[name] = new
    return model
