"""Adam, with coupled or decoupled weight decay."""

from typing import Any, Literal

import torch

from signbit.train._field_types import Flag, Share
from signbit.train.optimizers._base import AbstractRealOptimizer, optimizers


@optimizers.register("adam")
class Adam(AbstractRealOptimizer):
    """torch.optim.AdamW, or torch.optim.Adam if weight decay is not decoupled.

    betas: how much of the two moments is kept in a step.
    decoupled: true subtracts lr * weight_decay * weight in each step (AdamW). false adds
        weight_decay * weight to the gradient (Adam), so that it also enters the moments.

    Source: arXiv:1412.6980; decoupled decay: arXiv:1711.05101.
    """

    name: Literal["adam"]
    betas: tuple[Share, Share] = (0.9, 0.999)
    decoupled: Flag = True

    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        """Adam or AdamW on the groups."""
        kind = torch.optim.AdamW if self.decoupled else torch.optim.Adam
        return kind(groups, lr=self.lr, betas=self.betas, fused=fused or None)
