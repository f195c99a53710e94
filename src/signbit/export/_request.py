"""Make the request for an exporter."""

from dataclasses import replace

from signbit.export._identifiers import identifier
from signbit.export._interface import ExportRequest, Golden
from signbit.format import Node, PackedModel
from signbit.format.ops import operations
from signbit.runtime.samples import Samples, random_inputs

# Samples of noise. They reach more of a network's values than photographs do.
RANDOM_SAMPLES = 4


def make_request(model: PackedModel, name: str, samples: Samples | None = None) -> ExportRequest:
    """Make the request for an exporter: a packed network with golden vectors.

    name: the name of the network; it becomes an `identifier`.
    samples: those for the golden vectors, as an engine accepts them, channels last. None for a few
        samples of noise, which are the same each time.

    Raises: InputTypeError, UsageError where there is no sample, or where the network does not
        accept them.
    """
    if samples is None:
        samples = random_inputs(model, RANDOM_SAMPLES)
    model = replace(model, nodes=[_in_order(node) for node in model.nodes])
    return ExportRequest(model, identifier(name), Golden.of(model, samples))


def _in_order(node: Node) -> Node:
    """The node with its attributes and tensors in a fixed order, and numbers of fixed types.

    This way a network exports to the same bytes before it is saved and after it is loaded.
    """
    checks = operations.get(node.op).attributes
    return replace(
        node,
        attributes={
            name: check.check(name, node.attributes[name]) for name, check in checks.items()
        },
        tensors=dict(sorted(node.tensors.items())),
    )
