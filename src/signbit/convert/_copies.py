"""Copy foreign modules, with the tensors that `copy.deepcopy` does not copy."""

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
    # A foreign object may raise any error when it is copied.
    except Exception as error:
        raise AdoptError(
            f"{type(module).__name__} cannot be copied: {first_line(error)}; give a network that "
            "copy.deepcopy can copy"
        ) from error
    return copied


def in_double(module: nn.Module) -> nn.Module:
    """Change the numbers of `module` to float64, also those in attributes. Returns `module`."""
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
    """Where dtype is float64, new tensors and casts such as `.float()` also give float64."""
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
    """Makes every operation that is asked for float32 return float64."""

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
    """Give a tensor of a copied module another value, and also the tensors attached to it."""
    # The value keeps the tensor's memory format, because foreign code may call view().
    tensor.data = torch.empty_like(tensor).copy_(value).detach()
    for name, other in list(attached(tensor)):
        setattr(tensor, name, torch.empty_like(other).copy_(value))


def replaced(model: nn.Module, path: str, new: nn.Module) -> nn.Module:
    """The network with a module replaced in every place that holds it."""
    if not path:
        return new
    old = model.get_submodule(path)
    for parent in list(model.modules()):
        # named_children would name a module that stands in two places only once.
        for name, child in list(parent._modules.items()):
            if child is old:
                parent._modules[name] = new
    return model
