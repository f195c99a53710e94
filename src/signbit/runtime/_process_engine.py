"""The C++ engine of one process."""

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

    A forked process has a copy of the memory, but not of the threads. What a thread was doing at
    the moment of the fork stays half done in the copy, so the copy is not used.

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

        normalized: whether the inputs are numbers in the model's own space instead of pixels.

        Raises: whatever a signal handler raises, such as KeyboardInterrupt. EngineError where a
            signal handler calls the engine that it interrupts.
        """
        own = self._here()
        # Python passes signals only to the main thread.
        signals = threading.get_ident() == threading.main_thread().ident
        with own.lock:  # a lock of Python: a signal is answered while a thread waits for it
            if own.busy:
                raise EngineError(
                    "a signal handler called the engine whose call it interrupts; use another "
                    "engine in the handler"
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
                f"({error}); use fewer threads, or end other programs"
            ) from error


class _Own:
    """An engine, the process that made it, and whether a call is running in it."""

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
