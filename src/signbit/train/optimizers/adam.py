"""Adam with decoupled weight decay."""

from typing import Any, Literal

import torch

from signbit.train._settings import Finite
from signbit.train.optimizers._base import AbstractRealOptimizer, optimizers


@optimizers.register("adam")
class Adam(AbstractRealOptimizer):
    """torch.optim.AdamW; without weight decay it is Adam.

    Source: arXiv:1412.6980; decoupled decay arXiv:1711.05101.
    """

    name: Literal["adam"]
    betas: tuple[Finite, Finite] = (0.9, 0.999)

    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        """AdamW on the groups."""
        return torch.optim.AdamW(groups, lr=self.lr, betas=self.betas, fused=fused or None)
