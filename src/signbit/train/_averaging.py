"""A moving average of a network's parameters, and the statistics of its batch norms."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import get_ema_multi_avg_fn

from signbit.train._batch import call
from signbit.train._group import ALONE, Group
from signbit.train._joint_norms import average_statistics

# The average forgets faster in its first steps, so that the random start soon has no effect.
_WARMUP_STEPS = 10


class AverageModel(nn.Module):
    """A copy of `model` whose parameters follow those of `model` slowly.

    It is a submodule of the training module, so a checkpoint holds both networks.
    """

    def __init__(self, model: nn.Module, decay: float):
        super().__init__()
        self.model, self.decay = deepcopy(model).requires_grad_(False), decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follow `model` after its step number `step`, counted from 0.

        average = d * average + (1 - d) * parameter, d = min(decay, step / (step + 10)).
        """
        decay = min(self.decay, step / (step + _WARMUP_STEPS))
        get_ema_multi_avg_fn(decay)(list(self.model.parameters()), list(model.parameters()), step)

    @torch.no_grad()
    def measure(self, model: nn.Module, batches: Iterable[Any], group: Group = ALONE) -> None:
        """Measure the statistics of batch norms on `batches`; copy other buffers from `model`.

        The running statistics of `model` do not fit the average, because some averaged weights have
        other signs. A norm is measured only if `model` has it in training mode.

        batches: the batches of this rank. The statistics are the means over those of all ranks.

        Source: arXiv:1803.05407, section 3.2.
        """
        norms = []
        for ours, theirs in zip(self.model.modules(), model.modules(), strict=True):
            measured = isinstance(ours, _BatchNorm) and ours.track_running_stats
            # A norm in eval mode is frozen, so its statistics do not change.
            if measured and theirs.training:
                norms.append((ours, ours.momentum))
            else:
                for name, buffer in ours.named_buffers(recurse=False):
                    buffer.copy_(theirs.get_buffer(name))
        self.model.eval()
        for norm, _ in norms:
            norm.train().reset_running_stats()
        count = 0
        for count, inputs in enumerate(batches, start=1):
            for norm, _ in norms:
                # All batches have the same weight. momentum=None does this too, but waits for the
                # device.
                norm.momentum = 1 / count
            call(self.model, inputs)
        for norm, momentum in norms:
            norm.momentum = momentum
        average_statistics([norm for norm, _ in norms], count, group)
        for norm, _ in norms:
            group.add(norm.num_batches_tracked)
        self.model.eval()
