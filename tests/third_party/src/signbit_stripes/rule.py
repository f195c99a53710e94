"""What the operators of this package's layer are in a packed network."""

import math

import torch

from signbit.pack.rules import Placed, RealNode, RuleCall, chain, pointwise, rules


@rules.register("stripes::step")
def step(c: RuleCall) -> Placed:
    """Two values, so one bit; it rises where `low` is below 1, and falls elsewhere."""
    return pointwise(c, {"x": 1.0 if c.number("low") < 1 else -1.0}, stepwise=True)


@rules.register("deg2rad")
def deg2rad(c: RuleCall) -> Placed:
    """A product with a constant, where its value is used as a real number."""
    numbers = {"scale": torch.tensor(math.pi / 180), "bias": torch.tensor(0.0)}
    return pointwise(c, {"self": 1.0}, lambda: chain(RealNode("affine", {}, numbers)))
