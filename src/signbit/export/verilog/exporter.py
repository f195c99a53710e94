"""Write the network as Verilog."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from signbit.errors import UsageError
from signbit.export._interface import ExportRequest
from signbit.export._operations import exporter
from signbit.export.verilog.bench import bench_text, golden_files
from signbit.export.verilog.cycles import Run, source, taken
from signbit.export.verilog.golden import golden_memories
from signbit.export.verilog.names import module_name
from signbit.export.verilog.operations import OPERATIONS
from signbit.export.verilog.plan import make_plan, require_inputs
from signbit.export.verilog.report import facts
from signbit.export.verilog.streams import StreamPlan
from signbit.export.verilog.text import header_text, memory_name, network_text
from signbit.passes.on_the_map import on_the_map

_RTL = files("signbit.export.verilog") / "rtl"


@exporter("verilog", OPERATIONS, require_inputs)
def verilog(request: ExportRequest, folder: Path, *, parallel: int = 1) -> dict[str, Any]:
    """Write the network as one module on ready/valid streams, its memories and a test bench.

    Each input and output is a stream. A beat of it holds one position.

    parallel: the largest number of output channels that each layer computes in a cycle.

    Raises: UsageError where parallel is not a positive whole number. ExportError for inputs of real
        numbers, and for real-valued layers other than affine ones and softmax at the end.
    """
    if isinstance(parallel, bool) or not isinstance(parallel, int) or parallel < 1:
        raise UsageError(f"parallel is {parallel!r}; give a whole number of channels, 1 or more")
    request = replace(request, model=on_the_map(request.model))
    plan = make_plan(request, parallel)
    name = module_name(request.name)
    golden = golden_memories(request, plan)
    run = _run(plan, request.golden.samples)
    _write_rtl(folder)
    for stage in plan.stages:
        if stage.memory is not None:
            stage.memory.write(folder / f"{memory_name(name, stage)}.mem")
            stage.memory.write_coe(folder / f"{memory_name(name, stage)}.coe")
    for key, file in golden_files(name, golden).items():
        golden[key].write(folder / file)
    _write(folder / f"{name}_parameters.vh", header_text(plan, name))
    _write(folder / f"{name}.v", network_text(plan, name))
    bench = bench_text(plan, name, golden, request.golden.samples, run)
    _write(folder / f"{name}_tb.v", bench)
    return facts(request, plan, name, run)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii", newline="\n")


def _write_rtl(folder: Path) -> None:
    for module in _RTL.iterdir():
        _write(folder / module.name, module.read_text(encoding="ascii"))


def _run(plan: StreamPlan, samples: int) -> Run:
    """The cycles of the golden samples."""
    if plan.is_chain:
        stream = source(samples * plan.inputs[0].beats)
        for stage in plan.stages:
            stream = stage.timing(stream)
        beats = plan.outputs[0].value.positions
        results = [cycle + 1 for cycle in taken(stream)[beats - 1 :: beats]]
        return Run(results, results[-1])
    # Estimated as if each stage waited for the one before it to end.
    beats = {one.stream: samples * one.beats for one in plan.inputs}
    cycles = max(beats.values())
    for stage in plan.stages:
        alone = taken(stage.timing(source(beats[stage.source])))
        beats[stage.name] = len(alone)
        cycles += alone[-1] + 1
    return Run([], cycles)
