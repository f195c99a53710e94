"""Which values of a network become outputs, and how they are taken from a run of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from torch import Tensor, nn

from signbit.errors import PackError, closest
from signbit.format import Output
from signbit.format.checks import fields_of
from signbit.format.signature import CLASSES


@dataclass(frozen=True)
class OutputSpec:
    """An output of the packed network, before it has a node.

    name: its name in the file. Where the network returns a dict, a dataclass or a named tuple, it
        is also the key or field. Where no field of a tuple has such a name, their order counts.
    kind: "classes" for scores of which the highest is the answer. "labels" for scores that each
        answer a question of their own, with yes above 0. "numbers" for anything else.
    names: the names of its channels: classes, labels or quantities; may be empty.
    module: the path of the module whose result is the output. None for a value that the network
        returns: the first output without a module is the first value, and so on.

    Raises: UsageError, which names the output and the field.
    """

    name: str
    kind: str = CLASSES
    names: Sequence[str] = ()
    module: str | None = None

    def __post_init__(self):
        object.__setattr__(self, "names", tuple(self.at(0, 1).names))

    @classmethod
    def from_dict(cls, values: Any, number: int) -> "OutputSpec":
        """Make an output from plain values, such as those of a settings file.

        number: its number among the outputs, from 1, for error messages.

        Raises: UsageError for missing or unknown fields.
        """
        allowed = ("name", "kind", "names", "module")
        return cls(**fields_of(f"output {number}", values, ("name",), allowed))

    def at(self, node: int, rank: int) -> Output:
        """The output of the file, once its node and its rank are known."""
        return Output(self.name, self.kind, node, rank, self.names)


class Run:
    """A network as a function from its inputs to the values of its outputs.

    specs: those of the outputs; None for the one value that the network returns.
    """

    def __init__(self, model: nn.Module, specs: Sequence[OutputSpec] | None):
        self.model, self._specs = model, specs
        wanted = [one.module for one in specs or () if one.module is not None]
        known = dict(model.named_modules())
        for path in wanted:
            if path not in known:
                raise PackError(
                    f"the network has no module {path!r}; print(network) shows the names of its "
                    f"modules.{closest(path, list(known))}"
                )
        self._modules = {path: known[path] for path in wanted}

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """Run the network.

        Raises: PackError where it does not return what the outputs ask for.
        """
        found: dict[str, list[Any]] = {path: [] for path in self._modules}
        hooks = [
            # A copy, because what runs next may change the result in place.
            module.register_forward_hook(lambda _, __, value, path=path: _keep(found[path], value))
            for path, module in self._modules.items()
        ]
        try:
            returned = self.model(*inputs)
        finally:
            for hook in hooks:
                hook.remove()
        if self._specs is None:
            return [_one_tensor(returned)]
        return _chosen(self._specs, returned, found)


def _keep(values: list[Any], value: Any) -> None:
    values.append(value.clone() if isinstance(value, Tensor) else value)


def _one_tensor(output: Any) -> Tensor:
    if isinstance(output, Tensor):
        return output
    what = f"{len(output)} values" if isinstance(output, list | tuple | Mapping) else "no tensor"
    raise PackError(
        f"the network returns {what} ({type(output).__name__}), but one tensor of scores is "
        "expected; name the values with outputs=[OutputSpec(...), ...]"
    )


def _chosen(
    specs: Sequence[OutputSpec], returned: Any, found: Mapping[str, list[Any]]
) -> list[Tensor]:
    by_return = [one for one in specs if one.module is None]
    returned = _by_name(returned, [one.name for one in by_return])
    if isinstance(returned, Mapping):
        values = {one.name: _of_key(one.name, returned) for one in by_return}
    else:
        listed = list(returned) if isinstance(returned, list | tuple) else [returned]
        # Where all outputs are results of modules, the network may return anything.
        if by_return and len(listed) != len(by_return):
            raise PackError(
                f"the network returns {len(listed)} values, but outputs=[...] names "
                f"{len(by_return)} ({', '.join(one.name for one in by_return)}); give one "
                "OutputSpec for each value"
            )
        values = dict(zip((one.name for one in by_return), listed, strict=False))
    chosen = [
        values[one.name] if one.module is None else _of_module(one.module, found) for one in specs
    ]
    for spec, value in zip(specs, chosen, strict=True):
        if not isinstance(value, Tensor):
            raise PackError(
                f"the network returns {type(value).__name__} for output {spec.name!r}; an output "
                "is one tensor"
            )
    return chosen


def _by_name(returned: Any, names: Sequence[str]) -> Any:
    """A dataclass, and a tuple whose fields have names of outputs, as a mapping."""
    if is_dataclass(returned) and not isinstance(returned, Mapping | Tensor):
        return {one.name: getattr(returned, one.name) for one in fields(returned)}
    known = getattr(returned, "_fields", ()) if isinstance(returned, tuple) else ()
    # The outputs may have another order than the fields, so values are found by name.
    return dict(zip(known, returned, strict=True)) if set(names) & set(known) else returned


def _of_key(name: str, returned: Mapping[Any, Any]) -> Any:
    if name not in returned:
        keys = ", ".join(map(str, returned))
        raise PackError(
            f"the network returns no value {name!r}; the name of an output is one of: {keys}"
        )
    return returned[name]


def _of_module(path: str, found: Mapping[str, list[Any]]) -> Any:
    values = found[path]
    if len(values) != 1:
        raise PackError(
            f"{path}: is an output, but runs {len(values)} times for a sample; return the value "
            "from the network"
        )
    return values[0]
