"""The parameter header and the network's module."""

from collections.abc import Iterable

from signbit.export._interface import ExportRequest
from signbit.export._template import template
from signbit.export.verilog.plan import StreamPlan
from signbit.export.verilog.stage import Stage
from signbit.format.parameters import node_name

_CONTENTS = {"sums": "weights", "threshold": "thresholds", "affine": "affine"}


def stage_parameters(name: str, stage: Stage) -> dict[str, int | str]:
    """All parameters of a stage, with the name of its memory file as a string of Verilog."""
    parameters = dict(stage.parameters)
    if stage.memory is not None:
        parameters["FILE"] = f'"{memory_name(name, stage)}.mem"'
    return parameters


def memory_name(name: str, stage: Stage) -> str:
    """The name of a stage's memory file, without suffix."""
    return f"{name}_{node_name(stage.node)}_{_CONTENTS[stage.role]}"


def header_text(request: ExportRequest, plan: StreamPlan, name: str, parallel: int) -> str:
    """NAME_parameters.vh."""
    model = request.model
    lines: list[str] = []
    node = 0
    for stage in plan.stages:
        if stage.node != node:
            node = stage.node
            source, given = model.types[model.node(node).inputs[0]], model.types[node]
            lines += ["", f"// Node {node}, {model.node(node).op}: {source} to {given}."]
        lines += [
            f"localparam {_parameter(stage, key)} = {value};"
            for key, value in stage_parameters(name, stage).items()
        ]
    return template(
        "verilog",
        "parameters.vh",
        MODULE=name,
        CHANNELS_A_CYCLE=parallel,
        FRACTION_OF=plan.fraction,
        LOCALPARAMS="\n".join(lines),
    )


def network_text(request: ExportRequest, plan: StreamPlan, name: str) -> str:
    """NAME.v."""
    model, result = request.model, plan.stages[-1]
    (height, width), channels = model.preprocessing.size, model.preprocessing.channels
    ports = [f"output wire [{width - 1}:0] {port}" for port, width in result.outputs.items()]
    stages: list[str] = []
    for number, stage in enumerate(plan.stages, 1):
        stages += _stage_text(request, name, stage, number, stage is result)
    return template(
        "verilog",
        "network.v",
        MODULE=name,
        ROWS_OF=height,
        COLUMNS_OF=width,
        PIXEL_BITS=8 * channels,
        LAST_BIT=8 * channels - 1,
        OUTPUTS=",\n".join(f"    {port}" for port in ports),
        STAGES="\n".join(stages),
    )


def _stage_text(
    request: ExportRequest, name: str, stage: Stage, number: int, last: bool
) -> Iterable[str]:
    model, signal = request.model, stage.name
    source = stage.source
    yield f"    // Node {stage.node}, {model.nodes[stage.node - 1].op}"
    yield f"    wire {signal}_m_valid, {signal}_m_ready;"
    if not last:
        yield f"    wire {signal}_valid, {signal}_ready;"
        for port, width in stage.outputs.items():
            yield f"    wire [{width - 1}:0] {signal}_{port.removeprefix('m_')};"
    connections = ["clk", "rst"] if stage.clocked else []
    ports = {port: port for port in connections}
    ports |= {"s_valid": f"{source}_valid", "s_ready": f"{source}_ready"}
    for port, driver in stage.inputs.items():
        ports[port] = driver if "'" in driver else f"{source}_{driver}"
    ports |= {"m_valid": f"{signal}_m_valid", "m_ready": f"{signal}_m_ready"}
    for port in stage.outputs:
        ports[port] = port if last else f"{signal}_{port.removeprefix('m_')}"
    parameters = {key: _parameter(stage, key) for key in stage_parameters(name, stage)}
    yield f"    {stage.module} #("
    yield from _wrapped(parameters)
    yield f"    ) {signal} ("
    yield from _wrapped(ports)
    yield "    );"
    valid, ready = ("m_valid", "m_ready") if last else (f"{signal}_valid", f"{signal}_ready")
    yield f"    signbit_link #(.SEED({number})) {signal}_link ("
    yield f"        .clk(clk), .s_valid({signal}_m_valid), .s_ready({signal}_m_ready),"
    yield f"        .m_valid({valid}), .m_ready({ready})"
    yield "    );"
    yield ""


def _parameter(stage: Stage, key: str) -> str:
    return f"{stage.name.upper()}_{key}"


def _wrapped(connections: dict[str, str]) -> Iterable[str]:
    """`.port(signal)` lists in lines of at most 100 columns."""
    line = "       "
    items = [f".{port}({signal})" for port, signal in connections.items()]
    for position, item in enumerate(items):
        text = f" {item}" + ("," if position < len(items) - 1 else "")
        if len(line) + len(text) > 100:
            yield line
            line = "       "
        line += text
    yield line
