"""Accuracy and overlap of maps and sequences of classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import UsageError
from signbit.scoring._probabilities import require_numbers

MOST_CLASSES = 4096


class MapCounter:
    """Counts the places of maps or sequences by true class and answered class, over batches.

    The IoU (intersection over union) of a class is the number of places where the class is true and
    answered, divided by the number of places where it is true or answered.

    names: the names of the classes.

    Raises: UsageError for more than 4096 classes.
    """

    def __init__(self, names: Sequence[str]):
        if len(names) > MOST_CLASSES:
            raise UsageError(
                f"a map of {len(names)} classes; at most {MOST_CLASSES} can be counted"
            )
        self.names = tuple(names)
        self._samples = 0
        self._confusion = np.zeros((len(names), len(names)), np.int64)

    def add(self, scores: NDArray[np.float32], truth: NDArray[np.int64]) -> None:
        """Count a batch.

        scores: the scores of the classes at each place.
        truth: the true class of each place; -1 where a place is not counted.

        Shape:  scores (N, ..., classes), truth (N, ...).
        Raises: CheckpointError for a score that is NaN.
        """
        require_numbers(scores, "scores")
        answers, counted = scores.argmax(axis=-1), truth >= 0
        pairs = truth[counted] * len(self.names) + answers[counted]
        counts = np.bincount(pairs, minlength=len(self.names) ** 2)
        self._confusion += counts.reshape(self._confusion.shape)
        self._samples += len(scores)

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON, as fractions from 0 to 1.

        A class that is neither true nor answered at any place has null, and the mean leaves it out.
        """
        both = np.diagonal(self._confusion)
        either = self._confusion.sum(axis=0) + self._confusion.sum(axis=1) - both
        overlaps = [
            int(one) / int(all_) if all_ else None for one, all_ in zip(both, either, strict=True)
        ]
        known = [one for one in overlaps if one is not None]
        places = int(self._confusion.sum())
        return {
            "samples": self._samples,
            "places": places,
            "classes": list(self.names),
            "accuracy": int(both.sum()) / places if places else None,
            "per_class": dict(zip(self.names, overlaps, strict=True)),
            "mean_iou": sum(known) / len(known) if known else None,
            "confusion": self._confusion.tolist(),
        }
