"""Find the values that are exactly 0 where an image is flat. A sign has a third value there."""

import torch

from signbit.pack._draft import (
    Concat,
    Conv,
    Flatten,
    Given,
    MaxPool,
    Move,
    Pointwise,
    RealStep,
    Step,
)
from signbit.pack._functions import Function
from signbit.pack._samples import has_zero

# The smallest normal number: torch may treat smaller ones as 0.
_TINY = torch.finfo(torch.float32).tiny
# Packed operations that return 0 for zeros.
_KEEPS_ZERO = frozenset({"avg_pool", "reduce"})
_KEEPS_ZERO_OF_ALL = frozenset({"add", "maximum", "minimum"})


class Zeros:
    """Says which values are 0 everywhere for some flat image. Each value is examined once.

    Numbers minus their mean are 0 there. The numbers of an input that can be 0 are 0 as well.

    of_inputs: whether to count inputs.
    """

    def __init__(self, of_inputs: bool):
        self._of_inputs = of_inputs
        self._known: dict[Step, bool] = {}

    def __call__(self, step: Step) -> bool:
        """Whether a step's numbers are all 0 for some flat image."""
        if step not in self._known:
            self._known[step] = self._look(step)
        return self._known[step]

    def have_third(self, function: Function) -> bool:
        """Whether a function gives a third number for these 0s, between two others."""
        if not self(function.of):
            return False
        rows = torch.tensor([[-_TINY], [0.0], [_TINY]]).expand(-1, function.of.size[2])
        below, at, above = function(rows)
        return bool(((at != below) & (at != above)).any())

    def _look(self, step: Step) -> bool:
        if isinstance(step, Given):
            return self._of_inputs and has_zero(step.input)
        if isinstance(step, Pointwise):
            at = Function(step, step.base)(torch.zeros(1, step.base.size[2]))
            return self(step.base) and bool((at == 0).all())
        if isinstance(step, RealStep):
            return step.centred or self._of_real(step)
        if isinstance(step, Conv):
            return not step.padding_value and not step.on_bits and self(step.sources[0])
        if isinstance(step, Move):
            return step.fill in (None, 0.0) and self(step.sources[0])
        return isinstance(step, MaxPool | Flatten | Concat) and all(map(self, step.sources))

    def _of_real(self, step: RealStep) -> bool:
        function = step.node.attributes.get("function") if step.node.op == "binary" else None
        if function == "multiply":
            return any(map(self, step.sources))
        keeps = step.node.op in _KEEPS_ZERO or function in _KEEPS_ZERO_OF_ALL
        return keeps and all(map(self, step.sources))
