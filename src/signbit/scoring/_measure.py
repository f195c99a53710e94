"""Measure a packed network of any task on samples with true answers. Needs only NumPy."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from signbit.data import Batch, Samples, Target
from signbit.errors import UsageError
from signbit.format.signature import CLASSES, LABELS
from signbit.runtime.engine import Engine
from signbit.scoring._counts import ClassificationCounter
from signbit.scoring._labels import LabelCounter
from signbit.scoring._maps import MapCounter
from signbit.scoring._numbers import NumberCounter
from signbit.scoring._probabilities import gives_probabilities, score_of


class Counter(Protocol):
    """Counts the answers of one output, batch by batch."""

    def add(self, given: NDArray[Any], truth: NDArray[Any], /) -> None:
        """Count a batch: the values that the network returns, and the true answers."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The figures of all batches, for JSON."""
        ...


@dataclass(frozen=True)
class Measurement:
    """The figures of a network on samples.

    data: the name of the data.
    samples: number of samples.
    seconds: the time that reading and computing took.
    outputs: kind, rank and figures of each output that has true answers, by its name.
    clipped: how many numbers were outside the range of the codes of each u8 input, by its name.
        Inputs without such numbers are left out.
    """

    data: str
    samples: int
    seconds: float
    outputs: Mapping[str, Mapping[str, Any]]
    clipped: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The figures for JSON. Shares are from 0 to 1, and null where there is no figure."""
        return {
            "data": self.data,
            "samples": self.samples,
            "samples_per_second": self.samples / max(self.seconds, 1e-9),
            "clipped": dict(self.clipped),
            "outputs": {name: dict(figures) for name, figures in self.outputs.items()},
        }


def measure(
    engine: Engine,
    samples: Samples,
    targets: Sequence[Target],
    batch_size: int = 256,
    threshold: float = 0.5,
    advance: Callable[[int], None] = lambda count: None,
) -> Measurement:
    """Run every sample, and count the answers of each output by its kind.

    engine: the packed network.
    samples: the samples, from `open_samples` or `open_file`.
    targets: the outputs to measure, from `targets_of`. Outputs for which `samples` has no true
        answers are left out.
    batch_size: number of samples in one batch. It changes the speed, not the result.
    threshold: a label counts as yes if its probability is above this number, between 0 and 1.
    advance: called with the number of samples after each batch.

    Raises: UsageError where no output has true answers, and for a threshold that is not between 0
        and 1; the errors of reading the samples.
    """
    score_of(threshold)
    chosen = [one for one in targets if one.name in samples.targets]
    if not chosen:
        names = ", ".join(one.name for one in targets)
        raise UsageError(
            f"{samples.name} has no true answers for {names}; give their columns or arrays with "
            "--target"
        )
    return count_answers(engine, samples, chosen, batch_size, threshold, advance)


def count_answers(
    engine: Engine,
    samples: Samples,
    targets: Sequence[Target],
    batch_size: int,
    threshold: float,
    advance: Callable[[int], None],
    look: Callable[[Batch, Mapping[str, NDArray[Any]]], None] = lambda batch, given: None,
) -> Measurement:
    """Run every sample once, and count the answers of the targets. There may be no targets.

    targets: the targets for which `samples` has true answers.
    look: called with each batch, and with the values that the network returns for it.
    """
    counters = {one.name: counter_for(engine, one, threshold) for one in targets}
    count, start = 0, time.perf_counter()
    for batch in samples.batches(batch_size):
        given = engine.run(batch.inputs)
        for name, counter in counters.items():
            counter.add(given[name], batch.targets[name])
        look(batch, given)
        count += len(batch)
        advance(len(batch))
    seconds = time.perf_counter() - start
    outputs = {
        one.name: {"kind": one.kind, "rank": len(one.shape), **counters[one.name].to_dict()}
        for one in targets
    }
    clipped = {name: clips for name, clips in samples.clipped.items() if clips}
    return Measurement(samples.name, count, seconds, outputs, clipped)


def counter_for(engine: Engine, target: Target, threshold: float) -> Counter:
    """The counter for an output's kind and rank."""
    if target.kind == CLASSES and target.is_map:
        return MapCounter(target.names)
    if target.kind == CLASSES:
        node = next(one.node for one in engine.outputs if one.name == target.name)
        return _NamedClasses(target.names, gives_probabilities(engine.model, node))
    if target.kind == LABELS:
        return LabelCounter(target.names, threshold, ranked=not target.is_map)
    return NumberCounter(target.names)


class _NamedClasses:
    """A `ClassificationCounter` that knows the names of the classes."""

    def __init__(self, names: Sequence[str], probabilities: bool):
        self._names = tuple(names)
        self._counter = ClassificationCounter(len(self._names), probabilities)

    def add(self, scores: NDArray[Any], truth: NDArray[Any]) -> None:
        self._counter.add(scores, truth)

    def to_dict(self) -> dict[str, Any]:
        figures = self._counter.result()
        return {"samples": figures.images, **figures.to_dict(self._names)}
