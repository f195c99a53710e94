"""The answers of a packed network of any task, sample by sample. Needs only NumPy and Pillow."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data import Batch, Target, label_of
from signbit.errors import DataError
from signbit.format.signature import CLASSES, LABELS
from signbit.runtime.engine import Engine
from signbit.scoring._predict import Unreadable
from signbit.scoring._probabilities import (
    gives_probabilities,
    require_numbers,
    score_of,
    sigmoid,
    softmax,
)
from signbit.scoring._reading import read_ahead

Pair = tuple[str, float]


@dataclass(frozen=True)
class ClassAnswer:
    """The likeliest classes.

    top: pairs of name and probability (0 to 1), the likeliest first.
    """

    top: Sequence[Pair]

    def to_dict(self) -> dict[str, Any]:
        """The answer for JSON."""
        return {"top": [{"class": name, "probability": share} for name, share in self.top]}


@dataclass(frozen=True)
class LabelAnswer:
    """The probabilities of all labels.

    probabilities: pairs of name and probability (0 to 1), one for every label.
    labels: the names of the labels above the threshold.
    """

    probabilities: Sequence[Pair]
    labels: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """The answer for JSON."""
        return {"labels": list(self.labels), "probabilities": dict(self.probabilities)}


@dataclass(frozen=True)
class NumberAnswer:
    """The answers of an output of numbers.

    numbers: pairs of name and number, one for every quantity.
    """

    numbers: Sequence[Pair]

    def to_dict(self) -> dict[str, Any]:
        """The answer for JSON. An infinite number is null."""
        finite = {name: one if math.isfinite(one) else None for name, one in self.numbers}
        return {"numbers": finite}


@dataclass(frozen=True)
class MapAnswer:
    """The answer for each place of a sequence or a map.

    values: for classes, their indices, without an axis of channels. For labels, their
        probabilities, and for numbers, the numbers, both with channels last.
    """

    values: NDArray[Any]


OutputAnswer = ClassAnswer | LabelAnswer | NumberAnswer | MapAnswer


@dataclass(frozen=True)
class Answer:
    """The network's answer for one sample.

    place: the path of its file, or its number in a table or array.
    outputs: the answers, by the names of the outputs.
    true: the true class, if it is known and the network has one output of classes that is not a
        map.
    inputs: the arrays of the sample, by the names of the inputs.
    """

    place: str
    outputs: Mapping[str, OutputAnswer]
    true: str | None = None
    inputs: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class Answerer:
    """Computes the answers for samples, in a form that depends on the kinds of the outputs.

    The probabilities of classes are the softmax of the scores, unless the network ends in a softmax
    or in a mean of several. The probabilities of labels are the sigmoid of the scores.

    engine: the packed network.
    targets: the outputs, from `targets_of`.
    threshold: a label is in the answer if its probability is above this number, between 0 and 1.
    top: number of likeliest classes in an answer.

    Raises: UsageError for a threshold that is not between 0 and 1.
    """

    def __init__(
        self, engine: Engine, targets: Sequence[Target], threshold: float = 0.5, top: int = 1
    ):
        self._engine, self._targets, self._top = engine, targets, top
        self._cut = score_of(threshold)
        self._nodes = {one.name: one.node for one in engine.outputs}
        rows = [one for one in targets if one.kind == CLASSES and not one.is_map]
        self.classes = rows[0] if len(rows) == 1 else None
        """The only output of classes that is not a map; None where there is none, or several."""

    def batches(self, batches: Iterable[Batch]) -> Iterator[Answer]:
        """Yield the answers for all samples, in order. Raises: CheckpointError for NaN."""
        for batch in batches:
            yield from self._answers(batch, self._given_classes(batch))

    def files(
        self,
        paths: Iterable[Path],
        read: Callable[[Path], NDArray[Any]],
        batch_size: int,
        numbered: Sequence[str] | None = None,
    ) -> Iterator[Answer | Unreadable]:
        """Yield the answers for files, each of which is one sample of the only input.

        The true class is that in the name of the file or its folder.

        paths: the files.
        read: reads the sample in a file. If it raises a DataError, the file is unreadable.
        batch_size: number of files in one batch.
        numbered: as in `predict`.

        Raises: CheckpointError for NaN.
        """
        name = self._engine.inputs[0].name
        for batch in read_ahead(paths, read, batch_size):
            good = [(path, one) for path, one in batch if not isinstance(one, DataError)]
            answers: Iterator[Answer] = iter(())
            if good:
                places = [str(path) for path, _ in good]
                inputs = {name: np.stack([one for _, one in good])}
                said = [self._class_said(path, numbered) for path in places]
                answers = self._answers(Batch(places, inputs), said)
            for path, one in batch:
                yield Unreadable(path, str(one)) if isinstance(one, DataError) else next(answers)

    def _answers(self, batch: Batch, true: Sequence[str | None]) -> Iterator[Answer]:
        given = self._engine.run(batch.inputs)
        columns = {one.name: self._of(one, given[one.name]) for one in self._targets}
        for index, place in enumerate(batch.places):
            outputs = {name: answers[index] for name, answers in columns.items()}
            inputs = {name: array[index] for name, array in batch.inputs.items()}
            yield Answer(place, outputs, true[index], inputs)

    def _given_classes(self, batch: Batch) -> Sequence[str | None]:
        target = self.classes
        if target is None or target.name not in batch.targets:
            return [None] * len(batch)
        return [target.names[int(label)] for label in batch.targets[target.name]]

    def _class_said(self, path: str, numbered: Sequence[str] | None) -> str | None:
        if self.classes is None:
            return None
        label = label_of(path, self.classes.names, numbered)
        return None if label is None else self.classes.names[label]

    def _of(self, target: Target, given: NDArray[Any]) -> Sequence[OutputAnswer]:
        require_numbers(given, "scores" if target.kind in (CLASSES, LABELS) else "numbers")
        if target.is_map:
            return [MapAnswer(one) for one in self._map(target, given)]
        if target.kind == CLASSES:
            return self._classes(target, given)
        if target.kind == LABELS:
            return self._labels(target, given)
        return [NumberAnswer(_pairs(target, row)) for row in given]

    def _map(self, target: Target, given: NDArray[Any]) -> NDArray[Any]:
        if target.kind == CLASSES:
            return given.argmax(axis=-1)
        return sigmoid(given).astype(np.float32) if target.kind == LABELS else given

    def _classes(self, target: Target, scores: NDArray[np.float32]) -> list[ClassAnswer]:
        ready = gives_probabilities(self._engine.model, self._nodes[target.name])
        probabilities = scores if ready else softmax(scores)
        order = np.argsort(-scores, axis=1, kind="stable")[:, : self._top]
        return [
            ClassAnswer([(target.names[int(place)], float(row[place])) for place in best])
            for row, best in zip(probabilities, order, strict=True)
        ]

    def _labels(self, target: Target, scores: NDArray[np.float32]) -> list[LabelAnswer]:
        yes = scores > self._cut
        return [
            LabelAnswer(
                _pairs(target, row),
                [name for name, there in zip(target.names, found, strict=True) if there],
            )
            for row, found in zip(sigmoid(scores), yes, strict=True)
        ]


def _pairs(target: Target, row: NDArray[Any]) -> list[Pair]:
    return [(name, float(value)) for name, value in zip(target.names, row, strict=True)]
