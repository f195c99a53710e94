"""What every registered optimizer owes the trainer; a new one is tested by being registered."""

from copy import deepcopy

import pytest
import torch

from signbit.train.optimizers import AbstractRealOptimizer, optimizers

GRADIENT = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0, 0.5])


@pytest.fixture(params=optimizers.names())
def settings(request):
    kind = optimizers.get(request.param)
    return kind.model_validate({"name": request.param, "lr": 0.1})


def weight_and_optimizer(settings):
    weight = torch.nn.Parameter(torch.linspace(-1, 1, 6))
    return weight, settings.build([{"params": [weight], "weight_decay": 0.0}], fused=False)


def steps(weight, optimizer, count):
    for _ in range(count):
        weight.grad = GRADIENT.clone()
        optimizer.step()


def test_its_name_is_the_registered_one(settings):
    assert optimizers.get(settings.name) is type(settings)


def test_it_goes_against_the_gradient(settings):
    weight, optimizer = weight_and_optimizer(settings)
    before = weight.detach().clone()
    steps(weight, optimizer, 3)
    assert (weight.detach() - before <= 0)[GRADIENT > 0].all()
    assert (weight.detach() - before >= 0)[GRADIENT < 0].all()
    assert not torch.equal(weight.detach(), before)


def test_its_state_goes_on_where_it_was_saved(settings):
    weight, optimizer = weight_and_optimizer(settings)
    steps(weight, optimizer, 2)
    again, second = weight_and_optimizer(settings)
    second.load_state_dict(deepcopy(optimizer.state_dict()))
    with torch.no_grad():
        again.copy_(weight)
    steps(weight, optimizer, 2)
    steps(again, second, 2)
    assert torch.equal(weight, again)


def test_real_weights_decay_by_their_group(settings):
    if not isinstance(settings, AbstractRealOptimizer):
        return
    ends = []
    for decay in (0.0, 0.5):
        weight = torch.nn.Parameter(torch.ones(2))
        optimizer = settings.build([{"params": [weight], "weight_decay": decay}], fused=False)
        weight.grad = torch.zeros(2)
        optimizer.step()
        ends.append(weight.detach()[0].item())
    assert ends == pytest.approx([1.0, 0.95])
