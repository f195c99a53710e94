import pytest
import torch

from signbit.train._tally import EpochTally
from signbit.train.metrics.accuracy import Accuracy


def test_means_weigh_batches_by_their_samples():
    tally = EpochTally({"accuracy": Accuracy()})
    outputs = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    tally.add(torch.tensor(1.0), outputs, torch.tensor([0, 0, 1]))
    tally.add(torch.tensor(5.0), outputs[:1], torch.tensor([0]))
    assert tally.joint_means() == pytest.approx({"loss": 2.0, "accuracy": 0.75})
    assert tally.means([]) == {"loss": 2.0}


def test_reset_forgets():
    tally, outputs = EpochTally({"accuracy": Accuracy()}), torch.tensor([[1.0, 0.0]])
    tally.add(torch.tensor(1.0), outputs, torch.tensor([0]))
    tally.reset()
    tally.add(torch.tensor(3.0), outputs, torch.tensor([1]))
    assert tally.joint_means() == {"loss": 3.0, "accuracy": 0.0}
