"""The operators of a file as a torch module, which calls them in their order.

Each operator is a submodule with the name that the file gives it. So `pack`, which reads what torch
runs, names the operators of the file in its report and its errors. A file may be hostile: an
operator first runs on tensors without numbers, which shows the sizes of its results and its work.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from signbit.errors import ConvertError, SignbitError, first_line, printable

BATCH = 2
"""The number of samples of a value in `Graph.example`: the first axis of each."""
# Of all operators together, for a batch. No real network comes near these bounds.
_MOST_WORK = 1 << 40
_MOST_ELEMENTS = BATCH << 27
_MOST_OPERATORS = 1 << 14

Compute = Callable[..., Tensor | Sequence[Tensor]]


class Operator(nn.Module):
    """An operator of a file. Its constants are buffers, so that a report can count them."""

    def __init__(self, compute: Compute, values: Sequence[Tensor | None]):
        super().__init__()
        self._compute = compute
        self._names = [None if value is None else f"constant{n}" for n, value in enumerate(values)]
        for name, value in zip(self._names, values, strict=True):
            if name is not None:
                self.register_buffer(name, value)

    def forward(self, *values: Tensor) -> Tensor | Sequence[Tensor]:
        """The result of the operator.  values: those that are not constants, in their order."""
        left = iter(values)
        return self._compute(
            *(next(left) if name is None else getattr(self, name) for name in self._names)
        )


class ImportedNetwork(nn.Module):
    """Calls the operators of a file; accepts and returns the values of its inputs and outputs."""

    def __init__(self, inputs: Sequence[str]):
        super().__init__()
        self.inputs, self.outputs = tuple(inputs), tuple[str, ...]()
        self._calls: list[tuple[str, Sequence[str], Sequence[str]]] = []

    def append(
        self, label: str, operator: Operator, inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        """Add an operator, which is called after all that were added before."""
        self.add_module(label, operator)
        self._calls.append((label, tuple(inputs), tuple(outputs)))

    def forward(self, *values: Tensor) -> Tensor | tuple[Tensor, ...]:
        """One tensor, or one for each output."""
        known = dict(zip(self.inputs, values, strict=True))
        for label, inputs, outputs in self._calls:
            results = self.get_submodule(label)(*(known[name] for name in inputs))
            listed = (results,) if isinstance(results, Tensor) else results
            known.update(zip(outputs, listed, strict=True))
        found = tuple(known[name] for name in self.outputs)
        return found[0] if len(found) == 1 else found


class Graph:
    """Builds the module, operator by operator, and knows the constants and the sizes of values.

    place: the file, for messages.
    inputs: the shape of one sample of each input by its name, channels first.
    """

    def __init__(self, place: str, inputs: Mapping[str, Sequence[int]]):
        self.module = ImportedNetwork(list(inputs))
        self._place = place
        self._constants: dict[str, Tensor] = {}
        self._examples: dict[str, Tensor] = {}
        self._kinds: dict[str, type[Operator]] = {}
        self._numbers: dict[str, int] = {}
        self._operators = self._work = self._elements = 0
        for name, shape in inputs.items():
            example = torch.empty(BATCH, *shape, device="meta")
            self._note(f"input {printable(name)!r}", name, example)

    def set_constant(self, name: str, value: Tensor) -> None:
        """Give a value that is the same for all samples."""
        self._constants[name] = value
        self._note("a constant", name, value.to("meta"))

    def constant(self, name: str) -> Tensor | None:
        """The value of a constant; None for a value that depends on the inputs."""
        return self._constants.get(name)

    def example(self, name: str) -> Tensor:
        """A tensor without numbers: the shape and type of a value for `BATCH` samples."""
        return self._examples[name]

    def knows(self, name: str) -> bool:
        """Whether a value has been given or computed."""
        return name in self._examples

    def add(
        self,
        kind: str,
        label: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        compute: Compute,
    ) -> None:
        """Add an operator. Where all inputs are constants, its results are constants.

        kind: the operator's type in the file.
        label: its name in the file, for messages and reports.
        compute: from the values of `inputs` to one tensor, or one for each of `outputs`. It is a
            function of them alone, and works on tensors of the device "meta".

        Raises: ConvertError that names the operator where it cannot run, or would give too much.
        """
        label = self._unique(label)
        where = f"{label} ({printable(kind)})"
        self._operators += 1
        if self._operators > _MOST_OPERATORS:
            raise ConvertError(f"{self._place}: more than {_MOST_OPERATORS} operators")
        examples = self._run(where, compute, [self._examples[name] for name in inputs], outputs)
        for name, example in zip(outputs, examples, strict=True):
            self._note(where, name, example)
        known = [self._constants.get(name) for name in inputs]
        if all(value is not None for value in known):
            results = self._run(where, compute, known, outputs)
            self._constants.update(zip(outputs, results, strict=True))
            return
        operator = self._kind(kind)(compute, known)
        variable = [name for name in inputs if name not in self._constants]
        self.module.append(label, operator, variable, outputs)

    def finish(self, outputs: Sequence[str]) -> ImportedNetwork:
        """The module, in eval mode, with these values as its outputs."""
        for name in outputs:
            if name in self._constants or not self.knows(name):
                raise ConvertError(
                    f"{self._place}: output {printable(name)!r} does not depend on an input"
                )
        self.module.outputs = tuple(outputs)
        return self.module.eval()

    def refuse(self, label: str, kind: str, reason: str) -> ConvertError:
        """The error for an operator that cannot be read."""
        return ConvertError(f"{self._place}: {printable(label)} ({printable(kind)}): {reason}")

    def _run(
        self, where: str, compute: Compute, values: Sequence[Any], outputs: Sequence[str]
    ) -> Sequence[Tensor]:
        counter = FlopCounterMode(display=False)
        try:
            with torch.no_grad(), counter:
                results = compute(*values)
        except SignbitError:
            raise
        # Torch raises errors of many kinds for the operators that a damaged file can hold.
        except Exception as error:
            raise ConvertError(f"{self._place}: {where}: {first_line(error)}") from error
        listed = (results,) if isinstance(results, Tensor) else tuple(results)
        if len(listed) != len(outputs):
            raise ConvertError(
                f"{self._place}: {where}: {len(outputs)} outputs, but it gives {len(listed)}"
            )
        self._work += counter.get_total_flops()
        if self._work > _MOST_WORK:
            raise ConvertError(
                f"{self._place}: {where}: the operators up to here need {self._work:.1e} "
                f"multiplications and additions; at most {_MOST_WORK:.1e} are allowed"
            )
        return listed

    def _note(self, where: str, name: str, example: Tensor) -> None:
        self._examples[name] = example
        self._elements += example.numel()
        if self._elements > _MOST_ELEMENTS:
            raise ConvertError(
                f"{self._place}: {where}: a value of shape {tuple(example.shape)}; at most "
                f"{_MOST_ELEMENTS // BATCH} numbers are allowed for a sample, in all values "
                "together"
            )

    def _unique(self, label: str) -> str:
        """A name that torch allows for a submodule, and that no other operator has."""
        plain = re.sub(r"\W+", "_", printable(label)).strip("_") or "operator"
        found = plain
        while hasattr(self.module, found):
            # Many operators may have one name, so the next number is kept.
            self._numbers[plain] = self._numbers.get(plain, 1) + 1
            found = f"{plain}_{self._numbers[plain]}"
        return found

    def _kind(self, kind: str) -> type[Operator]:
        """A class with the operator's name, which a report shows."""
        name = printable(kind)
        return self._kinds.setdefault(name, type(name, (Operator,), {}))
