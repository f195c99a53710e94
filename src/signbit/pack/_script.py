"""Refuse TorchScript that reads numbers without an operator of torch."""

import torch
from torch import nn

from signbit.errors import PackError


def require_operators(model: nn.Module) -> None:
    """Raises: PackError where a scripted module makes a list of numbers, which cannot be seen."""
    scripted = {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, torch.jit.ScriptModule)
    }
    # The code of a module contains the code of its parts. The innermost one is named.
    for path, module in reversed(scripted.items()):
        if any(_makes_lists(module._c._get_method(name)) for name in module._c._method_names()):
            raise PackError(
                f"{path or type(model).__name__}: its TorchScript calls tolist(), and the list "
                "may decide what runs; compute with torch"
            )


def _makes_lists(method: torch._C.ScriptMethod) -> bool:
    graph = method.graph.copy()
    torch._C._jit_pass_inline(graph)
    return bool(list(graph.findAllNodes("prim::tolist")))  # pyright: ignore[reportAttributeAccessIssue]
