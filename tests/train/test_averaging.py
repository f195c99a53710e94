from typing import Any

import pytest
import torch
from torch import nn

from signbit.train._averaging import AverageModel


class Noted(nn.Module):
    """Has a buffer that belongs to no batch norm."""

    def __init__(self):
        super().__init__()
        self.register_buffer("note", torch.zeros(2))

    def forward(self, x):
        return x


def average_of(model, decay) -> Any:
    return AverageModel(model, decay)


def network() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), Noted())


def test_the_average_follows_the_formula_and_starts_as_the_first_weights():
    model = network()
    average = average_of(model, decay=0.3)
    expected = None
    for step in range(6):
        with torch.no_grad():
            model[0].weight.add_(1.0 + step)
        average.update(model, step)
        decay = min(0.3, step / (step + 10))
        weight = model[0].weight.detach().clone()
        expected = weight if expected is None else decay * expected + (1 - decay) * weight
        torch.testing.assert_close(average.model[0].weight, expected)


def test_the_average_neither_learns_nor_shares_memory():
    model = network()
    average = average_of(model, decay=0.9)
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())
    with torch.no_grad():
        model[0].weight.fill_(7)
    assert not torch.equal(average.model[0].weight, model[0].weight)


def test_measured_statistics_are_the_mean_over_the_batches():
    model = network().train()
    average = average_of(model, decay=0.9)
    batches = [torch.randn(16, 3) * scale for scale in (1, 2, 5)]
    average.measure(model, batches)
    outputs = [average.model[0](batch) for batch in batches]
    norm = average.model[1]
    mean = torch.stack([y.mean(0) for y in outputs]).mean(0)
    var = torch.stack([y.var(0) for y in outputs]).mean(0)
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, var)
    assert norm.momentum == pytest.approx(0.1)
    assert not any(module.training for module in average.model.modules())
    assert torch.equal(model[1].running_mean, torch.zeros(4))


def test_measuring_twice_gives_the_same():
    model = network()
    average = average_of(model, decay=0.9)
    batches = [torch.randn(16, 3)]
    states = []
    for _ in range(2):
        average.measure(model, batches)
        states.append({key: value.clone() for key, value in average.state_dict().items()})
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_other_buffers_are_those_of_the_model():
    model = network()
    average = average_of(model, decay=0.9)
    model[3].note.fill_(5)
    average.measure(model, [torch.randn(4, 3)])
    assert average.model[3].note.tolist() == [5, 5]
