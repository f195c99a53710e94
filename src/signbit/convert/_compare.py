"""Compare the whole network before and after, on inputs of several kinds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from signbit.convert._calls import run
from signbit.convert._copies import deep_copy, in_double
from signbit.convert._probes import Draw
from signbit.errors import AdoptError

# Shares of the largest output. In float64 no sum is so near to a threshold that rounding decides.
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}


@dataclass(frozen=True)
class Compared:
    """One input of the whole network.

    dtype: the type that it was computed in.
    largest: the largest magnitude of the outputs.
    difference: the largest difference between the outputs before and after.
    """

    inputs: str
    dtype: str
    largest: float
    difference: float


def compare(before: nn.Module, after: nn.Module, example: tuple[Any, ...]) -> list[Compared]:
    """Run both networks on the example and on inputs like it.

    They run in float64 where the network can, because rounding then turns no sign. Otherwise they
    run in float32.

    Raises: AdoptError where they differ by more than rounding can explain.
    """
    dtype = torch.float64 if _runs_in_double(before, example) else torch.float32
    found = []
    for name, inputs in _inputs(example):
        largest, difference = _difference(before, after, inputs, dtype)
        found.append(Compared(name, str(dtype).removeprefix("torch."), largest, difference))
        if not difference <= _TOLERANCE[dtype] * max(largest, torch.finfo(dtype).tiny):
            raise AdoptError(
                f"the adopted network differs on {name} by {difference:.2g}, where the largest "
                f"output is {largest:.2g}. Each module alone agrees. A module may change its "
                "own input, which is read again elsewhere: give it a copy, x.clone()"
            )
    return found


def _runs_in_double(model: nn.Module, example: tuple[Any, ...]) -> bool:
    try:
        output = run(in_double(deep_copy(model)), _cast(example, torch.float64), torch.float64)
    except AdoptError:
        return False
    return all(value.dtype != torch.float32 for value in _tensors(output))


def _difference(
    before: nn.Module, after: nn.Module, inputs: tuple[Any, ...], dtype: torch.dtype
) -> tuple[float, float]:
    outputs = []
    for model in (before, after):
        copied = deep_copy(model)
        copied = in_double(copied) if dtype is torch.float64 else copied
        outputs.append(list(_tensors(run(copied, _cast(inputs, dtype), dtype))))
    one, other = outputs
    if not one or [value.shape for value in one] != [value.shape for value in other]:
        raise AdoptError("the network returns no tensors, or other tensors after the adoption")
    pairs = list(zip(one, other, strict=True))
    # Where both are the same infinity, or both are NaN, they agree.
    gaps = [(a.double() - b.double()).abs().where(~_same(a, b), 0.0) for a, b in pairs]
    largest = max(float(a.double().abs().nan_to_num(0.0, 0.0).max()) for a in one)
    worst = max(float(gap.nan_to_num(torch.inf).max()) for gap in gaps)
    return largest, worst


def _same(one: Tensor, other: Tensor) -> Tensor:
    return (one == other) | (one.isnan() & other.isnan())


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from _tensors(value)


def _cast(inputs: tuple[Any, ...], dtype: torch.dtype) -> tuple[Any, ...]:
    return tuple(
        value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value
        for value in inputs
    )


def _inputs(example: tuple[Any, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The example; where it holds real numbers also noise, constants, extremes and gradients."""
    yield "the example", example
    if not any(isinstance(one, Tensor) and one.is_floating_point() for one in example):
        return
    draw = Draw(1)
    kinds = {
        "noise": lambda x: draw.normal(x.shape),
        "numbers of all magnitudes": lambda x: draw.wild(x.shape),
        "zeros": torch.zeros_like,
        "ones": torch.ones_like,
        "-1 and +1": lambda x: draw.signs(x.shape),
        "large numbers": lambda x: 1000 * draw.normal(x.shape),
        "a slope": lambda x: torch.linspace(-2, 2, x.numel()).reshape(x.shape),
        "stripes": lambda x: torch.arange(x.numel()).reshape(x.shape) % 3 - 1,
    }
    for name, make in kinds.items():
        yield (
            name,
            tuple(
                make(one).to(one.device, one.dtype)
                if isinstance(one, Tensor) and one.is_floating_point()
                else one
                for one in example
            ),
        )
