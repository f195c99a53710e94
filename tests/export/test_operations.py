"""Every format and every operation: what is accepted gives the scores, all else is refused."""

import pytest
from helpers.executed import executed
from helpers.one_operation import network_with
from helpers.operations import NAMES, small

from signbit.errors import ExportError
from signbit.export import export, exporters, make_request
from signbit.format.ops import operations

# Those that a refusal recommends.
TAKE_ALL = ("npz", "mat", "txt", "c", "onnx", "torch")


def accepted(to: str) -> list[str]:
    return [op for op in operations.names() if op in exporters.get(to).operations]  # pyright: ignore


@pytest.mark.parametrize("op", operations.names())
@pytest.mark.parametrize("to", exporters.names())
def test_an_operation_is_exported_or_refused_by_name(tmp_path, to, op):
    model = network_with(op)
    number = next(n for n, node in enumerate(model.nodes, 1) if node.op == op)
    request = make_request(model, "net")
    if op not in accepted(to):
        way_out = "Export it to npz, mat, txt, c, onnx or torch, which accept every network"
        message = rf"^{to} cannot express node {number} \({op}, [^\n]*{way_out}\.$"
        with pytest.raises(ExportError, match=message):
            export(request, to, tmp_path / "out")
        assert not list(tmp_path.iterdir())
        return
    export(request, to, tmp_path / "out")
    executed(to, request, tmp_path / "out")


@pytest.mark.parametrize("to", TAKE_ALL)
def test_the_formats_that_a_refusal_recommends_accept_every_operation(to):
    assert accepted(to) == operations.names()


def test_the_networks_that_tests_of_formats_run_have_every_operation():
    names = {node.op for name in NAMES for node in small(name).nodes}
    assert names == set(operations.names())
