import pytest
import torch
from torch import nn

from signbit.errors import UsageError
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.train.optimizers.bop import BinaryOptimizer, Bop

BOP = Bop.model_validate({"name": "bop"})


def test_weights_become_their_signs_and_zero_is_minus_one():
    weight = torch.nn.Parameter(torch.tensor([0.3, -0.2, 0.0, -0.0, 7.0]))
    BinaryOptimizer([weight], lr=0.1, threshold=0.0)
    assert weight.tolist() == [1, -1, -1, -1, 1]


def test_flips_are_those_of_the_published_algorithm():
    gamma, threshold = 0.25, 0.2
    random = torch.Generator().manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(50, generator=random))
    optimizer = BinaryOptimizer([weight], lr=gamma, threshold=threshold)
    w, m = weight.tolist(), [0.0] * 50
    flips = 0
    for _ in range(20):
        gradients = torch.randn(50, generator=random)
        weight.grad = gradients
        optimizer.step()
        for index, gradient in enumerate(gradients.tolist()):
            m[index] = (1 - gamma) * m[index] + gamma * gradient
            same_sign = (m[index] > 0) == (w[index] > 0)
            if abs(m[index]) > threshold and same_sign:
                w[index], flips = -w[index], flips + 1
        assert weight.tolist() == w
    assert flips > 50


def test_a_weight_without_gradient_stays():
    weight = torch.nn.Parameter(torch.ones(3))
    BinaryOptimizer([weight], lr=1.0, threshold=0.0).step()
    assert weight.tolist() == [1, 1, 1]


def test_a_closure_is_run_with_gradients():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = BinaryOptimizer([weight], lr=1.0, threshold=0.0)

    def closure():
        loss = weight.sum()
        loss.backward()
        return loss.detach()

    assert float(optimizer.step(closure)) == 3
    assert weight.tolist() == [-1, -1, -1]


# Flat at 1; falling there; flat there at the end of the training.
@pytest.mark.parametrize(
    "quantizer", ["approx_sign", {"name": "ste_sign", "clip": 0.5}, "swish_sign", "ede_sign"]
)
def test_a_quantizer_that_does_not_rise_at_the_signs_is_refused(quantizer):
    model = nn.Sequential(BinaryLinear(3, 2), BinaryLinear(2, 2, weight_quantizer=quantizer))
    with pytest.raises(UsageError, match=r"layer 1: bop keeps weights at -1 and \+1"):
        BOP.check(model)


@pytest.mark.parametrize(
    "quantizer", ["ste_sign", "xnor_sign", {"name": "ede_sign", "end": 1.0}, "standardized_sign"]
)
def test_quantizers_that_pass_gradients_at_the_signs_are_taken(quantizer):
    model = BinaryConv2d(2, 3, 3, weight_quantizer=quantizer)
    before = model.weight.clone()
    BOP.check(model)
    assert torch.equal(model.weight, before)
    assert model.weight.grad is None
