import json
import subprocess
import sys

import numpy as np
import pytest

from signbit.errors import CheckpointError, UsageError
from signbit.scoring import ClassificationCounter


def counted(scores, labels, batch=None):
    scores, labels = np.asarray(scores, np.float32), np.asarray(labels, np.int64)
    counter = ClassificationCounter(scores.shape[1])
    step = batch or max(len(scores), 1)
    for start in range(0, len(scores), step):
        counter.add(scores[start : start + step], labels[start : start + step])
    return counter.result()


def test_confusion_has_the_true_class_as_row_and_the_predicted_as_column():
    result = counted([[0, 1, 0], [0, 2, 1], [5, 0, 0]], [0, 1, 0])
    assert result.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert result.images == 3
    assert result.top1 == 2 / 3


def test_class_without_images_has_no_accuracy_and_is_null_in_json():
    result = counted([[1, 0], [0, 1]], [0, 0])
    assert result.per_class == [0.5, None]
    assert json.dumps(result.per_class, allow_nan=False) == "[0.5, null]"


def test_without_images_there_is_no_accuracy():
    result = counted(np.empty((0, 3)), [])
    assert (result.images, result.top1, result.top5) == (0, None, None)
    assert result.per_class == [None] * 3


def test_ties_go_to_the_lower_index_in_argmax_and_top_k():
    scores = np.zeros((7, 7))
    result = counted(scores, range(7))
    assert result.confusion[:, 0].tolist() == [1] * 7
    assert result.top1 == 1 / 7
    assert result.top5 == 5 / 7


def test_top5_of_fewer_classes_is_top_of_all():
    result = counted([[0, 1, 2]] * 3, [0, 1, 2])
    assert result.top == 3
    assert result.top5 == 1


def test_minus_infinity_is_a_score_like_any_other():
    scores = np.full((2, 6), -np.inf)
    scores[:, 5] = 0
    result = counted(scores, [5, 4])
    assert (result.top1, result.top5) == (0.5, 0.5)


@pytest.mark.parametrize("classes", [1, 2, 5, 6, 100])
def test_figures_equal_those_of_a_stable_sort_in_every_batch_size(classes):
    seed = int(np.random.default_rng().integers(1 << 32))
    generator = np.random.default_rng(seed)
    scores = generator.integers(-3, 4, (97, classes)).astype(np.float32)
    labels = generator.integers(0, classes, 97)
    order = np.argsort(-scores, axis=1, kind="stable")
    hits = order == labels[:, None]
    results = [counted(scores, labels, batch) for batch in (1, 2, 32, 96, 97, 1000)]
    for result in results:
        assert result.top1 == hits[:, 0].mean(), f"seed {seed}"
        assert result.top5 == hits[:, :5].any(axis=1).mean(), f"seed {seed}"
        np.testing.assert_array_equal(result.confusion, results[0].confusion, f"seed {seed}")


def test_nan_is_an_error_and_nothing_of_its_batch_is_counted():
    counter = ClassificationCounter(2)
    with pytest.raises(CheckpointError, match=r"image 1 of the batch .*NaN"):
        counter.add(np.array([[0, 1], [np.nan, 1]], np.float32), np.array([0, 1]))
    assert counter.result().images == 0


@pytest.mark.parametrize(
    ("scores", "labels", "part"),
    [
        (np.zeros((2, 4)), [0, 1], r"give \(N, 3\)"),
        (np.zeros(3), [0], r"give \(N, 3\)"),
        (np.zeros((2, 3)), [0], "each of 2 images"),
        (np.zeros((1, 3)), [0.5], "whole number"),
        (np.zeros((2, 3)), [0, 3], "label 3 of image 1"),
        (np.zeros((1, 3)), [-1], "label -1 of image 0"),
    ],
)
def test_what_does_not_fit_is_named(scores, labels, part):
    with pytest.raises(UsageError, match=part):
        ClassificationCounter(3).add(scores.astype(np.float32), np.array(labels))


def test_metrics_need_no_torch():
    code = "import sys, signbit.scoring; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
