"""The C++ engine as one process has it."""

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import EngineError
from signbit.format import Node, PackedModel
from signbit.format.ops import operations
from signbit.format.types import Choice, Choices
from signbit.runtime import _engine


class ProcessEngine:
    """A C++ engine that is made anew in every process that uses it.

    A forked process has a copy of the memory, but none of the threads: what a thread was doing at
    that moment stays half done in the copy. So the copy is left alone.

    Raises: EngineError where the machine has no memory or threads left.
    """

    def __init__(self, model: PackedModel, threads: int, isa: str):
        self._model, self._threads, self._isa = model, threads, isa
        self._own = self._make()

    @property
    def engine(self) -> _engine.Engine:
        """The engine of this process. Raises: EngineError."""
        return self._here().engine

    def run(
        self,
        inputs: list[NDArray[Any]],
        outputs: list[NDArray[Any]],
        seconds: NDArray[np.float64] | None = None,
        normalized: bool = False,
    ) -> None:
        """Fill `outputs`, and add to `seconds` of each step; bits are words.

        normalized: whether numbers in the model's own space are given in place of pixels.

        Raises: what a signal handler raises, such as KeyboardInterrupt, and EngineError where a
        signal handler calls the engine that it interrupts.
        """
        own = self._here()
        # Python hands signals to the main thread alone.
        signals = threading.get_ident() == threading.main_thread().ident
        with own.lock:  # of Python: a signal is answered while waiting for it
            if own.busy:
                raise EngineError(
                    "an engine was called by a signal handler that interrupts its own call; use "
                    "another engine there"
                )
            own.busy = True
            try:
                own.engine.run(inputs, outputs, normalized, seconds, signals)
            finally:
                own.busy = False

    def _here(self) -> "_Own":
        own = self._own
        if own.process != os.getpid():
            own = self._own = self._make()
        return own

    def _make(self) -> "_Own":
        nodes = [_plain(node) for node in self._model.nodes]
        types = [tuple(one) for one in self._model.types]
        outputs = [one.node for one in self._model.outputs]
        try:
            return _Own(_engine.Engine(types, nodes, outputs, self._threads, self._isa))
        except (MemoryError, OSError) as error:
            raise EngineError(
                f"this machine has no room to run the network on {self._threads} threads "
                f"({error}); take fewer, or end other programs"
            ) from error


class _Own:
    """An engine, the process that made it, and whether a call is at work in it."""

    def __init__(self, engine: _engine.Engine):
        self.engine, self.process = engine, os.getpid()
        self.lock, self.busy = threading.RLock(), False


def _plain(
    node: Node,
) -> tuple[str, list[int], dict[str, list[float]], dict[str, list[str]], dict[str, Any]]:
    """A node in plain types; tensors as bytes."""
    numbers: dict[str, list[float]] = {}
    names: dict[str, list[str]] = {}
    for name, check in operations.get(node.op).attributes.items():
        value = check.check(name, node.attributes[name])
        values = value if isinstance(value, tuple) else (value,)
        if isinstance(check, Choice | Choices):
            names[name] = [str(one) for one in values]
        else:
            numbers[name] = [float(one) for one in values]
    tensors = {
        name: np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        for name, value in node.tensors.items()
    }
    return node.op, list(node.inputs), numbers, names, tensors
