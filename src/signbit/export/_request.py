"""Make what an exporter takes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from signbit.errors import ExportError, UsageError
from signbit.export._identifiers import identifier
from signbit.export._interface import ExportRequest, Golden
from signbit.format import Node, PackedModel
from signbit.format.ops import operations
from signbit.runtime import reference

# Images of noise reach more of a network's values than photographs do.
RANDOM_IMAGES = 4


def make_request(
    model: PackedModel, name: str, samples: NDArray[np.uint8] | None = None
) -> ExportRequest:
    """A packed network with golden vectors.

    name: becomes an `identifier`.
    samples: images for the golden vectors, (N, H, W, C) uint8; None for a few of random pixels,
        the same each time.

    Raises: UsageError where samples are none, or not images of the network's size.
    """
    if samples is None:
        shape = (RANDOM_IMAGES, *model.preprocessing.size, model.preprocessing.channels)
        samples = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    samples = np.asarray(samples)
    if samples.size == 0:
        raise UsageError("golden vectors need an image; samples holds none")
    model = replace(model, nodes=[_in_order(node) for node in model.nodes])
    return ExportRequest(model, identifier(name), Golden(reference.run(model, samples)))


def _in_order(node: Node) -> Node:
    """The node, its attributes and tensors in one order and its numbers of one type.

    A network that was read from its file exports to the same bytes as the one that was packed.
    """
    checks = operations.get(node.op).attributes
    return replace(
        node,
        attributes={
            name: check.check(name, node.attributes[name]) for name, check in checks.items()
        },
        tensors=dict(sorted(node.tensors.items())),
    )


def require_operations(model: PackedModel, to: str, known: Sequence[str]) -> None:
    """Raises: ExportError naming the first node of another operation."""
    for number, node in enumerate(model.nodes, 1):
        if node.op not in known:
            raise refusal(model, number, to, f"it knows no {node.op}; it knows {', '.join(known)}")


def refusal(model: PackedModel, number: int, to: str, reason: str) -> ExportError:
    """The error for a node that a format cannot express."""
    node = model.node(number)
    return ExportError(
        f"{to} cannot express node {number} ({node.op}, {model.types[number]}): {reason}. "
        "npz, mat, txt, c, onnx and torch take every network."
    )
