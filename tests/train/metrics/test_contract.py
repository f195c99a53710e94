"""Each metric is that of `evaluate`, over batches of any size."""

import numpy as np
import pytest
import sklearn.metrics
import torch

from signbit.errors import UsageError
from signbit.scoring import LabelCounter, MapCounter, NumberCounter
from signbit.train.metrics import metrics

random = torch.Generator().manual_seed(0)
SCORES = torch.randn(50, 4, 3, generator=random)
# The last class is never true, but it is answered.
CLASSES = torch.randint(3, (50, 3), generator=random)
LABELS = (torch.rand(50, 4, 3, generator=random) > 0.6).float()
LABELS[:, 3] = 0
# Far from 0, where sums of squares in float32 would cancel.
NUMBERS = 1e4 + torch.randn(50, 4, 3, generator=random)
NEAR = NUMBERS + 0.1 * SCORES


def last(values):
    """Channels last, as in NumPy."""
    return np.moveaxis(values.numpy(), 1, -1)


def counted(counter, outputs, targets):
    counter.add(outputs, targets)
    return counter.to_dict()


def cases():
    names = list("abcd")
    maps = counted(MapCounter(names), last(SCORES), CLASSES.numpy())
    labels = counted(LabelCounter(names), last(SCORES), last(LABELS) > 0)
    numbers = counted(NumberCounter(names), last(NEAR), last(NUMBERS).astype(np.float64))
    return {
        "accuracy": (SCORES, CLASSES, maps["accuracy"]),
        "mean_iou": (SCORES, CLASSES, maps["mean_iou"]),
        "f1": (SCORES, LABELS, labels["micro"]["f1"]),
        "average_precision": (SCORES, LABELS, labels["mean_average_precision"]),
        "mae": (NEAR, NUMBERS, numbers["mae"]),
        "rmse": (NEAR, NUMBERS, numbers["rmse"]),
        "r2": (NEAR, NUMBERS, numbers["r2"]),
    }


@pytest.mark.parametrize("name", metrics.names())
@pytest.mark.parametrize("size", [50, 7])
def test_a_metric_is_that_of_evaluate(name, size):
    outputs, targets, expected = cases()[name]
    metric = metrics.get(name)(outputs, targets)
    for _ in range(2):  # an epoch leaves nothing to the next
        metric.reset()
        for batch in zip(outputs.split(size), targets.split(size), strict=True):
            metric.update(*batch)
        assert float(metric.compute()) == pytest.approx(expected, rel=1e-5)
    assert metric.higher_is_better == (name not in ("mae", "rmse"))


@pytest.mark.parametrize("name", metrics.names())
def test_what_does_not_fit_is_one_line(name):
    outputs, targets, _ = cases()[name]
    for wrong in (targets[:, :1], {"a": targets}):
        with pytest.raises(UsageError, match=f"metric '{name}' needs outputs") as caught:
            metrics.get(name)(outputs, wrong)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["accuracy", "mean_iou"])
def test_places_with_the_target_minus_100_do_not_count(name):
    kept = torch.rand(CLASSES.shape, generator=random) > 0.3
    metric = metrics.get(name)(SCORES, CLASSES)
    metric.update(SCORES, torch.where(kept, CLASSES, -100))
    truth, answers = CLASSES[kept].numpy(), SCORES.argmax(1)[kept].numpy()
    expected = {
        "accuracy": (truth == answers).mean(),
        "mean_iou": sklearn.metrics.jaccard_score(truth, answers, average="macro"),
    }[name]
    assert float(metric.compute()) == pytest.approx(expected)


def test_a_quantity_that_never_changes_is_left_out_of_r2():
    targets = NUMBERS.clone()
    targets[:, 0] = 7
    metric = metrics.get("r2")(NEAR, targets)
    metric.update(NEAR, targets)
    kept = counted(NumberCounter("bcd"), last(NEAR[:, 1:]), last(NUMBERS[:, 1:]).astype(float))
    assert float(metric.compute()) == pytest.approx(kept["r2"], rel=1e-5)


def test_average_precision_is_that_of_scikit_learn():
    metric = metrics.get("average_precision")(SCORES[:, 0], LABELS[:, 0])
    metric.update(SCORES[:, 0, 0], LABELS[:, 0, 0])
    wanted = sklearn.metrics.average_precision_score(LABELS[:, 0, 0], SCORES[:, 0, 0])
    assert float(metric.compute()) == pytest.approx(wanted)
