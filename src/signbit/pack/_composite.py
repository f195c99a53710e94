"""Operators that torch makes of others: in inference mode it hands them over whole."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_COMPOSITE = "CompositeImplicitAutograd"


def run_as_parts(mode: TorchDispatchMode, func: Any, args: Any, kwargs: Any) -> Any:
    """What the operator gives, while the mode sees its parts; NotImplemented where it has none."""
    whole = isinstance(func, torch._ops.OpOverload) and torch.is_inference_mode_enabled()
    if not whole or not torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), _COMPOSITE):
        return NotImplemented
    with mode:
        # Not func.decompose, which prefers parts in Python that round otherwise.
        return func._op_dk(getattr(torch._C.DispatchKey, _COMPOSITE), *args, **kwargs)
