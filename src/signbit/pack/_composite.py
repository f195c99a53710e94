"""Operators that torch composes of others. In inference mode a mode sees them whole."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_COMPOSITE = "CompositeImplicitAutograd"


def run_as_parts(mode: TorchDispatchMode, func: Any, args: Any, kwargs: Any) -> Any:
    """Run an operator so that the mode sees its parts; NotImplemented where it has none."""
    whole = isinstance(func, torch._ops.OpOverload) and torch.is_inference_mode_enabled()
    if not whole or not torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), _COMPOSITE):
        return NotImplemented
    with mode:
        # func.decompose would prefer parts in Python, which round differently.
        return func._op_dk(getattr(torch._C.DispatchKey, _COMPOSITE), *args, **kwargs)
