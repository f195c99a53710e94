"""The schema of an operator. Torch builds it anew for each request, so it is read once."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Signature(NamedTuple):
    """One overload of an operator.

    name: as `operator_name` returns it.
    defaults: the default of each argument by its name, in their order; None where there is none.
    written: names of the arguments that it changes.
    random: whether it draws numbers.
    changes_view: whether it makes another view of its argument, in place.
    """

    name: str
    defaults: Mapping[str, Any]
    written: Sequence[str]
    random: bool
    changes_view: bool

    def bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments by their names, defaults included."""
        # Keywords are names of the schema, so the order stays.
        return {**self.defaults, **dict(zip(self.defaults, args, strict=False)), **kwargs}

    def tensors_written(self, arguments: Mapping[str, Any]) -> list[Tensor]:
        """The tensors that it changes."""
        return [tensor for name in self.written for tensor in tensors_in(arguments[name])]


@lru_cache(maxsize=1024)
def signature(overload: Any) -> Signature:
    """The signature of an overload."""
    arguments = overload._schema.arguments
    return Signature(
        operator_name(overload),
        {one.name: one.default_value if one.has_default_value() else None for one in arguments},
        [one.name for one in arguments if one.alias_info is not None and one.alias_info.is_write],
        torch.Tag.nondeterministic_seeded in overload.tags,
        torch.Tag.inplace_view in overload.tags,
    )


def operator_name(overload: Any) -> str:
    """The name of an operator without its overload. For ATen's `add_` it is `add`.

    The name of an operator of another library begins with its namespace, `mylib::step`. So it
    never equals a name of ATen.
    """
    name = overload.overloadpacket.__name__
    if overload.namespace != "aten":
        return f"{overload.namespace}::{name}"
    return name if name.startswith("_") else name.removesuffix("_")


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors in an argument or result of an operator, which may be a list."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return tensors_in(list(value.values()))
    if isinstance(value, list | tuple):
        return [one for part in value for one in tensors_in(part)]
    return []


def with_tensors(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same argument, with each tensor replaced.  change: makes the replacement."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: with_tensors(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([with_tensors(one, change) for one in value])
    return value
