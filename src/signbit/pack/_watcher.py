"""Modes that see every operator that torch runs, also inside those that torch composes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_COMPOSITE = "CompositeImplicitAutograd"


class Watcher(TorchDispatchMode):
    """Sees operators. Torch does not load its compiler for it: that would take most of a second."""

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def run_as_parts(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Run a composite operator, which inference mode shows whole, so that its parts are seen.

        Returns: its result; NotImplemented for an operator without parts.
        """
        whole = isinstance(func, torch._ops.OpOverload) and torch.is_inference_mode_enabled()
        if not whole or not torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), _COMPOSITE):
            return NotImplemented
        with self:
            # func.decompose would prefer parts in Python, which round differently.
            return func._op_dk(getattr(torch._C.DispatchKey, _COMPOSITE), *args, **kwargs)


def compiler_is_loaded() -> bool:
    """Whether something has loaded torch's compiler, as torch.compile and torch.cond do."""
    return "torch._dynamo" in sys.modules


@contextmanager
def as_written() -> Iterator[None]:
    """Run compiled functions as they are written. The compiler would compile the mode as well."""
    if not compiler_is_loaded():
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
