"""A place in a network: the module's path and the line of its source."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules import module as torch_module

import signbit

_NOT_THE_USERS = tuple(
    f"{Path(package.__file__ or '').parent}{os.sep}" for package in (torch, signbit)
)


class Place(NamedTuple):
    """A place in a network.

    path: path of the innermost module that runs; '' for the network itself.
    kind: the class of that module.
    line: file and line of the user's code, where there is any.
    """

    path: str
    kind: str
    line: str = ""

    def __str__(self) -> str:
        name = self.path or self.kind
        return f"{name} ({self.line})" if self.line else name


class Places:
    """Follows which module of a network runs."""

    def __init__(self, model: nn.Module):
        self._paths = {id(module): path for path, module in model.named_modules()}
        self._running = [("", type(model).__name__)]

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Note the modules that are called, until the context ends."""
        enter = torch_module.register_module_forward_pre_hook(self._enter)
        leave = torch_module.register_module_forward_hook(self._leave, always_call=True)
        try:
            yield
        finally:
            enter.remove()
            leave.remove()

    def here(self) -> Place:
        """The place that runs now."""
        path, kind = self._running[-1]
        return Place(path, kind, _users_line())

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        # A module that is made while the network runs has no path. It counts as part of its caller.
        path = self._paths.get(id(module), self._running[-1][0])
        self._running.append((path, type(module).__name__))

    def _leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._running.pop()


def _users_line() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        # pack() was called from here: the network itself has no line of the user's.
        if id(code) in _CALLERS:
            return ""
        if _is_users(code.co_filename):
            return f"{Path(code.co_filename).name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


@lru_cache(maxsize=4096)
def _is_users(file: str) -> bool:
    return not file.startswith(_NOT_THE_USERS)


# The addresses of the code of functions. To compare the codes themselves takes long.
_CALLERS: set[int] = set()


def is_outermost(function: Any) -> Any:
    """Decorator: what called this function is not part of the network."""
    _CALLERS.add(id(function.__code__))
    return function
