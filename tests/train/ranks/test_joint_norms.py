"""Joint batch norms beside torch's, which get the whole batch."""

from copy import deepcopy
from threading import Barrier, Thread
from typing import Any

import pytest
import torch
from torch import nn

from signbit.errors import TrainingError
from signbit.ranks import Ranks
from signbit.train._group import ALONE, Group
from signbit.train._joint_norms import agree_on_buffers, joint_norms

COUNT = 3


class ThreadGroup(Group):
    """A rank that is a thread of this process."""

    def __init__(self, number, told, barrier):
        super().__init__(Ranks(number, COUNT))
        self.told, self.barrier = told, barrier

    def all_of(self, value):
        self.told[self.ranks.number] = value
        self.barrier.wait(10)
        values = list(self.told)
        self.barrier.wait(10)
        return values

    def take_of_first(self, value):
        value.copy_(self.all_of(value.clone())[0])

    def add(self, value):
        return value.copy_(torch.stack(self.all_of(value.clone())).sum(0))


def in_ranks(work):
    """What `work` returns for the group of each rank."""
    told: list[Any] = [None] * COUNT
    results: list[Any] = [None] * COUNT
    barrier = Barrier(COUNT)

    def run(number):
        try:
            results[number] = work(ThreadGroup(number, told, barrier))
        except Exception as error:
            results[number] = error

    threads = [Thread(target=run, args=[number]) for number in range(COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def batch(*shape, dtype=torch.float64):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)
    return values * 3 + 20


def filled(norm):
    """A norm with weights and statistics that are not those of the start."""
    generator = torch.Generator().manual_seed(1)
    for one in norm.state_dict().values():
        if one.is_floating_point():
            one.copy_(torch.rand(one.shape, generator=generator) + 0.5)
    return norm


def passed(norm, inputs, factors):
    """Outputs, and the gradients of a sum with factors."""
    inputs = inputs.clone(memory_format=torch.preserve_format).requires_grad_()
    outputs = norm(inputs)
    (outputs * factors).sum().backward()
    return outputs.detach(), inputs.grad


def assert_like_torch(norm, inputs, sizes, tolerance=1e-10):
    """Each rank has some rows; all together have those of torch's norm."""
    factors = inputs.flip(0).sin()
    whole = deepcopy(norm)
    outputs, gradients = passed(whole, inputs, factors)
    parts = list(zip(inputs.split(sizes), factors.split(sizes), strict=True))

    def work(group):
        mine = deepcopy(norm)
        with joint_norms(mine, group):
            return mine, passed(mine, *parts[group.ranks.number])

    found = in_ranks(work)
    assert not [one for one in found if isinstance(one, Exception)]
    close: dict[str, Any] = {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(torch.cat([one for _, (one, _) in found]), outputs, **close)
    torch.testing.assert_close(torch.cat([one for _, (_, one) in found]), gradients, **close)
    for name, value in whole.named_parameters():
        summed = torch.stack([mine.get_parameter(name).grad for mine, _ in found]).sum(0)
        torch.testing.assert_close(summed, value.grad, **close)
    for mine, _ in found:
        for name, value in whole.named_buffers():
            torch.testing.assert_close(mine.get_buffer(name), value, **close)


NORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "cumulative": {"momentum": None},
    "without weights": {"affine": False},
    "without statistics": {"track_running_stats": False},
    "without a bias": {},
}


@pytest.mark.parametrize("options", NORMS)
def test_norms_of_all_ranks_are_that_of_torch(options):
    norm = filled(nn.BatchNorm2d(5, dtype=torch.float64, **NORMS[options]))
    if options == "without a bias":
        norm.register_parameter("bias", None)
    assert_like_torch(norm, batch(12, 5, 3, 2), [4, 4, 4])


@pytest.mark.parametrize(
    ("kind", "axes"), [(nn.BatchNorm1d, 2), (nn.BatchNorm1d, 3), (nn.BatchNorm3d, 5)]
)
def test_inputs_may_have_other_numbers_of_axes(kind, axes):
    norm = kind(5, dtype=torch.float64)
    assert_like_torch(norm, batch(12, 5, *[2] * (axes - 2)), [2, 4, 6])


def test_inputs_may_lie_in_memory_in_another_order():
    inputs = batch(12, 5, 4, 4)
    norm = nn.BatchNorm2d(5, dtype=torch.float64)
    assert_like_torch(norm, inputs.to(memory_format=torch.channels_last), [4, 4, 4])
    assert_like_torch(norm, inputs.transpose(2, 3)[:, :, ::2], [4, 4, 4])


def test_a_rank_may_have_no_values():
    assert_like_torch(nn.BatchNorm1d(5, dtype=torch.float64), batch(12, 5), [7, 0, 5])


def test_float32_is_as_exact_as_that_of_torch():
    norm = filled(nn.BatchNorm2d(5))
    assert_like_torch(norm, batch(12, 5, 3, 2, dtype=torch.float32), [4, 4, 4], tolerance=1e-4)


def test_gradients_are_those_of_small_differences():
    norm = filled(nn.BatchNorm1d(3, dtype=torch.float64))
    with joint_norms(norm, ALONE):
        assert torch.autograd.gradcheck(norm, batch(6, 3, 2).requires_grad_())


def test_a_forward_pass_that_the_caller_has_set_stays():
    norm = nn.BatchNorm1d(3)
    forward = norm.forward
    norm.forward = lambda inputs: forward(inputs) * 2  # pyright: ignore[reportAttributeAccessIssue]
    mine = norm.forward
    with joint_norms(norm, ALONE):
        assert norm.forward is mine
    assert norm.forward is mine


class Choosing(nn.Module):
    """Rank 0 uses the first of two norms of one size, the others use the second one."""

    def __init__(self, number):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm1d(3) for _ in range(2))
        self.norm = self.norms[number > 0]

    def forward(self, inputs):
        return self.norm(inputs)


def test_numbers_of_one_norm_never_pass_as_those_of_another():
    def work(group):
        model = Choosing(group.ranks.number)
        with joint_norms(model, group):
            return model(batch(4, 3, dtype=torch.float32))

    for error in in_ranks(work):
        assert isinstance(error, TrainingError)
        assert "use different batch norms in the same step" in str(error)


class Counting(nn.BatchNorm1d):
    def __init__(self, channels):
        super().__init__(channels)
        self.register_buffer("seen", torch.zeros(1))


def test_all_ranks_agree_on_all_buffers():
    def work(group):
        counting = Counting(3)
        model = nn.Sequential(counting, nn.BatchNorm1d(3).eval())
        number = group.ranks.number
        counting.get_buffer("seen").add_(number + 7)
        counting.get_buffer("running_mean").add_(number)
        model.get_buffer("1.running_var").copy_(torch.tensor([0.1, 0.7, 1.1]))
        agree_on_buffers(model, group)
        return model

    for model in in_ranks(work):
        assert model[0].seen == 7
        assert torch.equal(model[0].running_mean, torch.ones(3))
        # The mean of equal numbers may be rounded, but a frozen norm never changes.
        assert torch.equal(model[1].running_var, torch.tensor([0.1, 0.7, 1.1]))
