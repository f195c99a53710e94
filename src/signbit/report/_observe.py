"""Run a network on data, and keep its figures, its worst mistakes and some of the samples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data import Batch, Samples, Target
from signbit.errors import DataError
from signbit.format.signature import CLASSES
from signbit.runtime.engine import Engine
from signbit.scoring._measure import Measurement, count_answers
from signbit.scoring._probabilities import gives_probabilities, softmax

MOST_MISTAKES = 24
# The sections that look inside the network need samples of all kinds, but not all samples.
MOST_KEPT = 256


@dataclass(frozen=True)
class Mistake:
    """A sample for which the network answers a wrong class.

    place: the name of the sample, as in `Batch.places`.
    predicted: the name of the predicted class.
    probability: the probability of the predicted class, 0 to 1.
    true: the name of the true class.
    true_probability: the probability of the true class, 0 to 1.
    picture: (H, W, 1 or 3) uint8; None where the network has no image as input.
    """

    place: str
    predicted: str
    probability: float
    true: str
    true_probability: float
    picture: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Observed(Measurement):
    """The figures of a network on samples, its worst mistakes, and some of the samples.

    `outputs` is empty if the data has no true answers.

    mistakes: the mistakes with the highest probability of a wrong class, the worst first, at most
        24. None where no output has one class for a sample, or where the data has no true classes.
    wrong: number of all mistakes.
    kept: the inputs of at most 256 samples, spread evenly over the data, by the names of the
        inputs.
    kept_classes: the names of the true classes of these samples; None where they are not known.
    """

    mistakes: Sequence[Mistake] | None
    wrong: int
    kept: Mapping[str, NDArray[Any]]
    kept_classes: Sequence[str] | None


def observe(
    engine: Engine,
    samples: Samples,
    targets: Sequence[Target],
    batch_size: int = 256,
    threshold: float = 0.5,
    advance: Callable[[int], None] = lambda count: None,
) -> Observed:
    """Run every sample once, and collect what the page needs. True answers may be missing.

    engine: the packed network.
    samples: the samples, from `signbit.scoring.open_samples`.
    targets: the outputs, from `signbit.scoring.targets_of`.
    batch_size: number of samples in one batch. It changes the speed, not the result.
    threshold: a label counts as yes if its probability is above this number, between 0 and 1.
    advance: called with the number of samples after each batch.

    Raises: DataError where there is no sample; the errors of `signbit.scoring.measure` and of
        reading the samples.
    """
    known = [one for one in targets if one.name in samples.targets]
    classes = next((one for one in known if one.kind == CLASSES and not one.is_map), None)
    mistakes, kept = None if classes is None else _Mistakes(engine, classes), _Kept(classes)

    def look(batch: Batch, given: Mapping[str, NDArray[Any]]) -> None:
        if mistakes is not None:
            mistakes.add(batch, given)
        kept.add(batch)

    found = count_answers(engine, samples, known, batch_size, threshold, advance, look)
    if not found.samples:
        raise DataError(f"{samples.name}: no samples; give one or more")
    worst, wrong = (None, 0) if mistakes is None else (mistakes.worst, mistakes.count)
    inputs, names = kept.result()
    return Observed(**vars(found), mistakes=worst, wrong=wrong, kept=inputs, kept_classes=names)


class _Mistakes:
    """Keeps the mistakes with the highest probability. Among equal ones, the first are kept."""

    def __init__(self, engine: Engine, target: Target):
        self._name, self._classes = target.name, target.names
        node = next(one.node for one in engine.outputs if one.name == target.name)
        self._ready = gives_probabilities(engine.model, node)
        pictures = [one.name for one in engine.inputs if one.is_picture]
        self._picture = pictures[0] if pictures else None
        self.worst: list[Mistake] = []
        self.count = 0

    def add(self, batch: Batch, given: Mapping[str, NDArray[Any]]) -> None:
        """Count the mistakes of a batch."""
        scores, labels = given[self._name], np.asarray(batch.targets[self._name])
        answers = scores.argmax(axis=1)
        wrong = np.flatnonzero(answers != labels)
        self.count += len(wrong)
        probabilities = scores if self._ready else softmax(scores)
        strength = probabilities[wrong, answers[wrong]]
        order = wrong[np.argsort(-strength, kind="stable")[:MOST_MISTAKES]]
        for place in map(int, order):
            row, answer, label = probabilities[place], int(answers[place]), int(labels[place])
            picture = None
            if self._picture is not None:
                picture = np.array(batch.inputs[self._picture][place])
            self.worst.append(
                Mistake(
                    batch.places[place],
                    self._classes[answer],
                    float(row[answer]),
                    self._classes[label],
                    float(row[label]),
                    picture,
                )
            )
        self.worst = sorted(self.worst, key=lambda one: -one.probability)[:MOST_MISTAKES]


@dataclass
class _Kept:
    """Keeps every n-th sample. n doubles each time there are too many samples."""

    target: Target | None
    stride: int = 1
    seen: int = 0
    rows: list[tuple[dict[str, NDArray[Any]], str | None]] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Keep some samples of a batch."""
        for index in range(len(batch)):
            if self.seen % self.stride == 0:
                inputs = {name: np.array(array[index]) for name, array in batch.inputs.items()}
                self.rows.append((inputs, self._class_of(batch, index)))
            self.seen += 1
            if len(self.rows) > MOST_KEPT:
                self.rows, self.stride = self.rows[::2], 2 * self.stride

    def _class_of(self, batch: Batch, index: int) -> str | None:
        if self.target is None:
            return None
        return self.target.names[int(batch.targets[self.target.name][index])]

    def result(self) -> tuple[dict[str, NDArray[Any]], list[str] | None]:
        """The inputs, and the names of the classes."""
        names = [name for _, name in self.rows]
        inputs = {
            name: np.stack([inputs[name] for inputs, _ in self.rows]) for name in self.rows[0][0]
        }
        known = None if self.target is None else [name for name in names if name is not None]
        return inputs, known
