"""The share of time that a run waits for its data."""

import time

import torch
from torch import nn

from signbit.train import _fit, load_recipe, train
from signbit.train._progress import RunProgress


class Slow(torch.utils.data.Dataset):
    """A data set whose items take a while."""

    seconds = 0.01

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int):
        time.sleep(self.seconds)
        return torch.ones(3), index % 2


def test_fetching_of_batches_is_measured_in_each_epoch(tmp_path, monkeypatch):
    """As it is reported on a GPU, where the time between steps says nothing."""
    waited: list[float] = []
    at_start: list[float] = []

    class Noting(RunProgress):
        def on_train_epoch_start(self, trainer, pl_module):
            super().on_train_epoch_start(trainer, pl_module)
            at_start.append(self._waiting.seconds)

        def on_train_epoch_end(self, trainer, pl_module):
            waited.append(self._waiting.seconds)
            super().on_train_epoch_end(trainer, pl_module)

    monkeypatch.setattr(_fit, "RunProgress", Noting)
    recipe = load_recipe("plain", {"epochs": 2, "batch_size": 8, "val_size": 0})
    started = time.perf_counter()
    metrics = train(nn.Linear(3, 2), Slow(), recipe=recipe, out=tmp_path / "run")
    took = time.perf_counter() - started
    assert at_start == [0, 0]
    assert len(waited) == 2
    assert all(seconds >= 24 * Slow.seconds for seconds in waited)
    assert sum(waited) < took
    assert 0 < metrics["feed_share"] < 1
