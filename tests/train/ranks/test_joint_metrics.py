"""Metrics that several processes cannot measure together are refused before the first epoch."""

import pytest
import torch
from torchmetrics import Metric
from torchmetrics.classification import BinaryAUROC, MulticlassAccuracy

from signbit.errors import UsageError
from signbit.train._own_objective import try_metric
from signbit.train.metrics import metrics

OUTPUTS = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
TARGETS = torch.tensor([1, 0, 0])


class Share(Metric):
    """The share of right classes, with states that are joined in some way or not at all."""

    full_state_update = False
    higher_is_better = True

    def __init__(self, state, joined):
        super().__init__()
        self.add_state("right", state, dist_reduce_fx=joined)
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, outputs, targets):
        right = outputs.argmax(1) == targets
        self.right = [*self.right, right] if isinstance(self.right, list) else right.sum()
        self.count += len(targets)

    def compute(self):
        right = torch.cat(self.right).sum() if isinstance(self.right, list) else self.right
        return right / self.count


REFUSED = {
    "of one process": (
        MulticlassAccuracy(2, sync_on_compute=False),
        "has sync_on_compute=False, so it would measure only the samples of one process",
    ),
    "not joined": (
        Share(torch.tensor(0), None),
        r"metric 'm', with the states of two processes, returns \(2,\); it must return a single",
    ),
    "list": (Share([], None), "has the list 'right', which several processes cannot join"),
}
ALLOWED = {
    "sum": Share(torch.tensor(0), "sum"),
    "accuracy": MulticlassAccuracy(2),
    "named": metrics.get("accuracy")(OUTPUTS, TARGETS),
}


@pytest.fixture
def two_processes(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "TORCHELASTIC_RESTART_COUNT", "TORCHELASTIC_RUN_ID"):
        monkeypatch.setenv(name, "0")
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "2")


@pytest.mark.parametrize("case", REFUSED)
def test_metrics_of_one_process_are_refused_in_several(two_processes, case):
    metric, message = REFUSED[case]
    with pytest.raises(UsageError, match=message):
        try_metric("m", metric, OUTPUTS, TARGETS)


@pytest.mark.parametrize("case", REFUSED)
def test_one_process_accepts_them(case):
    try_metric("m", REFUSED[case][0], OUTPUTS, TARGETS)


@pytest.mark.parametrize("case", ALLOWED)
def test_metrics_of_all_samples_are_accepted(two_processes, case):
    try_metric("m", ALLOWED[case], OUTPUTS, TARGETS)


def test_lists_that_are_joined_are_accepted(two_processes):
    try_metric("m", BinaryAUROC(), OUTPUTS[:, 1], TARGETS)
