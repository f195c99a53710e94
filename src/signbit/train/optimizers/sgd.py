"""Stochastic gradient descent with momentum."""

from typing import Any, Literal, Self

import torch
from pydantic import model_validator

from signbit.train._field_types import Flag, Share
from signbit.train.optimizers._base import AbstractRealOptimizer, optimizers


@optimizers.register("sgd")
class Sgd(AbstractRealOptimizer):
    """torch.optim.SGD.

    momentum: how much of the last step is kept.
    nesterov: whether the momentum is Nesterov's.
    """

    name: Literal["sgd"]
    momentum: Share = 0.9
    nesterov: Flag = False

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0; set nesterov=false")
        return self

    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        """SGD on the groups."""
        return torch.optim.SGD(
            groups,
            lr=self.lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            fused=fused or None,
        )
