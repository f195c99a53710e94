"""Batch norm, and norms that look at the image itself."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.pack._draft import Pointwise, Step
from signbit.pack._layout import Placed, as_map, placed
from signbit.pack._nodes import RECIPROCAL, affine, scaled, unary
from signbit.pack._pointwise import function, laid_out
from signbit.pack._rule import RuleCall, as_positions, then
from signbit.pack.rules import rules


@rules.register("native_batch_norm")
def batch_norm(c: RuleCall) -> list[Placed | None]:
    """Batch norm with running statistics, and instance norm, which torch runs as a batch norm."""
    names = ("weight", "bias", "running_mean", "running_var")
    if c["training"]:
        if c["input"].shape[0] == 1:
            return [_instance_norm(c), None, None]
        c.refuse(
            "a batch norm without running statistics depends on the batch; train it with "
            "track_running_stats=True"
        )
    view = (1, -1, *[1] * (len(c.shape) - 2))
    given = {name: c.optional(name) for name in names}
    shaped = {name: one.reshape(view) for name, one in given.items() if one is not None}
    value, laid = laid_out(c, c.value("input"), shaped)
    channels = value.step.size[2]
    weight, bias, mean, variance = (
        laid[name].float().expand(channels) if name in laid else None for name in names
    )
    assert mean is not None
    assert variance is not None
    step = _batch_norm_step(c, value.step, weight, bias, mean, variance)
    return [Placed(step, value.shape, value.index), None, None]


def _batch_norm_step(
    c: RuleCall,
    source: Step,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
) -> Pointwise:
    eps = float(c["eps"])
    factor = torch.ones_like(mean) if weight is None else weight
    offset = torch.zeros_like(mean) if bias is None else bias
    # As torch computes it on the CPU: one multiply-add per number, with these two constants.
    scale = factor / torch.sqrt(variance + eps)
    shift = (offset.double() - mean.double() * scale.double()).float()

    def compute(rows: Tensor) -> Tensor:
        return F.batch_norm(rows, mean, variance, weight, bias, training=False, eps=eps)

    # A factor of NaN gives NaN for every number.
    step = function(c, source, compute, factor.nan_to_num(0.0), affine(scale, shift))
    step.result = c.call.results[0]
    return step


def _instance_norm(c: RuleCall) -> Placed:
    """Torch lays the batch into the channels, so that each image has its own statistics."""
    value = c.value("input")
    channels, *sides = value.shape
    rows = (channels, math.prod(sides))
    factors = [c.optional(name) for name in ("weight", "bias")]
    # Torch repeats the parameters for each image.
    own = [None if one is None else one[:channels].float() for one in factors]
    step = _normalized(c, value, rows, float(c["eps"]))
    step = _scaled(c, step, own)
    places = torch.arange(math.prod(rows)).reshape(rows[1], rows[0]).T
    return placed(step, value.shape, places)


@rules.register("native_group_norm")
def group_norm(c: RuleCall) -> list[Placed | None]:
    """Standardizes each group of channels of an image by its own mean and variance."""
    value = c.value("input")
    groups, channels, sides = int(c["group"]), int(c["C"]), int(c["HxW"])
    grouped = (groups, channels // groups * sides)
    step = _normalized(c, value, grouped, float(c["eps"]))
    places = torch.arange(math.prod(grouped)).reshape(grouped[1], grouped[0]).T
    back = as_map(placed(step, value.shape, places), c.place)
    factors = [c.optional(name) for name in ("weight", "bias")]
    return [Placed(_scaled(c, back, factors), value.shape), None, None]


@rules.register("native_layer_norm")
def layer_norm(c: RuleCall) -> list[Placed | None]:
    """Standardizes the last dimensions, at each position of the others by itself."""
    value = c.value("input")
    width = math.prod(c["normalized_shape"])
    positions = math.prod(value.shape) // width
    source = as_positions(c, value, positions, width)
    step = _standardized(c, source, "channels", float(c["eps"]))
    factors = [c.optional(name) for name in ("weight", "bias")]
    step = _scaled(c, step, [None if one is None else one.reshape(-1) for one in factors])
    places = torch.arange(math.prod(value.shape))
    return [placed(step, value.shape, places), None, None]


def _normalized(c: RuleCall, value: Placed, shape: tuple[int, int], eps: float) -> Step:
    """A map whose channels are standardized over its positions; shape: (channels, positions)."""
    source = as_map(Placed(value.step, shape, value.places().reshape(shape), value.fill), c.place)
    return _standardized(c, source, "width", eps)


def _standardized(c: RuleCall, source: Step, axis: str, eps: float) -> Step:
    """(x - mean) / sqrt(variance + eps) over one axis."""
    sides = dict(zip(("height", "width", "channels"), source.size, strict=True)) | {axis: 1}
    size = (sides["height"], sides["width"], sides["channels"])

    def mean(step: Step) -> Step:
        return c.real("reduce", (step,), size, function="mean", axes=[axis])

    minus = then(c, mean(source), [scaled(-1.0)])
    centred = c.real("binary", (source, minus), source.size, function="add")
    squared = c.real("binary", (centred, centred), source.size, function="multiply")
    deviation = then(c, mean(squared), [affine(1.0, eps), unary("sqrt"), RECIPROCAL])
    step = c.real("binary", (centred, deviation), source.size, function="multiply")
    step.centred = True
    return step


def _scaled(c: RuleCall, step: Step, factors: list[Tensor | None]) -> Step:
    weight, bias = factors
    if weight is None and bias is None:
        return step
    channels = step.size[2]
    scale = torch.ones(channels) if weight is None else weight.float()
    shift = torch.zeros(channels) if bias is None else bias.float()
    return function(c, step, lambda rows: rows * scale + shift, scale, affine(scale, shift))
