"""Figures of every kind of output, as scikit-learn and torchmetrics find them."""

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics
from torchmetrics.functional.classification import multiclass_calibration_error

from signbit.errors import CheckpointError, UsageError
from signbit.scoring import (
    ClassificationCounter,
    LabelCounter,
    MapCounter,
    NumberCounter,
    average_precision,
)
from signbit.scoring import _labels as labels_module
from signbit.scoring._probabilities import score_of, sigmoid, softmax


def counted(counter, given, truth, size=7):
    for start in range(0, len(given), size):
        counter.add(given[start : start + size], truth[start : start + size])
    return counter


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@pytest.mark.parametrize("classes", [2, 3, 40])
@pytest.mark.parametrize("spread", [0.1, 3.0])
def test_calibration_error_is_that_of_torchmetrics(classes, spread):
    scores = spread * noise(500, classes)
    labels = np.random.default_rng(1).integers(0, classes, 500)
    found = counted(ClassificationCounter(classes), scores, labels).result().calibration_error
    wanted = multiclass_calibration_error(
        torch.from_numpy(softmax(scores)), torch.from_numpy(labels), classes, 15, "l1"
    )
    assert found == pytest.approx(float(wanted), abs=1e-6)


def test_a_bin_of_the_calibration_error_holds_its_upper_end():
    # 0.6 is the upper end of bin 9 of 15; 0.65 is inside bin 10. In one bin the gaps would cancel.
    probabilities: Any = np.array([[0.6, 0.4], [0.65, 0.35]])
    counter = ClassificationCounter(2, probabilities=True)
    counter.add(probabilities, np.array([0, 1]))
    assert counter.result().calibration_error == pytest.approx((0.4 + 0.65) / 2, abs=1e-6)


@pytest.mark.parametrize("size", [1, 3, 200])
def test_the_size_of_batches_does_not_change_the_calibration_error(size):
    scores, labels = noise(200, 5), np.random.default_rng(1).integers(0, 5, 200)
    found = counted(ClassificationCounter(5), scores, labels, size).result()
    whole = counted(ClassificationCounter(5), scores, labels, 64).result()
    assert found.calibration_error == whole.calibration_error


def test_without_images_there_is_no_calibration_error():
    assert ClassificationCounter(2).result().calibration_error is None


@pytest.mark.parametrize("threshold", [0.5, 0.2, 0.9])
def test_figures_of_labels_are_those_of_scikit_learn(threshold):
    scores, names = noise(300, 4), ("a", "b", "c", "d")
    truth = np.random.default_rng(1).random((300, 4)) < (0.5, 0.1, 0.9, 0.3)
    found = counted(LabelCounter(names, threshold), scores, truth).to_dict()
    probabilities = sigmoid(scores)
    yes = probabilities > threshold
    for average in ("micro", "macro"):
        wanted = metrics.precision_recall_fscore_support(truth, yes, average=average)[:3]
        assert list(found[average].values()) == pytest.approx(wanted, abs=1e-12)
    wanted: Any = metrics.precision_recall_fscore_support(truth, yes)
    for place, name in enumerate(names):
        row = found["per_label"][name]
        assert [row[key] for key in ("precision", "recall", "f1", "positives")] == pytest.approx(
            [float(column[place]) for column in wanted], abs=1e-12
        )
        precision = metrics.average_precision_score(truth[:, place], probabilities[:, place])
        assert row["average_precision"] == pytest.approx(precision, abs=1e-12)
    mean = metrics.average_precision_score(truth, probabilities)
    assert found["mean_average_precision"] == pytest.approx(mean, abs=1e-12)


def test_average_precision_of_equal_scores_is_that_of_scikit_learn():
    generator = np.random.default_rng(2)
    scores = generator.integers(0, 4, 100).astype(np.float32)
    truth = generator.random(100) < 0.3
    wanted = metrics.average_precision_score(truth, scores)
    assert average_precision(scores, truth) == pytest.approx(wanted, abs=1e-12)
    assert average_precision(scores, np.zeros(100, bool)) is None


def test_a_label_that_never_occurs_is_left_out_of_the_means():
    scores = np.array([[1, -1, -1], [1, -1, -1]], np.float32)
    truth = np.array([[1, 0, 1], [0, 0, 0]], bool)
    found = LabelCounter(("seen", "absent", "missed"))
    found.add(scores, truth)
    result = found.to_dict()
    assert result["per_label"]["absent"] == {
        "positives": 0,
        "precision": None,
        "recall": None,
        "f1": None,
        "average_precision": None,
    }
    assert result["per_label"]["missed"]["precision"] == 0
    assert result["macro"]["precision"] == (0.5 + 0) / 2
    assert result["mean_average_precision"] == (0.5 + 0.5) / 2
    json.dumps(result, allow_nan=False)


