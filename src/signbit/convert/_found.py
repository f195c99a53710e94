"""The result of a search for the rule of a foreign layer."""

from dataclasses import dataclass

from signbit.convert._forms import Form
from signbit.convert._geometry import Geometry
from signbit.convert._rules import Named, WeightRule
from signbit.errors import AdoptError


@dataclass(frozen=True)
class Found:
    """Everything that a layer of this package needs to compute what the module computes.

    input_zero: the sign of zero in the input; None where the input is used as it is.
    """

    form: Form
    geometry: Geometry
    input_zero: int | None
    weight_rule: WeightRule
    padding_value: float
    scale: Named
    bias: Named

    def __str__(self) -> str:
        zero = self.input_zero
        parts = ["input as it is" if zero is None else f"sign of the input, sign(0) = {zero}"]
        parts += [str(self.weight_rule), self.scale.text, self.bias.text]
        if self.geometry.padded:
            parts.append(f"padding {self.padding_value:g}")
        return "; ".join(parts)


class UnexplainedError(AdoptError):
    """No rule explains the outputs.

    binarized: whether input or weight are binarized. Then the module cannot stay as it is.
    """

    def __init__(self, message: str, binarized: bool = True):
        super().__init__(message)
        self.binarized = binarized
