"""Batch norms whose statistics are those of a batch that several processes share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from signbit.errors import TrainingError
from signbit.train._group import Group


@contextmanager
def joint_norms(model: nn.Module, group: Group) -> Iterator[None]:
    """Inside this context, the batch norms of a model use the statistics of the joint batch.

    torch's SyncBatchNorm does this only on GPUs. Apart from rounding, the numbers are those of one
    process with the joint batch. A norm with a forward pass of its own is not changed.
    """
    norms = [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm) and _has_forward_of_torch(module)
    ]
    for number, norm in enumerate(norms, start=1):
        forward = partial(_forward, norm, _Messages(group, number))
        norm.forward = forward  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward


def _has_forward_of_torch(norm: _BatchNorm) -> bool:
    return type(norm).forward is _BatchNorm.forward and "forward" not in vars(norm)


@torch.no_grad()
def average_statistics(norms: Sequence[_BatchNorm], batches: int, group: Group) -> None:
    """Give batch norms the mean of their running statistics over the batches of all ranks.

    batches: the number of batches that the statistics of this rank are the mean of.
    """
    statistics = _statistics(norms)
    if group.ranks.count == 1 or not statistics:
        return
    weight = statistics[0].new_tensor([batches])
    summed = group.add(torch.cat([weight, *(one * batches for one in statistics)]))
    means = (summed[1:] / summed[0]).split([len(one) for one in statistics])
    for one, mean in zip(statistics, means, strict=True):
        one.copy_(mean)


@torch.no_grad()
def agree_on_buffers(model: nn.Module, group: Group) -> None:
    """Give all ranks the same buffers, so that all evaluate the network that rank 0 saves.

    The statistics of batch norms become their mean over the ranks. All other buffers become those
    of rank 0. Norms in eval mode are frozen. They are not averaged, because rounding can change
    even the mean of equal numbers.
    """
    if group.ranks.count == 1:
        return
    norms = [one for one in model.modules() if isinstance(one, _BatchNorm) and one.training]
    average_statistics(norms, 1, group)
    averaged = set(map(id, _statistics(norms)))
    for buffer in model.buffers():
        if id(buffer) not in averaged:
            group.take_of_first(buffer)


def _statistics(norms: Sequence[_BatchNorm]) -> list[Tensor]:
    found = [one for norm in norms for one in (norm.running_mean, norm.running_var)]
    return [one for one in found if one is not None]


@dataclass(frozen=True)
class _Messages:
    """Messages between the ranks about one norm.

    number: the place of the norm in the model, from 1.
    """

    group: Group
    number: int

    def add(self, *rows: Tensor, backward: bool = False) -> Tensor:
        """The sums of rows of numbers over all ranks.

        A row has a number for each channel. One more row marks the norm that the numbers belong to.
        Without it, numbers of another norm with the same number of channels would be added
        unnoticed.

        Raises: TrainingError if other ranks are at another norm, or in the other direction. On a
            GPU, the check would wait for the device; there, the sums become NaN instead.
        """
        mark = -self.number if backward else self.number
        *sums, marks = self.group.add(torch.stack([*rows, torch.full_like(rows[0], mark)]))
        same = marks == mark * self.group.ranks.count
        if same.is_cpu and not same.all():
            raise TrainingError(
                "the processes use different batch norms in the same step, for example in a "
                "forward pass that skips layers at random; set batch_norms=local"
            )
        return torch.stack(sums).where(same, torch.nan)


@torch.compiler.disable
def _forward(norm: _BatchNorm, messages: _Messages, inputs: Tensor) -> Tensor:
    if not norm.training:
        return _BatchNorm.forward(norm, inputs)
    norm._check_input_dim(inputs)
    mean, variance, count = _joint_statistics(inputs.detach(), messages)
    if norm.track_running_stats:
        _follow(norm, mean, variance * (count / (count - 1)))
    outputs = _Normalise.apply(inputs, mean, (variance + norm.eps).rsqrt(), count, messages)
    assert isinstance(outputs, Tensor)
    if norm.weight is not None:
        outputs = outputs * _spread(norm.weight, inputs)
    if norm.bias is not None:
        outputs = outputs + _spread(norm.bias, inputs)
    return outputs.to(inputs.dtype)


@torch.no_grad()
def _joint_statistics(inputs: Tensor, messages: _Messages) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance of each channel over all ranks, and the number of values in a channel."""
    values = _exact(inputs)
    if values.numel():
        # These are squares of distances from a mean. Plain sums of squares would lose digits.
        variance, mean = torch.var_mean(values, _all_but_channels(values), correction=0)
    else:
        # If a network selects some values, this rank may have none while others have some.
        variance = mean = values.new_zeros(values.shape[1])
    count = torch.full_like(mean, values.numel() // len(mean))
    joint_count, summed = messages.add(count, count * mean)
    joint_mean = summed / joint_count
    (spread,) = messages.add(count * (variance + (mean - joint_mean).square()))
    return joint_mean, spread / joint_count, joint_count


@torch.no_grad()
def _follow(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Move the running statistics towards the statistics of a batch."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    momentum = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), momentum)
    norm.running_var.lerp_(variance.to(norm.running_var.dtype), momentum)


class _Normalise(torch.autograd.Function):
    """(inputs - mean) * scale, where mean and scale depend on the inputs of all ranks.

    Source of the gradient: arXiv:1502.03167, section 3.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, mean: Tensor, scale: Tensor, count: Tensor, messages: _Messages
    ) -> Tensor:
        """Shape:  (N, C, ...) to the same; mean, scale, count (C,)."""
        outputs = (_exact(inputs) - _spread(mean, inputs)) * _spread(scale, inputs)
        ctx.save_for_backward(outputs, scale, count)
        ctx.messages, ctx.dtype = messages, inputs.dtype
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Shape:  that of `inputs`."""
        (outputs, scale, count), gradient = ctx.saved_tensors, gradients[0]
        dims = _all_but_channels(outputs)
        sums = gradient.sum(dims), (gradient * outputs).sum(dims)
        means = ctx.messages.add(*sums, backward=True) / count
        centred = gradient - _spread(means[0], outputs) - outputs * _spread(means[1], outputs)
        return (_spread(scale, outputs) * centred).to(ctx.dtype), None, None, None, None


def _exact(inputs: Tensor) -> Tensor:
    """The numbers in the type that torch's norms compute in: float64 for float64, else float32."""
    return inputs if inputs.dtype is torch.float64 else inputs.float()


def _all_but_channels(inputs: Tensor) -> list[int]:
    return [axis for axis in range(inputs.ndim) if axis != 1]


def _spread(values: Tensor, like: Tensor) -> Tensor:
    """One number per channel, shaped so that they broadcast to `like`."""
    return values.view(1, -1, *[1] * (like.ndim - 2))