def test_average_precision_is_left_out_where_scores_are_too_many(monkeypatch):
    monkeypatch.setattr(labels_module, "MOST_KEPT", 20)
    found = counted(LabelCounter(("a",)), noise(21, 1), noise(21, 1) > 0, 10).to_dict()
    assert found["mean_average_precision"] is None
    assert found["samples"] == 21
    assert found["micro"]["f1"] == 1.0


def test_a_score_of_exactly_the_threshold_is_no():
    counter = LabelCounter(("a",))
    counter.add(np.array([[0.0], [1e-30]], np.float32), np.array([[True], [True]]))
    assert counter.to_dict()["micro"]["recall"] == 0.5


@pytest.mark.parametrize("threshold", [0, 1, -0.5, math.nan])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(UsageError, match="between 0 and 1"):
        score_of(threshold)


@pytest.mark.parametrize("shape", [(100, 3), (20, 5, 3)])
def test_errors_of_numbers_are_those_of_scikit_learn(shape):
    truth = noise(*shape).astype(np.float64) * (1, 10, 100) + (0, 1e4, -5)
    numbers = (truth + noise(*shape, seed=1)).astype(np.float32)
    found = counted(NumberCounter(("a", "b", "c")), numbers, truth).to_dict()
    flat_truth, flat = truth.reshape(-1, 3), numbers.reshape(-1, 3).astype(np.float64)
    for place, name in enumerate("abc"):
        pair = flat_truth[:, place], flat[:, place]
        wanted = [
            metrics.mean_absolute_error(*pair),
            metrics.root_mean_squared_error(*pair),
            metrics.r2_score(*pair),
        ]
        assert list(found["per_quantity"][name].values()) == pytest.approx(wanted, rel=1e-9)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(flat_truth, flat))
    squared = metrics.mean_squared_error(flat_truth, flat)
    assert found["rmse"] == pytest.approx(math.sqrt(squared))
    assert found["r2"] == pytest.approx(metrics.r2_score(flat_truth, flat))
    assert found["samples"] == len(flat)


@pytest.mark.parametrize("same", [0.1, 1e6 / 3, -7.7e-5])
def test_the_mean_of_a_quantity_that_is_always_the_same_is_not_rounded(same):
    truth = np.full((13, 1), same)
    found = counted(NumberCounter(["a"]), noise(13, 1), truth, 10).to_dict()
    assert found["r2"] is None


def test_a_quantity_that_is_always_the_same_has_no_r2():
    counter = NumberCounter(("a", "b"))
    counter.add(np.array([[1, 1], [2, 3]], np.float32), np.array([[5.0, 1], [5, 3]]))
    found = counter.to_dict()
    assert (found["per_quantity"]["a"]["r2"], found["per_quantity"]["b"]["r2"]) == (None, 1.0)
    assert found["r2"] == 1.0


def test_infinite_numbers_are_refused():
    with pytest.raises(CheckpointError, match="infinite"):
        NumberCounter(("a",)).add(np.array([[np.inf]]), np.array([[0.0]]))


@pytest.mark.parametrize("shape", [(6, 5, 4), (9, 7)])
def test_overlaps_of_maps_are_those_of_scikit_learn(shape):
    scores = noise(*shape, 4)
    truth = np.random.default_rng(1).integers(-1, 4, shape)
    found = counted(MapCounter(tuple("abcd")), scores, truth, 4).to_dict()
    counted_places = truth >= 0
    right, answers = truth[counted_places], scores.argmax(-1)[counted_places]
    wanted = np.array(
        [metrics.jaccard_score(right, answers, labels=[one], average="macro") for one in range(4)]
    )
    assert list(found["per_class"].values()) == pytest.approx(list(wanted))
    assert found["mean_iou"] == pytest.approx(wanted.mean())
    assert found["accuracy"] == metrics.accuracy_score(right, answers)
    np.testing.assert_array_equal(found["confusion"], metrics.confusion_matrix(right, answers))
    assert (found["places"], found["samples"]) == (counted_places.sum(), shape[0])


def test_a_class_that_is_neither_true_nor_answered_is_left_out_of_the_mean():
    counter = MapCounter(("a", "b", "c"))
    counter.add(np.eye(3, dtype=np.float32)[[[0, 0, 1]]], np.array([[0, 0, 0]]))
    found = counter.to_dict()
    assert found["per_class"] == {"a": 2 / 3, "b": 0.0, "c": None}
    assert found["mean_iou"] == 1 / 3


@pytest.mark.parametrize(
    "counter", [LabelCounter(("a",)), MapCounter(("a",)), NumberCounter(("a",))]
)
def test_nan_is_refused_with_its_sample(counter):
    given = np.array([[0], [np.nan]], np.float32)
    with pytest.raises(CheckpointError, match=r"sample 1 of the batch are not numbers \(NaN\)"):
        counter.add(given, np.zeros((2, 1), np.int64))


def test_a_map_of_too_many_classes_is_refused():
    with pytest.raises(UsageError, match="at most 4096"):
        MapCounter(tuple(map(str, range(4097))))
