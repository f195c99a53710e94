"""Write the network as Verilog."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from signbit.errors import UsageError
from signbit.export._interface import ExportRequest
from signbit.export._operations import exporter
from signbit.export.verilog.bench import bench_text, checks
from signbit.export.verilog.cycles import source, taken
from signbit.export.verilog.golden import golden_memories
from signbit.export.verilog.names import module_name
from signbit.export.verilog.operations import OPERATIONS
from signbit.export.verilog.plan import StreamPlan, make_plan
from signbit.export.verilog.report import facts
from signbit.export.verilog.text import header_text, memory_name, network_text
from signbit.passes.on_the_map import on_the_map

_RTL = files("signbit.export.verilog") / "rtl"


@exporter("verilog", OPERATIONS)
def verilog(request: ExportRequest, folder: Path, *, parallel: int = 1) -> dict[str, Any]:
    """Write the network as one module on ready/valid streams, its memories and a test bench.

    parallel: the most output channels that each layer computes in a cycle.

    Raises: UsageError where parallel is not a positive whole number; ExportError for branches, and
        for real-valued layers other than affine layers at the end.
    """
    if isinstance(parallel, bool) or not isinstance(parallel, int) or parallel < 1:
        raise UsageError(f"parallel is {parallel!r}; give a whole number of channels, 1 or more")
    request = replace(request, model=on_the_map(request.model))
    plan = make_plan(request, parallel)
    name = module_name(request.name)
    golden = golden_memories(request, plan)
    results = _results(request, plan)
    _write_rtl(folder)
    for stage in plan.stages:
        if stage.memory is not None:
            stage.memory.write(folder / f"{memory_name(name, stage)}.mem")
            stage.memory.write_coe(folder / f"{memory_name(name, stage)}.coe")
    for key, memory in golden.items():
        memory.write(folder / f"{name}_golden_{key}.mem")
    _write(folder / f"{name}_parameters.vh", header_text(request, plan, name, parallel))
    _write(folder / f"{name}.v", network_text(request, plan, name))
    sizes = {key: (memory.width, len(memory.words)) for key, memory in golden.items()}
    images = request.golden.samples
    found = checks(plan, name, sizes)
    bench = bench_text(plan, name, found, images, sizes["pixels"], results[-1] + 1)
    _write(folder / f"{name}_tb.v", bench)
    return facts(request, plan, name, parallel, results)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii", newline="\n")


def _write_rtl(folder: Path) -> None:
    for module in _RTL.iterdir():
        _write(folder / module.name, module.read_text(encoding="ascii"))


def _results(request: ExportRequest, plan: StreamPlan) -> list[int]:
    """The cycle in which the result of each image is taken."""
    stream = source(request.golden.inputs["pixels"][..., 0].size)
    for stage in plan.stages:
        stream = stage.timing(stream)
    return taken(stream)
