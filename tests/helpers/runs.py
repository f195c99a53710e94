"""Runs that are stopped, and what their folders hold."""

import csv

import torch
from safetensors.torch import load_file

from signbit.train._module import TrainingModule


def weights(run):
    return load_file(run.folder / "last.safetensors")


def assert_same_end(run, other):
    ours, theirs = weights(run), weights(other)
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key
    for name in ("best.safetensors", "last.safetensors"):
        assert (run.folder / name).read_bytes() == (other.folder / name).read_bytes()


def rows_of(run):
    with (run.folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def stop_at(monkeypatch, epoch, error):
    """Raise an error in the middle of an epoch."""
    step = TrainingModule.training_step

    def stopping(self, batch, batch_index):
        if self.current_epoch == epoch and batch_index == 3:
            raise error
        return step(self, batch, batch_index)

    monkeypatch.setattr(TrainingModule, "training_step", stopping)
