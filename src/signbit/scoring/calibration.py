"""Whether probabilities mean what they say: calibration error and likelihood. Needs only NumPy."""

import numpy as np
from numpy.typing import NDArray

from signbit.errors import UsageError
from signbit.scoring._calibration import BINS, CalibrationCounter
from signbit.scoring._counts import check_scores, checked_labels
from signbit.scoring._probabilities import log_softmax, softmax


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
    scores, labels = checked_scores(scores, labels)
    counter.add(softmax(scores).max(axis=1), scores.argmax(axis=1) == labels)
    error = counter.error()
    if error is None:
        raise UsageError("no samples; give one or more to measure calibration")
    return error


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
