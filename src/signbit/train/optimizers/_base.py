"""The settings of an optimizer in a recipe, and the registry of optimizers."""

from abc import ABC, abstractmethod
from functools import reduce
from operator import or_
from typing import Any, ClassVar

import torch
from torch import nn

from signbit.registry import Registry
from signbit.train._field_types import NotNegative, Rate, Settings


class AbstractOptimizer(Settings, ABC):
    """The settings of one kind of optimizer; `build` makes the optimizer.

    Each kind is a subclass with a field `name`, a `Literal` of its registered name.

    lr: the learning rate.
    holds_signs: whether the optimizer keeps every weight at -1 or +1.
    """

    holds_signs: ClassVar[bool] = False

    lr: Rate

    def check(self, model: nn.Module) -> None:
        """Raises: UsageError if it cannot train the latent weights of `model`."""

    @abstractmethod
    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        """The optimizer of these parameter groups. Some groups have their own `weight_decay`.

        fused: whether all parameters are on a device where one kernel can update them together.
        """


class AbstractRealOptimizer(AbstractOptimizer):
    """A kind of optimizer for real numbers. It can train every parameter of a network.

    weight_decay: the weight decay of real weights.
    latent_weight_decay: the weight decay of latent weights, whose signs alone a layer uses.
    """

    weight_decay: NotNegative = 0.0
    latent_weight_decay: NotNegative = 0.0


optimizers: Registry[type[AbstractOptimizer]] = Registry("optimizer", "signbit.train.optimizers")


def any_of(base: type[AbstractOptimizer]) -> Any:
    """The type of a field that accepts every registered subclass of `base`."""
    found = [optimizers.get(name) for name in optimizers.names()]
    return reduce(or_, [kind for kind in found if issubclass(kind, base)])
