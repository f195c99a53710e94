"""The Python interface of the C++ engine."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import UsageError
from signbit.format import Input, Output, PackedModel, Preprocessing
from signbit.format.signature import CLASSES
from signbit.runtime import _engine
from signbit.runtime._features import node_of, with_features
from signbit.runtime._process_engine import ProcessEngine
from signbit.runtime.samples import (
    Layout,
    Samples,
    as_output,
    as_words,
    checked_inputs,
    checked_numbers,
    empty_values,
    in_layout,
    require_layout,
)

MAX_THREADS = 256


def available_isas() -> list[str]:
    """The instruction sets that the engine can use on this machine, the fastest first."""
    return list(_engine.isas())


class Engine:
    """Runs a packed network; needs neither torch nor training code.

    Call it with an array, (N, *shape of the input): uint8 pixels or codes, float32 numbers, or
    bits. Bits are bool, True for +1, or uint64 words of 64 channels. It returns the array of the
    output, (N, channels), (N, length, channels) or (N, height, width, channels): float32, int32 for
    sums, or bool for bits. A network with several inputs accepts a dict of arrays by their names. A
    network with several outputs returns such a dict.

    The results are the same for any batch size, number of threads and instruction set. Several
    Python threads may share one engine. Their calls wait for each other, without holding the
    interpreter. A signal, such as Ctrl-C, is answered during a call of the main thread.

    A forked process that goes on using an engine gets threads of its own for it. A pickle or copy
    of an engine holds the content of its file, `threads`, `isa` and `layout`.

    model: the packed network; `signbit.load` reads it from a file.
    threads: how many threads work on a call; 1 starts no thread.
    isa: an instruction set of `available_isas`. None stands for the one in the environment variable
        SIGNBIT_ISA, or else for the fastest.
    layout: "file" for arrays with channels last; "torch" for (N, C), (N, C, L), (N, C, H, W).

    Raises: UsageError for a number of threads, an instruction set or a layout that is not possible.
        EngineError where the machine has no memory or threads left.
    """

    def __init__(
        self,
        model: PackedModel,
        threads: int = 1,
        isa: str | None = None,
        layout: Layout = "file",
    ):
        if type(threads) is not int or not 1 <= threads <= MAX_THREADS:
            raise UsageError(f"threads is {threads!r}; give a whole number, 1 to {MAX_THREADS}")
        self.layout: Layout = require_layout(layout)
        self.model, self._isa = model, isa
        self._process_engine = ProcessEngine(model, threads, chosen_isa(isa))
        self._of_features: dict[int, Engine] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        from signbit.format.file import to_bytes

        return _unpickle, (to_bytes(self.model), self.threads, self._isa, self.layout)

    @property
    def inputs(self) -> Sequence[Input]:
        """The inputs of the network: names, kinds and shapes, channels last."""
        return self.model.inputs

    @property
    def outputs(self) -> Sequence[Output]:
        """The outputs of the network: names, kinds, and names of channels."""
        return self.model.outputs

    @property
    def preprocessing(self) -> Preprocessing:
        """Pixels and classes of a network of images. Raises: UsageError for another network."""
        return self.model.preprocessing

    @property
    def classes(self) -> int:
        """The number of classes. Raises: UsageError as in `classify`."""
        return self.model.types[self._of_classes().node].channels

    @property
    def threads(self) -> int:
        """The number of threads that work on a call."""
        return self._process_engine.engine.threads

    @property
    def isa(self) -> str:
        """The instruction set in use."""
        return self._process_engine.engine.isa

    def __call__(self, inputs: Samples) -> Any:
        """The array of the output, or a dict of arrays where there are several.

        Raises: InputTypeError for an array of another type. UsageError for another shape, a missing
            or unknown name, NaN, or no sample. Each names the input.
        """
        given = self.run(inputs)
        return next(iter(given.values())) if len(given) == 1 else given

    def run(self, inputs: Samples) -> dict[str, NDArray[Any]]:
        """The arrays of all outputs by their names. Raises: as a call."""
        return self._run(checked_inputs(self.model, inputs, self.layout))

    def scores(self, inputs: Samples) -> NDArray[Any]:
        """The array of the first output: the scores of a classifier. Raises: as a call."""
        return next(iter(self.run(inputs).values()))

    def classify(self, inputs: Samples) -> NDArray[np.int64]:
        """The class with the highest score; of equal scores, the lowest class.

        Shape: (N,); for a map of classes, (N, length) or (N, height, width).

        Raises: as a call, and UsageError where not exactly one output has the kind "classes".
        """
        output = self._of_classes()
        channels = -1 if self.layout == "file" else 1
        return self.run(inputs)[output.name].argmax(axis=channels)

    def features(self, inputs: Samples, of: int | str | Sequence[int | str]) -> Any:
        """Values from inside the network, by the numbers of nodes or the paths of modules.

        of: one number or path, or a list. A path stands for the last node that packing made from
            that module of torch. A second engine is made for each new node, and kept.

        Returns: an array in the engine's layout, (N, C) for a row, else (N, H, W, C). It is
            float32, int32, or bool for bits. For a list, a dict of such arrays.

        Raises: as a call, and UsageError for a node or a path that the network does not have.
        """
        if isinstance(of, int | str):
            return self._features_of(inputs, of)
        return {one: self._features_of(inputs, one) for one in of}

    def from_normalized(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of images in the model's own space, scale * pixel + bias.

        This is only for networks whose first layer computes with real numbers. Other networks read
        the pixels themselves, as integers.

        Shape:  (N, *shape of the input) float32, channels last, to the array of the first output.
        Raises: as a call, and UsageError for a network that reads pixels as integers.
        """
        if not self._process_engine.engine.takes_normalized:
            raise UsageError("this network reads the pixels as integers; give it uint8 images")
        numbers = checked_numbers(self.inputs[0], images)
        return next(iter(self._run([numbers], normalized=True).values()))

    def timed(self, inputs: Samples) -> dict[int, float]:
        """Seconds in each step, by the first node that the step computes.

        They count samples that the calling thread runs, and samples that all threads share.

        Raises: as a call.
        """
        nodes = self._process_engine.engine.step_nodes
        seconds = np.zeros(len(nodes))
        self._run(checked_inputs(self.model, inputs, self.layout), seconds)
        return dict(zip(nodes, seconds.tolist(), strict=True))

    def _of_classes(self) -> Output:
        found = [one for one in self.outputs if one.kind == CLASSES]
        if len(found) == 1:
            return found[0]
        given = ", ".join(f"{one.name} ({one.kind})" for one in self.outputs)
        raise UsageError(f"this is only for networks with one output of classes, not for {given}")

    def _features_of(self, inputs: Samples, of: int | str) -> NDArray[Any]:
        number = node_of(self.model, of)
        if number not in self._of_features:
            model = with_features(self.model, number)
            self._of_features[number] = Engine(model, self.threads, self._isa, self.layout)
        return self._of_features[number].scores(inputs)

    def _run(
        self,
        inputs: list[NDArray[Any]],
        seconds: NDArray[np.float64] | None = None,
        normalized: bool = False,
    ) -> dict[str, NDArray[Any]]:
        taken = [as_words(one, array) for one, array in zip(self.inputs, inputs, strict=True)]
        types = [self.model.types[one.node] for one in self.outputs]
        given = [empty_values(value, len(inputs[0])) for value in types]
        self._process_engine.run(taken, given, seconds, normalized)
        return {
            one.name: in_layout(as_output(array, value, one.rank), self.layout)
            for one, array, value in zip(self.outputs, given, types, strict=True)
        }


def chosen_isa(isa: str | None) -> str:
    """The wanted instruction set: `isa`, or else that of SIGNBIT_ISA, or else '' for the fastest.

    Raises: UsageError where this processor does not have it.
    """
    chosen = os.environ.get("SIGNBIT_ISA", "") if isa is None else isa
    known = available_isas()
    if chosen and chosen not in known:
        source = "SIGNBIT_ISA" if isa is None else "isa"
        raise UsageError(f"{source} is {chosen!r}; this processor can run: {', '.join(known)}")
    return chosen


def _unpickle(content: bytes, threads: int, isa: str | None, layout: Layout) -> Engine:
    return Engine(PackedModel.load(content), threads, isa, layout)
