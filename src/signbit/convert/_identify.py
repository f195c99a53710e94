"""Find the rule that explains every output of a foreign convolution or linear layer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from signbit.convert._box import Box
from signbit.convert._forms import Form
from signbit.convert._found import Found, UnexplainedError
from signbit.convert._geometry import Geometry, find_geometry
from signbit.convert._probes import Draw
from signbit.convert._rules import (
    SIGNS,
    WEIGHT_RULES,
    ZERO_RULES,
    Fit,
    Named,
    WeightRule,
    bias_rules,
    fit,
    scale_rules,
    share,
)

_SAMPLES = 4
_ROWS = 16
_SMALL = 1024
# Larger than the tolerances, and smaller than the changes that move weights across a mean.
_NEAR = 1e-3
_PADDING_VALUES = (0.0, -1.0, 1.0)

R = TypeVar("R")
P = TypeVar("P")


@dataclass(frozen=True)
class Probe:
    """Tensors of the module, an input, and the output as (outputs, samples)."""

    tensors: dict[str, Tensor]
    weight: Tensor
    x: Tensor
    y: Tensor


def identify(box: Box, name: str, form: Form, sample: Tensor) -> tuple[Found, Tensor]:
    """The rule of a module whose weight is the tensor `name`, and its latent weight.

    sample: an input that the network gave to the module.
    Raises: UnexplainedError with the nearest rule and its difference.
    """
    return _Search(box, name, form, sample).run()


class _Search:
    def __init__(self, box: Box, name: str, form: Form, sample: Tensor):
        self.box, self.name, self.form = box, name, form
        self.draw, self.geometry = Draw(), Geometry()
        self.sizes = self._probe_sizes(sample)
        self.weights = [self._stored(weight) for weight in self.draw.weights(form.sizes)]

    def run(self) -> tuple[Found, Tensor]:
        box, changes = self.box, self._changes(self.weights[0])
        box.require_constant(self._typed(self.draw.wild(self.sizes)))
        small = self.weights[0].numel() < _SMALL
        calm = self.draw.calm((2 * _SAMPLES if small else 1, *self.sizes[1:]))
        geometry = find_geometry(box, self.form, self._typed(calm), changes)
        if geometry is None:
            raise self._unexplained(
                f"with a weight of {self.form.sizes} no stride, symmetrical padding and dilation "
                "of a convolution explain its outputs"
            )
        self.geometry = geometry
        zero = self._input_zero(changes)
        if zero is None and self._has_binary_input():
            raise UnexplainedError("it binarizes its input, but not by the sign of the input")
        probes = [self._probe(changes) for changes in self._all_changes()]
        rule = self._weight_rule(zero, probes)
        value = self._padding_value(zero, rule, probes)
        latent, probes = self._with_latent(zero, rule, value, probes)
        fits = [self._fits(zero, rule, probe, (value,))[0] for probe in probes]
        scale = self._scale(rule, probes, fits)
        bias = self._bias(scale, probes, fits)
        return Found(self.form, geometry, zero, rule, value, scale, bias), latent

    def _input_zero(self, changes: dict[str, Tensor]) -> int | None:
        """The sign of zero in a binarized input: the signs of an input give the same outputs."""
        x = self._typed(self.draw.wild(self.sizes))
        y = self.box.run(x, changes)
        for zero in ZERO_RULES:
            if self._alike(self.box.run(SIGNS[zero]()(x), changes), y):
                # A sign with three values agrees with each rule on inputs without zeros.
                return zero
        return None

    def _weight_rule(self, zero: int | None, probes: list[Probe]) -> WeightRule:
        seen: list[tuple[Tensor, float]] = []

        def off(rule: WeightRule, probe: Probe) -> float:
            # Rules that differ only in zeros give the same signs for most weights.
            signs = rule.signs(probe.weight)
            shared = rule.zero is not None and probe is probes[0]
            if shared:
                for others, known in seen:
                    if torch.equal(others, signs.to(torch.int8)):
                        return known
            least = min(found.off for found in self._fits(zero, rule, probe))
            if shared:
                seen.append((signs.to(torch.int8), least))
            return least

        return self._first(WEIGHT_RULES, probes, off, "input and weight")

    def _padding_value(self, zero: int | None, rule: WeightRule, probes: list[Probe]) -> float:
        if not self.geometry.padded:
            return 0.0

        def off(value: float, probe: Probe) -> float:
            return self._fits(zero, rule, probe, (value,))[0].off

        return self._first(_PADDING_VALUES, probes, off, "padding")

    def _with_latent(
        self, zero: int | None, rule: WeightRule, value: float, probes: list[Probe]
    ) -> tuple[Tensor, list[Probe]]:
        """The latent weight that explains the outputs of the unchanged module, and that probe."""
        probe, best = self._probe({}), float("inf")
        for stored in self.box.latents(self.name):
            own = Probe(probe.tensors, self.form.weight(stored), probe.x, probe.y)
            off = self._fits(zero, rule, own, (value,))[0].off
            if off <= self.box.tolerance:
                return own.weight, [*probes, own]
            best = min(best, off)
        raise self._unexplained(f"with its own weights, {rule} differs by {best:.1e}")

    def _scale(self, rule: WeightRule, probes: list[Probe], fits: list[Fit]) -> Named:
        def off(named: Named, at: tuple[Probe, Fit]) -> float:
            probe, found = at
            known = found.scale.isfinite()
            wanted = found.scale[known]
            value = named.value(probe.tensors, probe.weight).expand(found.scale.shape)[known]
            return share((wanted - value)[:, None], wanted[:, None]) if len(wanted) else 0.0

        rules = scale_rules(self._others(), self.box.numbers(), self.form.sizes[0])
        if rule.zero is None:
            rules = (one for one in rules if not one.options)
        # The scale is computed from the sums, and is less precise than they are.
        return self._first(rules, list(zip(probes, fits, strict=True)), off, "scale", 20)

    def _bias(self, scale: Named, probes: list[Probe], fits: list[Fit]) -> Named:
        def off(rule: Named, at: tuple[Probe, Fit]) -> float:
            probe, found = at
            value = rule.value(probe.tensors, probe.weight).expand(found.shift.shape)
            return share((found.shift - value)[:, None].expand_as(probe.y), probe.y)

        rules = bias_rules(self._others(), scale, self.form.sizes[0])
        return self._first(rules, list(zip(probes, fits, strict=True)), off, "bias", 20)

    def _first(
        self,
        rules: Iterable[R],
        probes: list[P],
        off: Callable[[R, P], float],
        what: str,
        slack: float = 1,
    ) -> R:
        """The first rule that explains every probe. Later rules that do also give the same numbers.

        Raises: UnexplainedError with the nearest rule.
        """
        nearest, least = "", float("inf")
        for rule in rules:
            worst = 0.0
            for probe in probes:
                worst = max(worst, off(rule, probe))
                if worst > slack * self.box.tolerance:
                    break
            else:
                return rule
            if worst < least:
                nearest, least = getattr(rule, "text", str(rule)), worst
        raise self._unexplained(
            f"no rule for its {what}; nearest: {nearest}, which differs by {least:.1e}"
        )

    def _unexplained(self, message: str) -> UnexplainedError:
        return UnexplainedError(message, self._has_binary_input() or self._has_binary_weight())

    def _has_binary_input(self) -> bool:
        """Whether small changes of the input change at most a scale of the output."""
        changes, x = self._changes(self.weights[0]), self._typed(self.draw.calm(self.sizes))
        near = x * self.draw.uniform(x.shape, 0.99, 1.01).to(x.dtype)
        y, other = (self._rows(self.box.run(one, changes)) for one in (x, near))
        return fit(other, y).off <= self.box.tolerance

    def _has_binary_weight(self) -> bool:
        """Whether small changes of the weight change at most a scale of the output."""
        changes, x = self._changes(self.weights[0]), self._typed(self.draw.calm(self.sizes))
        factor = self.draw.uniform(self.weights[0].shape, 1 - _NEAR, 1 + _NEAR)
        near = changes | {self.name: self.weights[0] * factor}
        y, other = (self._rows(self.box.run(x, one)) for one in (changes, near))
        return fit(other, y).off <= self.box.tolerance

    def _fits(
        self,
        zero: int | None,
        rule: WeightRule,
        probe: Probe,
        values: Iterable[float] = _PADDING_VALUES,
    ) -> list[Fit]:
        """The outputs of a probe as scale * sums + shift, for each value of the padding."""
        x = probe.x if zero is None else SIGNS[zero]()(probe.x)
        weight, groups = rule.signs(probe.weight), self.form.groups
        sums = self.geometry.sums(x, weight, groups)
        if not self.geometry.padded:
            return [fit(probe.y, self._rows(sums))]
        # Sums are linear in the value of the padding.
        border = self.geometry.sums(torch.zeros_like(x[:1]), weight, groups, padding_value=1.0)
        return [fit(probe.y, self._rows(sums + value * border)) for value in values]

    def _probe(self, changes: dict[str, Tensor]) -> Probe:
        x = self._typed(self.draw.wild(self.sizes))
        tensors = {
            name: changes[name].to(self.box.dtype) if name in changes else tensor
            for name, tensor in self.box.tensors().items()
        }
        weight = self.form.weight(tensors[self.name])
        return Probe(tensors, weight, x, self._rows(self.box.run(x, changes)))

    def _all_changes(self) -> Iterator[dict[str, Tensor]]:
        for weight in self.weights:
            yield self._changes(weight)

    def _changes(self, weight: Tensor) -> dict[str, Tensor]:
        """A weight, and other values for everything that may be a scale or a bias."""
        return {self.name: weight} | {
            name: self.draw.varied(tensor).to(tensor.dtype)
            for name, tensor in self._others().items()
        }

    def _others(self) -> dict[str, Tensor]:
        return {name: value for name, value in self.box.tensors().items() if name != self.name}

    def _stored(self, weight: Tensor) -> Tensor:
        """A weight as the module stores it."""
        tensor = self.box.tensors()[self.name]
        stored = weight.t() if self.form.layout == "transposed" else weight
        return stored.reshape(tensor.shape).to(tensor.dtype)

    def _probe_sizes(self, sample: Tensor) -> torch.Size:
        """The shape of inputs: small maps with a border and an inside, if the module takes them."""
        if not self.form.kernel:
            return torch.Size((_ROWS, *sample.shape[1:]))
        sides = [3 * taps + 4 for taps in self.form.kernel]
        sizes = torch.Size((_SAMPLES, sample.shape[1], *sides))
        if self.box.runs(self._typed(torch.zeros(sizes))):
            return sizes
        return torch.Size((_SAMPLES, *sample.shape[1:]))

    def _rows(self, y: Tensor) -> Tensor:
        return y.movedim(1 if self.form.kernel else -1, 0).flatten(1)

    def _alike(self, one: Tensor, other: Tensor) -> bool:
        return share(self._rows(one) - self._rows(other), self._rows(other)) <= self.box.tolerance

    def _typed(self, x: Tensor) -> Tensor:
        return x.to(self.box.dtype)
