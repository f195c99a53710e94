"""Accuracy and confusions of a classifier, counted batch by batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import CheckpointError, UsageError
from signbit.scoring._calibration import CalibrationCounter
from signbit.scoring._probabilities import softmax

MOST_TOP = 5
# The confusion matrix has the square of this number of entries.
MOST_CLASSES = 1 << 15


@dataclass(frozen=True)
class Classification:
    """The counts of all images. Every figure is computed from whole numbers.

    confusion: (classes, classes) int64; a row is a true class, a column is a predicted class.
    in_top: number of images whose true class is among the `top` highest scores.
    top: 5, or the number of classes if there are fewer.
    calibration_error: the expected calibration error, 0 (best) to 1; None without images.
    """

    confusion: NDArray[np.int64]
    in_top: int
    top: int
    calibration_error: float | None = None

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.confusion.sum())

    @property
    def top1(self) -> float | None:
        """Share of images whose true class has the highest score, 0 to 1; None without images."""
        return _share(int(np.trace(self.confusion)), self.images)

    @property
    def top5(self) -> float | None:
        """Share of images whose true class is in the `top` scores, 0 to 1; None without images."""
        return _share(self.in_top, self.images)

    @property
    def per_class(self) -> list[float | None]:
        """For each class, the share of its images with a right answer, 0 to 1.

        A class without images has None.
        """
        totals = self.confusion.sum(axis=1)
        rights = np.diagonal(self.confusion)
        return [_share(int(r), int(t)) for r, t in zip(rights, totals, strict=True)]

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """The figures for JSON. names: the names of the classes."""
        return {
            "top1": self.top1,
            "top5": self.top5,
            "calibration_error": self.calibration_error,
            "classes": list(names),
            "per_class": dict(zip(names, self.per_class, strict=True)),
            "confusion": self.confusion.tolist(),
        }


class ClassificationCounter:
    """Counts the results of batches. The result does not depend on the size of the batches.

    If scores are equal, the class with the lower index comes first, as in `numpy.argmax`. This
    holds for the prediction and for the top 5.

    num_classes: number of classes, 1 to 32768.
    probabilities: whether the scores are probabilities already. If not, their softmax is used.

    Raises: UsageError for another number of classes.
    """

    def __init__(self, num_classes: int, probabilities: bool = False):
        if not 1 <= num_classes <= MOST_CLASSES:
            raise UsageError(f"{num_classes} classes; give 1 to {MOST_CLASSES}")
        self.num_classes = num_classes
        self.top = min(MOST_TOP, num_classes)
        self._confusion = np.zeros((num_classes, num_classes), np.int64)
        self._in_top = 0
        self._probabilities = probabilities
        self._calibration = CalibrationCounter()

    def add(self, scores: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        """Count a batch.

        scores: the scores of the classes. The class with the highest score is the answer.
        labels: the true classes, from 0 to classes - 1.

        Shape:  scores (N, classes), labels (N,); N may be 0.
        Raises: UsageError for other shapes and labels; CheckpointError for a score that is NaN.
            After an error, nothing of the batch is counted.
        """
        check_scores(scores, self.num_classes)
        labels = checked_labels(labels, len(scores), self.num_classes)
        own = scores[np.arange(len(scores)), labels][:, None]
        before = np.arange(self.num_classes) < labels[:, None]
        rank = ((scores > own) | ((scores == own) & before)).sum(axis=1)
        self._in_top += int((rank < self.top).sum())
        answers = scores.argmax(axis=1)
        probabilities = scores if self._probabilities else softmax(scores)
        self._calibration.add(probabilities.max(axis=1), answers == labels)
        pairs = labels * self.num_classes + answers
        counts = np.bincount(pairs, minlength=self.num_classes**2)
        self._confusion += counts.reshape(self._confusion.shape)

    def result(self) -> Classification:
        """The figures of all batches so far."""
        error = self._calibration.error()
        return Classification(self._confusion.copy(), self._in_top, self.top, error)


def checked_labels(labels: NDArray[np.int64], count: int, num_classes: int) -> NDArray[np.int64]:
    """The labels of `count` images. Raises: UsageError for another shape, type or class."""
    labels = np.asarray(labels)
    if labels.shape != (count,) or not (count == 0 or np.issubdtype(labels.dtype, np.integer)):
        raise UsageError(
            f"labels are {labels.dtype} of shape {labels.shape}; "
            f"give one whole number for each of {count} images"
        )
    wrong = (labels < 0) | (labels >= num_classes)
    if wrong.any():
        raise UsageError(
            f"label {labels[wrong][0]} of image {int(wrong.argmax())} of the batch; "
            f"labels go from 0 to {num_classes - 1}"
        )
    return labels.astype(np.int64)


def check_scores(scores: NDArray[np.float32], num_classes: int) -> None:
    """Raises: UsageError for another shape than (N, num_classes), CheckpointError for NaN."""
    if scores.ndim != 2 or scores.shape[1] != num_classes:
        raise UsageError(f"scores have shape {scores.shape}; give (N, {num_classes})")
    broken = np.isnan(scores).any(axis=1)
    if broken.any():
        raise CheckpointError(
            f"the model's scores for image {int(broken.argmax())} of the batch are not numbers "
            "(NaN); its parameters are damaged, or its training diverged"
        )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
