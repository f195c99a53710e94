"""Packed operations on real numbers, for rules."""

import torch
from torch import Tensor

from signbit.pack._draft import RealNode


def affine(scale: float | Tensor, bias: float | Tensor) -> RealNode:
    """scale * x + bias; each is one number, or one per channel."""
    tensors = {"scale": scale, "bias": bias}
    return RealNode(
        "affine", {}, {name: torch.as_tensor(one).float() for name, one in tensors.items()}
    )


def scaled(factor: float | Tensor) -> RealNode:
    """A product with one number, or one per channel."""
    return affine(factor, 0.0)


def clamp(low: float, high: float) -> RealNode:
    """min(max(x, low), high), with both bounds rounded to float32."""
    single = [float(torch.tensor(bound, dtype=torch.float32)) for bound in (low, high)]
    return RealNode("clamp", {"low": single[0], "high": single[1]})


def unary(name: str) -> RealNode:
    """A function of one number by its name."""
    return RealNode("unary", {"function": name})


def binary(name: str) -> RealNode:
    """A function of two numbers by its name."""
    return RealNode("binary", {"function": name})


ADD, MULTIPLY, DIVIDE, MASKED = map(binary, ("add", "multiply", "divide", "masked"))
RECIPROCAL, NEGATED, NOT = unary("reciprocal"), scaled(-1.0), affine(-1.0, 1.0)
