"""Run a network once and record the inputs of its modules."""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from signbit.convert._copies import arithmetic, deep_copy
from signbit.errors import AdoptError, first_line

Inputs = Mapping[str, list[tuple[Tensor, Any]]]


def inputs_of(model: nn.Module, example: tuple[Any, ...], paths: Collection[str]) -> Inputs:
    """The input and output of each call of the modules at these paths.

    Each call has one tensor as input and one as output. A path is left out where its module is also
    called in another way.

    Raises: AdoptError where the network does not run.
    """
    seen: dict[str, list[tuple[Tensor, Any]]] = {}
    odd: set[str] = set()
    copied = deep_copy(model)
    with ExitStack() as stack:
        for path in paths:
            module, calls = copied.get_submodule(path), seen.setdefault(path, [])
            before, after = _hooks(path, calls, odd)
            stack.callback(
                module.register_forward_pre_hook(before, prepend=True, with_kwargs=True).remove
            )
            stack.callback(module.register_forward_hook(after).remove)
        run(copied, example)
    return {path: calls for path, calls in seen.items() if calls and path not in odd}


def run(model: nn.Module, inputs: tuple[Any, ...], dtype: torch.dtype = torch.float32) -> Any:
    """The output of a network. It gets copies of the inputs, which it may change.

    dtype: float64 where network and inputs are in float64; casts to float32 then stay in float64.
    Raises: AdoptError.
    """
    given = [value.clone() if isinstance(value, Tensor) else value for value in inputs]
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]), arithmetic(dtype):
            return model(*given)
    # Foreign code may raise any error.
    except Exception as error:
        raise AdoptError(
            f"the network fails on the example: {first_line(error)}; give an input it accepts"
        ) from error


def _hooks(path: str, calls: list[tuple[Tensor, Any]], odd: set[str]):
    """Hooks that record a call. Its input is copied first, as the module may write into it."""
    waiting: list[Tensor | None] = []

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        values = [*args, *kwargs.values()]
        single = len(args) == 1 and not kwargs and isinstance(values[0], Tensor)
        waiting.append(values[0].detach().clone() if single else None)

    def after(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        x = waiting.pop()
        if x is None or not isinstance(output, Tensor) or not x.is_floating_point():
            odd.add(path)
        else:
            calls.append((x, output.detach().clone()))

    return before, after
