"""The operations that a format accepts, and the refusal of others."""

from collections.abc import Callable, Container
from functools import update_wrapper
from pathlib import Path
from typing import Any

from signbit.errors import ExportError
from signbit.export._interface import Exporter, ExportRequest, exporters
from signbit.format import PackedModel
from signbit.format.ops import operations as known

Require = Callable[[PackedModel], None]


class _Accepting:
    """An exporter that refuses a network with an operation that it does not accept."""

    def __init__(self, to: str, operations: Container[str], write: Exporter, require: Require):
        self.to, self.operations, self.write = to, operations, write
        self.require = require
        update_wrapper(self, write)

    def __call__(self, request: ExportRequest, folder: Path, **options: Any) -> dict[str, Any]:
        self.require(request.model)
        require_operations(request.model, self.to, self.operations)
        return self.write(request, folder, **options)


def exporter(
    to: str, operations: Container[str], require: Require = lambda model: None
) -> Callable[[Exporter], Exporter]:
    """Decorator that registers an exporter. It is called only where it accepts every operation.

    to: the name of the format.
    operations: the operations of the packed format that it accepts. They become
        `exporters.get(to).operations`.
    require: raises ExportError where there is another reason to refuse a network. It is asked
        first.
    """
    return lambda write: exporters.register(to)(_Accepting(to, operations, write, require))


def require_operations(model: PackedModel, to: str, operations: Container[str]) -> None:
    """Raises: ExportError, which names the first node with another operation."""
    for number, node in model.numbered():
        if node.op not in operations:
            accepted = ", ".join(name for name in known.names() if name in operations)
            raise refusal(
                model, number, to, f"it does not know {node.op}; it knows only {accepted}"
            )


def refusal(model: PackedModel, number: int, to: str, reason: str) -> ExportError:
    """The error for a node that a format cannot express."""
    node = model.node(number)
    return ExportError(
        f"{to} cannot express node {number} ({node.op}, {model.types[number]}): {reason}. "
        "Export it to npz, mat, txt, c, onnx or torch, which accept every network."
    )
