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
    """The name of a model and its options: all that is needed to build it."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """The model, freshly initialised. Raises: UsageError for a wrong name or option."""
        return models.build(self.name, self.options)


def create(name: str, **options: Any) -> nn.Module:
    """Build the model called `name`.

    Raises: UsageError for an unknown name, an unknown option or a value that is not allowed.
    """
    return models.build(name, options)


def takes(name: str, option: str) -> bool:
    """Whether the model called `name` has that option."""
    return option in inspect.signature(models.get(name)).parameters


def option(architecture: Architecture, name: str, default: Any) -> Any:
    """The value of an option, given or the model's default; `default` where it has no such."""
    if name in architecture.options:
        return architecture.options[name]
    parameter = inspect.signature(models.get(architecture.name)).parameters.get(name)
    return default if parameter is None else parameter.default
