"""Build a model from its name and options."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from signbit.registry import Registry

models: Registry[Callable[..., nn.Module]] = Registry("model", "signbit.models")


@dataclass(frozen=True)
class Architecture:
    """The name of a model and its options: everything that is needed to build it."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """The model with new initial weights.

        Raises: UsageError for an unknown name, an unknown option or a value that is not allowed.
        """
        return models.build(self.name, self.options)


def create(name: str, **options: Any) -> nn.Module:
    """Build the model called `name`, with new initial weights.

    Raises: UsageError for an unknown name, an unknown option or a value that is not allowed.
    """
    return models.build(name, options)


def takes(name: str, option: str) -> bool:
    """Whether the model called `name` has an option called `option`.

    Raises: UsageError for an unknown name.
    """
    return option in inspect.signature(models.get(name)).parameters


def option(architecture: Architecture, name: str, default: Any) -> Any:
    """The value of an option: the given one, or the model's default.

    default: the result if the model has no option called `name`.

    Raises: UsageError for an unknown model.
    """
    if name in architecture.options:
        return architecture.options[name]
    parameter = inspect.signature(models.get(architecture.name)).parameters.get(name)
    return default if parameter is None else parameter.default
