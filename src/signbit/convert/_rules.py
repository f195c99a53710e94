"""The rules of published code, each computed by the quantizers of this package."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any
from weakref import ref

import torch
from torch import Tensor

from signbit.quantizers import AbstractQuantizer, PlusSign, RuleSign, SteSign, TorchSign

# The sign of three values comes last: where there is no zero, it agrees with both others.
ZERO_RULES = (-1, 1, 0)
SIGNS: dict[int, type[AbstractQuantizer]] = {-1: SteSign, 0: TorchSign, 1: PlusSign}
_CENTRES = (None, "channel", "position", "layer")
_DEVIATIONS = (
    (None, "channel", 0.0),
    *product(("unbiased", "biased"), ("channel", "layer"), (0.0, 1e-5)),
)

# The number of mean scales without a deviation: 4 centres, 2 clips, per channel or per layer.
_PLAIN = 16

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class WeightRule:
    """How a weight is binarized. If `zero` is None, the weight is used as it is."""

    zero: int | None = None
    centre: str | None = None

    def signs(self, weight: Tensor) -> Tensor:
        """The weight that the layer multiplies by."""
        if self.zero is None:
            return weight
        return RuleSign(self.centre, self.zero, scale=None).signs(weight)  # pyright: ignore

    def __str__(self) -> str:
        if self.zero is None:
            return "weight as it is"
        centre = f" minus the mean of the {self.centre}" if self.centre else ""
        return f"sign of the weight{centre}, sign(0) = {self.zero}"


WEIGHT_RULES = (
    WeightRule(),
    *(WeightRule(zero, centre) for centre in _CENTRES for zero in ZERO_RULES),
)


@dataclass(frozen=True)
class Named:
    """Computes one number, or one per output channel, from the tensors and weight of a module.

    options: options of `RuleSign`, if the scale is computed from the weight.
    """

    text: str
    value: Callable[[Tensors, Tensor], Tensor]
    options: dict[str, Any] = field(default_factory=dict)


def scale_rules(tensors: Tensors, numbers: Mapping[str, float], outputs: int) -> Iterator[Named]:
    """The scales that a layer may have, the simplest first. The caller uses the first that fits."""
    yield Named("no scale", lambda tensors, weight: weight.new_ones(()))
    learned = [
        named
        for name in _of_channels(tensors, outputs)
        for named in (
            Named(f"scale {name}", lambda given, _, name=name: given[name].flatten()),
            Named(f"scale |{name}|", lambda given, _, name=name: given[name].flatten().abs()),
        )
    ]
    yield from learned
    for name, number in numbers.items():
        yield Named(f"scale {name} = {number:g}", lambda _, w, number=number: w.new_tensor(number))
    computed = list(_computed_scales())
    yield from computed
    # A layer may have a scale of activations and one of weights.
    yield from (_product(one, other) for one, other in combinations(learned, 2))
    yield from (_product(one, other) for one, other in product(computed[:_PLAIN], learned))


class _RowMeans:
    """The mean |v| of each output channel. Scales of a channel and of a layer both use it."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[ref[Tensor], Tensor]] = {}

    def of(self, weight: Tensor, options: Mapping[str, Any]) -> Tensor:
        """Shape: (outputs, 1). options: of `RuleSign`."""
        rest = {key: value for key, value in options.items() if key not in ("scale", "per")}
        key = (id(weight), *rest.values())
        found = self._known.get(key)
        # Python can give the id of a freed object to a new one.
        if found is None or found[0]() is not weight:
            means = RuleSign(**rest).scale(weight)
            assert means is not None
            found = self._known[key] = ref(weight), means.reshape(-1, 1)
        return found[1]


def _computed_scales() -> Iterator[Named]:
    means = _RowMeans()
    for kind, (deviation, deviation_per, epsilon), centre, clip, per in product(
        ("mean", "power_of_two"), _DEVIATIONS, _CENTRES, (None, 1.0), ("channel", "layer")
    ):
        options = {
            "scale": kind,
            "scale_centre": centre,
            "deviation": deviation,
            "deviation_per": deviation_per,
            "epsilon": epsilon,
            "scale_clip": clip,
            "per": per,
        }
        yield Named(f"scale {_in_words(options)}", _computed(options, means), options)


