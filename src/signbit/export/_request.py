"""Make the request for an exporter."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from signbit.errors import UsageError
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
    samples: images for the golden vectors, (N, H, W, C) uint8; None for a few images of random
        pixels, the same each time.

    Raises: UsageError where samples hold no image, or images of another size than the network's.
    """
    if samples is None:
        shape = (RANDOM_IMAGES, *model.preprocessing.size, model.preprocessing.channels)
        samples = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    samples = np.asarray(samples)
    if samples.size == 0:
        raise UsageError("golden vectors need an image, but samples holds none")
    model = replace(model, nodes=[_in_order(node) for node in model.nodes])
    return ExportRequest(model, identifier(name), Golden(reference.run(model, samples)))


def _in_order(node: Node) -> Node:
    """The node with its attributes and tensors in a fixed order, and numbers of fixed types.

    So a network exports to the same bytes before it is saved and after it is loaded.
    """
    checks = operations.get(node.op).attributes
    return replace(
        node,
        attributes={
            name: check.check(name, node.attributes[name]) for name, check in checks.items()
        },
        tensors=dict(sorted(node.tensors.items())),
    )
