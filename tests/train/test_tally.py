import pytest
import torch

from signbit.train._tally import EpochTally


def test_means_weigh_batches_by_their_images():
    tally = EpochTally()
    outputs = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    tally.add(torch.tensor(1.0), outputs, torch.tensor([0, 0, 1]))
    tally.add(torch.tensor(5.0), outputs[:1], torch.tensor([0]))
    assert tally.means() == pytest.approx((2.0, 0.75))


def test_reset_forgets():
    tally, outputs = EpochTally(), torch.tensor([[1.0, 0.0]])
    tally.add(torch.tensor(1.0), outputs, torch.tensor([0]))
    tally.reset()
    tally.add(torch.tensor(3.0), outputs, torch.tensor([1]))
    assert tally.means() == (3.0, 0.0)
