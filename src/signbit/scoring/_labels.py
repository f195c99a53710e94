"""Precision, recall, F1 and average precision of independent labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.scoring._probabilities import require_numbers, score_of

# Average precision needs all scores in memory, and each takes 5 bytes.
MOST_KEPT = 1 << 27

Figures = dict[str, float | None]


class LabelCounter:
    """Counts the answers for independent labels, over batches.

    The answer for a label is yes if the sigmoid of its score is above the threshold.

    names: the names of the labels.
    threshold: a number between 0 and 1.
    ranked: whether to compute the average precision. It is left out for more than 2^27 scores,
        which would need too much memory.

    Raises: UsageError for a threshold that is not between 0 and 1.
    """

    def __init__(self, names: Sequence[str], threshold: float = 0.5, ranked: bool = True):
        self.names, self.threshold = tuple(names), threshold
        self._cut = score_of(threshold)
        # For each label: the number of right yes, wrong yes and wrong no.
        self._counts = np.zeros((3, len(self.names)), np.int64)
        self._samples = 0
        self._ranked = ranked
        self._scores: list[NDArray[np.float32]] = []
        self._truth: list[NDArray[np.bool_]] = []

    def add(self, scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> None:
        """Count a batch.

        scores: the scores of the labels, before the sigmoid.
        truth: whether each label is true.

        Shape:  (N, ..., labels) for both.
        Raises: CheckpointError for a score that is NaN.
        """
        require_numbers(scores, "scores")
        scores = scores.reshape(-1, len(self.names))
        truth = truth.reshape(-1, len(self.names))
        yes = scores > self._cut
        self._counts += [one.sum(axis=0) for one in (yes & truth, yes & ~truth, ~yes & truth)]
        self._samples += len(scores)
        self._ranked = self._ranked and self._samples * len(self.names) <= MOST_KEPT
        if self._ranked:
            self._scores.append(scores)
            self._truth.append(truth)
        else:
            self._scores.clear()
            self._truth.clear()

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON, as fractions from 0 to 1.

        `micro` counts all labels together, and `macro` is the mean over the labels. The precision
        of a label that is never answered with yes is 0, and so is the recall of a label that is
        never true. A label for which both hold has null, and `macro` leaves it out. A label that is
        never true has null as average precision, and the mean leaves it out.
        """
        figures = [_figures(*map(int, counts)) for counts in self._counts.T]
        precisions = self._average_precisions()
        known = [one for one in precisions if one is not None]
        labels = {}
        for name, one, precision, counts in zip(
            self.names, figures, precisions, self._counts.T, strict=True
        ):
            labels[name] = {
                "positives": int(counts[0] + counts[2]),
                **one,
                "average_precision": precision,
            }
        return {
            "samples": self._samples,
            "threshold": self.threshold,
            "labels": list(self.names),
            "per_label": labels,
            "micro": _figures(*map(int, self._counts.sum(axis=1))),
            "macro": {key: _mean([one[key] for one in figures]) for key in figures[0]},
            "mean_average_precision": _mean(known),
        }

    def _average_precisions(self) -> list[float | None]:
        if not self._ranked or not self._scores:
            return [None] * len(self.names)
        scores, truth = np.concatenate(self._scores), np.concatenate(self._truth)
        return [average_precision(*columns) for columns in zip(scores.T, truth.T, strict=True)]


def average_precision(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float | None:
    """The average precision of one label; None if it is true for no sample.

    The samples are sorted by score, the highest first, and each distinct score is a threshold. The
    result is the sum over the thresholds of (recall - recall at the threshold before) * precision.
    The order of equal scores does not change it.

    scores: the score of each sample.
    truth: whether the label is true for each sample.

    Shape:  (N,) for both.
    Range:  0 to 1.
    """
    if not truth.any():
        return None
    order = np.argsort(-scores, kind="stable")
    scores, truth = scores[order], truth[order]
    last = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    right = np.cumsum(truth)[last]
    return float((np.diff(right, prepend=0) / right[-1] * (right / (last + 1))).sum())


def _figures(right: int, wrong: int, missed: int) -> Figures:
    if not right + wrong + missed:
        return dict.fromkeys(("precision", "recall", "f1"))
    return {
        "precision": right / max(right + wrong, 1),
        "recall": right / max(right + missed, 1),
        "f1": 2 * right / (2 * right + wrong + missed),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) / len(known) if known else None
