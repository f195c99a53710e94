import numpy as np
import pytest
import torch

from signbit.errors import CheckpointError, UsageError
from signbit.scoring.calibration import (
    expected_calibration_error,
    negative_log_likelihood,
)


def log_odds(confidences):
    """Scores of two classes, the first of them with these probabilities."""
    confidences = np.asarray(confidences, np.float64)
    return np.log(np.stack([confidences, 1 - confidences], axis=1))


def drawn(count=500, classes=7, seed=3):
    generator = np.random.default_rng(seed)
    scores = generator.normal(0, 3, (count, classes)).astype(np.float32)
    return scores, generator.integers(0, classes, count)


def ece_by_hand(scores, labels, bins):
    """The definition, one sample and one bin after the other."""
    probabilities = torch.softmax(torch.from_numpy(scores).double(), 1)
    confidence, answer = (one.numpy() for one in probabilities.max(1))
    total = 0.0
    for number in range(bins):
        inside = [
            index
            for index, one in enumerate(confidence)
            if number / bins < one <= (number + 1) / bins
        ]
        if inside:
            accuracy = np.mean([answer[index] == labels[index] for index in inside])
            total += len(inside) / len(labels) * abs(accuracy - confidence[inside].mean())
    return total


@pytest.mark.parametrize("bins", [1, 2, 15, 100])
def test_ece_is_what_the_definition_gives(bins):
    scores, labels = drawn()
    assert expected_calibration_error(scores, labels, bins) == pytest.approx(
        ece_by_hand(scores, labels, bins), abs=1e-9
    )


def test_ece_of_known_confidences():
    # Ten samples of confidence 0.8, eight of them right: no error. Ten of 0.9, five right: 0.4.
    scores = log_odds([0.8] * 10 + [0.9] * 10)
    labels = [0] * 8 + [1] * 2 + [0] * 5 + [1] * 5
    assert expected_calibration_error(scores, np.array(labels)) == pytest.approx(0.2)


def test_errors_of_different_sign_cancel_within_a_bin_only():
    scores = log_odds([0.6] * 2 + [0.9] * 2)
    labels = np.array([0, 0, 1, 1])
    assert expected_calibration_error(scores, labels, bins=1) == pytest.approx(0.25)
    assert expected_calibration_error(scores, labels, bins=15) == pytest.approx(0.65)


def test_confidence_on_an_edge_counts_in_the_lower_bin():
    # Equal scores give a half exactly. Errors of a half and of -0.3 cancel in one bin alone.
    scores = np.concatenate([np.zeros((1, 2)), log_odds([0.8])])
    labels = np.array([0, 1])
    assert expected_calibration_error(scores, labels, bins=2) == pytest.approx((0.5 + 0.8) / 2)


def test_infinite_scores_are_certain():
    scores = np.array([[np.inf, 0.0], [0.0, -np.inf]], np.float32)
    assert expected_calibration_error(scores, np.array([0, 1])) == pytest.approx(0.5)


def test_likelihood_is_that_of_torch():
    scores, labels = drawn()
    wanted = torch.nn.functional.cross_entropy(
        torch.from_numpy(scores).double(), torch.from_numpy(labels)
    )
    assert negative_log_likelihood(scores, labels) == pytest.approx(wanted.item(), rel=1e-12)


def test_likelihood_with_infinite_scores():
    scores = np.array([[np.inf, 0.0], [0.0, -np.inf]], np.float32)
    assert negative_log_likelihood(scores, np.array([0, 0])) == 0
    assert negative_log_likelihood(scores[1:], np.array([1])) == np.inf


@pytest.mark.parametrize("figure", [expected_calibration_error, negative_log_likelihood])
@pytest.mark.parametrize(
    ("scores", "labels", "error", "message"),
    [
        (np.zeros((2, 3)), [0], UsageError, r"labels are int64 of shape \(1,\)"),
        (np.zeros((1, 3)), [3], UsageError, "labels go from 0 to 2"),
        (np.zeros((1, 3)), [0.0], UsageError, "give one whole number"),
        (np.zeros(3), [0], UsageError, r"scores have shape \(3,\); give \(N, classes\)"),
        (np.zeros((1, 0)), [0], UsageError, "scores have shape"),
        (np.zeros((0, 3)), [], UsageError, "no samples"),
        (np.full((1, 3), np.nan), [0], CheckpointError, "NaN"),
    ],
)
def test_what_cannot_be_measured_is_refused(figure, scores, labels, error, message):
    with pytest.raises(error, match=message):
        figure(scores, np.array(labels))


@pytest.mark.parametrize("bins", [0, 2.5, True, 1 << 20])
def test_number_of_bins_is_checked(bins):
    with pytest.raises(UsageError, match="bins is"):
        expected_calibration_error(*drawn(), bins)