def _in_words(options: Mapping[str, Any]) -> str:
    """mean |v| of the channel, v the weight minus the mean of the position, clipped at 1."""
    v, deviation = "the weight", options["deviation"]
    if options["scale_centre"] is not None:
        v += f" minus the mean of the {options['scale_centre']}"
    if deviation is not None:
        v += f" by the {deviation} deviation of the {options['deviation_per']}"
        v += f" (epsilon {options['epsilon']:g})" if options["epsilon"] else ""
    if options["scale_clip"] is not None:
        v += f" clipped at {options['scale_clip']:g}"
    mean = f"mean |v| of the {options['per']}, v {v}"
    return mean if options["scale"] == "mean" else f"power of two next to the {mean}"


def _product(one: Named, other: Named) -> Named:
    # No quantizer has such a scale. It becomes a parameter with the same value.
    return Named(
        f"{one.text} times {other.text}",
        lambda tensors, weight: one.value(tensors, weight) * other.value(tensors, weight),
    )


def _computed(options: dict[str, Any], means: _RowMeans) -> Callable[[Tensors, Tensor], Tensor]:
    # All rows have the same length, so the mean of a layer is the mean of its rows' means.
    last = RuleSign(scale=options["scale"], per=options["per"])

    def value(_: Tensors, weight: Tensor) -> Tensor:
        scale = last.scale(means.of(weight, options))
        assert scale is not None
        return scale.flatten()

    return value


def bias_rules(tensors: Tensors, scale: Named, outputs: int) -> Iterator[Named]:
    """The biases that a layer may have, the simplest first.

    These are: none, a tensor, and the signs of a tensor, each also times the scale.
    """
    yield Named("no bias", lambda tensors, weight: weight.new_zeros(()))
    changes: list[tuple[str, Callable[[Tensor], Tensor]]] = [("{}", lambda t: t)]
    changes += [(f"sign({{}}), sign(0) = {zero}", SIGNS[zero]()) for zero in ZERO_RULES]
    for name, (text, change) in product(_of_channels(tensors, outputs), changes):

        def value(tensors: Tensors, weight: Tensor, name: str = name, change=change) -> Tensor:
            return change(tensors[name].flatten())

        def scaled(tensors: Tensors, weight: Tensor, value=value) -> Tensor:
            return value(tensors, weight) * scale.value(tensors, weight)

        yield Named(f"bias {text.format(name)}", value)
        yield Named(f"bias {text.format(name)} times the scale", scaled)


def _of_channels(tensors: Tensors, outputs: int) -> list[str]:
    return [name for name, tensor in tensors.items() if tensor.numel() in (1, outputs)]


@dataclass(frozen=True)
class Fit:
    """y = scale * sums + shift per output channel, and the difference that remains.

    scale: NaN where all sums of a channel are equal.
    off: the largest difference of a channel, as a share of its largest output.
    """

    scale: Tensor
    shift: Tensor
    off: float


def fit(y: Tensor, sums: Tensor) -> Fit:
    """Least squares of each row. Shape: y and sums (outputs, samples)."""
    means, middle = y.mean(1, keepdim=True), sums.mean(1, keepdim=True)
    moved = sums - middle
    variance = moved.square().sum(1, keepdim=True)
    flat = moved.abs().amax(1, keepdim=True) <= 1e-9 * sums.abs().amax(1, keepdim=True)
    scale = (moved * (y - means)).sum(1, keepdim=True) / variance.where(~flat, 1.0)
    scale = scale.where(~flat, 0.0)
    off = share(y - means - scale * moved, y)
    shift = means - scale * middle
    return Fit(scale.where(~flat, torch.nan)[:, 0], shift[:, 0], off)


def share(difference: Tensor, y: Tensor) -> float:
    """The largest difference of a row, as a share of the row's largest number, for all rows."""
    tiny = torch.finfo(y.dtype).tiny
    shares = difference.abs().flatten(1).amax(1) / y.abs().flatten(1).amax(1).clamp_min(tiny)
    largest = float(shares.max())
    return largest if largest == largest else float("inf")
