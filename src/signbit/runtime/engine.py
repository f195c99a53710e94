"""The Python face of the C++ engine."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import InputTypeError, UsageError
from signbit.format import PackedModel, Preprocessing
from signbit.runtime import _engine
from signbit.runtime._process_engine import ProcessEngine

MAX_THREADS = 256


def available_isas() -> list[str]:
    """The instruction sets that the engine can run with here, the fastest first."""
    return list(_engine.isas())


class Engine:
    """Runs a packed network; needs neither torch nor training code.

    Takes uint8 pixels, (N, H, W, C), and gives float32 scores, (N, classes). The same scores
    come out for any batch size, number of threads and instruction set. Several Python threads may
    share one engine; their calls wait for each other, without holding the interpreter. A signal,
    such as Ctrl-C, is answered during a call of the main thread.

    A forked process that goes on with an engine gets threads of its own for it. Pickling or copying
    an engine carries the content of its file, `threads` and `isa`.

    threads: how many work on a call; 1 starts none.
    isa: an instruction set of `available_isas`; None for SIGNBIT_ISA, or else the fastest.

    Raises: UsageError for a number of threads or an instruction set that cannot be; EngineError
        where the machine has no memory or threads left.
    """

    def __init__(self, model: PackedModel, threads: int = 1, isa: str | None = None):
        if type(threads) is not int or not 1 <= threads <= MAX_THREADS:
            raise UsageError(f"threads is {threads!r}; give a whole number, 1 to {MAX_THREADS}")
        self.preprocessing: Preprocessing = model.preprocessing
        self.classes = model.classes
        self._expected = (*model.preprocessing.size, model.preprocessing.channels)
        self._model, self._isa = model, isa
        self._process_engine = ProcessEngine(model, threads, chosen_isa(isa))

    def __reduce__(self) -> tuple[Any, ...]:
        from signbit.format.file import to_bytes

        return _unpickle, (to_bytes(self._model), self.threads, self._isa)

    @property
    def threads(self) -> int:
        """How many threads work on a call."""
        return self._process_engine.engine.threads

    @property
    def isa(self) -> str:
        """The instruction set in use."""
        return self._process_engine.engine.isa

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores of images, the class of the highest being the answer.

        Shape:  (N, H, W, C) uint8 to (N, classes) float32.
        Raises: InputTypeError for another dtype, UsageError for another shape or no image.
        """
        return self._run(pixels, np.uint8)

    __call__ = scores

    def classify(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The class of the highest score, of equal ones the lowest.  Shape: (N,)."""
        return self.scores(pixels).argmax(axis=1)

    def from_normalized(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of images in the model's own space, scale * pixel + bias.

        Only for networks whose first layer is computed on real numbers: others take the pixels
        themselves, as integers.

        Shape:  (N, H, W, C) float32 to (N, classes) float32.
        Raises: as `scores`.
        """
        if not self._process_engine.engine.takes_normalized:
            raise UsageError(
                "this network computes on the pixels as integers; give it uint8 images"
            )
        return self._run(images, np.float32)

    def timed(self, pixels: NDArray[np.uint8]) -> dict[int, float]:
        """Seconds in each step, by the first node that it stands for.

        Those of images that the calling thread runs, and of images that all threads share.
        """
        nodes = self._process_engine.engine.step_nodes
        seconds = np.zeros(len(nodes))
        self._run(pixels, np.uint8, seconds)
        return dict(zip(nodes, seconds.tolist(), strict=True))

    def _run(
        self, images: NDArray[Any], dtype: Any, seconds: NDArray[np.float64] | None = None
    ) -> NDArray[np.float32]:
        fits = isinstance(images, np.ndarray) and images.dtype == dtype and images.ndim == 4
        if not fits or images.shape[1:] != self._expected or not len(images):
            raise self._refusal(images, dtype)
        scores = np.empty((len(images), self.classes), np.float32)
        self._process_engine.run(np.ascontiguousarray(images), scores, seconds)
        return scores

    def _refusal(self, images: Any, dtype: Any) -> Exception:
        height, width, channels = self._expected
        wanted = f"{np.dtype(dtype)} of shape (N, {height}, {width}, {channels})"
        if not isinstance(images, np.ndarray) or images.dtype != dtype:
            kind = images.dtype if isinstance(images, np.ndarray) else type(images).__name__
            return InputTypeError(f"images are {kind}; the network takes {wanted}")
        return UsageError(
            f"images have the shape {images.shape}; the network takes {wanted}, N at least 1"
        )


def chosen_isa(isa: str | None) -> str:
    """The instruction set asked for, by SIGNBIT_ISA where it is None; '' for the fastest.

    Raises: UsageError where this processor does not have it.
    """
    chosen = os.environ.get("SIGNBIT_ISA", "") if isa is None else isa
    known = available_isas()
    if chosen and chosen not in known:
        source = "SIGNBIT_ISA" if isa is None else "isa"
        raise UsageError(f"{source} is {chosen!r}; this processor runs: {', '.join(known)}")
    return chosen


def _unpickle(content: bytes, threads: int, isa: str | None) -> Engine:
    return Engine(PackedModel.load(content), threads, isa)
