"""Check whether probabilities are right: calibration error and likelihood. Needs only NumPy."""

import numpy as np
from numpy.typing import NDArray

from signbit.errors import UsageError
from signbit.scoring._calibration import BINS, CalibrationCounter
from signbit.scoring._counts import check_scores, checked_labels
from signbit.scoring._probabilities import log_softmax, softmax


def expected_calibration_error(
    scores: NDArray[np.floating], labels: NDArray[np.int64], bins: int = BINS
) -> float:
    """The mean difference between confidence and accuracy.

    The answer of a sample is the class with the highest score, and its confidence is the
    probability of that class. The samples are sorted into bins by their confidence.
    ECE = sum over bins of (samples in the bin / N) * |accuracy - mean confidence|.

    scores: logits or log-probabilities. If you have probabilities, give their logarithms.
    labels: the true classes, from 0 to classes - 1.
    bins: number of bins of equal width, 1 to 65536.

    Shape:  scores (N, classes), labels (N,); N is 1 or more.
    Range:  0 (best) to 1 (worst).
    Raises: UsageError for other shapes, labels and bins, and for no samples; CheckpointError for a
        score that is NaN.
    Source: Guo et al., On Calibration of Modern Neural Networks, arXiv:1706.04599.
    """
    counter = CalibrationCounter(bins)
    scores, labels = checked_scores(scores, labels)
    counter.add(softmax(scores).max(axis=1), scores.argmax(axis=1) == labels)
    error = counter.error()
    if error is None:
        raise UsageError("no samples; give one or more to measure calibration")
    return error


def negative_log_likelihood(scores: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The mean over the samples of -log(probability of the true class), in nats.

    scores: logits or log-probabilities. If you have probabilities, give their logarithms.
    labels: the true classes, from 0 to classes - 1.

    Shape:  scores (N, classes), labels (N,); N is 1 or more.
    Range:  0 (best) or above.
    Raises: UsageError for other shapes and labels, and for no samples; CheckpointError for a score
        that is NaN.
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
