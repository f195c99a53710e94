"""What a recipe says of an optimizer, and the registry of their kinds."""

from abc import ABC, abstractmethod
from functools import reduce
from operator import or_
from typing import Any, ClassVar

import torch
from torch import nn

from signbit.registry import Registry
from signbit.train._field_types import NotNegative, Rate, Settings


class AbstractOptimizer(Settings, ABC):
    """Settings of one kind of optimizer, which build it.

    A kind is a subclass with a field `name` of its own, a `Literal` of the registered name.

    holds_signs: whether it keeps every weight at -1 or +1.
    """

    holds_signs: ClassVar[bool] = False

    lr: Rate

    def check(self, model: nn.Module) -> None:
        """Raises: UsageError where it cannot train the latent weights of `model`."""

    @abstractmethod
    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        """The optimizer of parameter groups, some of which bring a `weight_decay`.

        fused: whether every parameter is on a device where one kernel can update all of them.
        """


class AbstractRealOptimizer(AbstractOptimizer):
    """A kind that changes real numbers, so that it can train every parameter of a network.

    weight_decay: of weights that are multiplied with as they are.
    latent_weight_decay: of latent weights, of which only the signs are multiplied with.
    """

    weight_decay: NotNegative = 0.0
    latent_weight_decay: NotNegative = 0.0


optimizers: Registry[type[AbstractOptimizer]] = Registry("optimizer", "signbit.train.optimizers")


def any_of(base: type[AbstractOptimizer]) -> Any:
    """The type of a field that takes each registered kind that is a subclass of `base`."""
    found = [optimizers.get(name) for name in optimizers.names()]
    return reduce(or_, [kind for kind in found if issubclass(kind, base)])
