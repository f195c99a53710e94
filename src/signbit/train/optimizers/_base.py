"""The settings of an optimizer in a recipe, and the registry of the kinds."""

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

    A kind is a subclass with its own field `name`, a `Literal` of the registered name.

    holds_signs: whether it keeps every weight at -1 or +1.
    """

    holds_signs: ClassVar[bool] = False

    lr: Rate

    def check(self, model: nn.Module) -> None:
        """Raises: UsageError where it cannot train the latent weights of `model`."""

    @abstractmethod
    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        """The optimizer of parameter groups, some of which have their own `weight_decay`.

        fused: whether all parameters are on a device where one kernel can update them together.
        """


class AbstractRealOptimizer(AbstractOptimizer):
    """A kind that changes real numbers, so it can train every parameter of a network.

    weight_decay: weight decay of real weights.
    latent_weight_decay: weight decay of latent weights, of which a layer uses only the signs.
    """

    weight_decay: NotNegative = 0.0
    latent_weight_decay: NotNegative = 0.0


optimizers: Registry[type[AbstractOptimizer]] = Registry("optimizer", "signbit.train.optimizers")


def any_of(base: type[AbstractOptimizer]) -> Any:
    """The type of a field that accepts each registered kind that is a subclass of `base`."""
    found = [optimizers.get(name) for name in optimizers.names()]
    return reduce(or_, [kind for kind in found if issubclass(kind, base)])
