"""Whether probabilities mean what they say: calibration error and likelihood. Needs only NumPy."""

import numpy as np
from numpy.typing import NDArray

from signbit.errors import UsageError
from signbit.scoring._counts import check_scores, checked_labels
from signbit.scoring._probabilities import log_softmax, softmax

BINS = 15
MAX_BINS = 1 << 16


class CalibrationCounter:
    """Counts confidences of batches: the probability of the class that has the highest score.

    bins: intervals of equal width from 0 to 1. A confidence on an edge counts in the lower one.

    Raises: UsageError for another number of bins than 1 to 65536.
    """

    def __init__(self, bins: int = BINS):
        if type(bins) is not int or not 1 <= bins <= MAX_BINS:
            raise UsageError(f"bins is {bins!r}; give a whole number, 1 to {MAX_BINS}")
        self._samples = 0
        # Of each bin, how many answers are right, minus the sum of confidences.
        self._gaps = np.zeros(bins)

    def add(self, scores: NDArray[np.floating], labels: NDArray[np.int64]) -> None:
        """Count a batch.

        scores: (N, classes). Their softmax gives the probabilities, so logits and log-probabilities
            are both right. Of probabilities give the logarithms.
        labels: (N,), from 0 to classes - 1.

        Raises: UsageError for other shapes and labels, CheckpointError for a score that is NaN.
        """
        scores, labels = checked_scores(scores, labels)
        if not len(scores):
            return
        confidence = softmax(scores).max(axis=1)
        right = scores.argmax(axis=1) == labels
        # Intervals are open below and closed above.
        bins = len(self._gaps)
        edges = np.arange(1, bins) / bins
        place = np.searchsorted(edges, confidence, side="left")
        self._gaps += np.bincount(place, right - confidence, minlength=bins)
        self._samples += len(scores)

    def result(self) -> float | None:
        """The expected calibration error so far, 0 to 1; None without samples."""
        return float(np.abs(self._gaps).sum() / self._samples) if self._samples else None


def expected_calibration_error(
    scores: NDArray[np.floating], labels: NDArray[np.int64], bins: int = BINS
) -> float:
    """How far confidence is from accuracy, on average over the samples; 0 is best, 1 worst.

    ECE = sum over bins of (samples in the bin / N) * |accuracy - mean confidence|. The confidence
    of a sample is the probability of its answer, the class of the highest score.

    Shape:  scores (N, classes), labels (N,); N is 1 or more. Scores are logits or
        log-probabilities; of probabilities give the logarithms.
    Raises: UsageError for other shapes, labels and bins, and for no samples; CheckpointError for a
        score that is NaN.
    Source: Guo et al., On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    counter = CalibrationCounter(bins)
    counter.add(scores, labels)
    result = counter.result()
    if result is None:
        raise UsageError("no samples; give one or more to measure calibration")
    return result


def negative_log_likelihood(scores: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The mean over the samples of -log(probability of the true class), in nats; 0 is best.

    Shape:  as `expected_calibration_error`.
    Raises: as `expected_calibration_error`.
    """
    scores, labels = checked_scores(scores, labels)
    if not len(scores):
        raise UsageError("no samples; give one or more to measure the likelihood")
    return float(-log_softmax(scores)[np.arange(len(labels)), labels].mean())


def checked_scores(
    scores: NDArray[np.floating], labels: NDArray[np.int64]
) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """Both as arrays, (N, classes) and (N,). Raises: UsageError; CheckpointError for NaN."""
    scores = np.asarray(scores)
    if scores.ndim != 2 or not scores.shape[1]:
        raise UsageError(f"scores have shape {scores.shape}; give (N, classes)")
    check_scores(scores, scores.shape[1])
    return scores, checked_labels(labels, len(scores), scores.shape[1])
