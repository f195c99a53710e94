"""The parameter header and the network's module."""

from collections.abc import Iterable

from signbit.export._interface import ExportRequest
from signbit.export._verilog.plan import Plan
from signbit.export._verilog.stage import Stage

_HEADER = """\
// Parameters of {name}, written by signbit; a part of the body of module {name}.
//
// A bit 1 stands for +1, 0 for -1. A beat of a stream is one position, all its channels, channel c
// in bit c; of pixels 8 bits a channel. Maps come in raster order, images one after the other.
//
// Layers work on groups of LANES output channels, a group a cycle: a pass. Words of memories, the
// first field in the lowest bits, channels behind the last one 0:
//   weights     word position * passes + pass: LANES fields of TAPS fields of CHANNELS bits;
//               taps row by row; positions, in raster order, where a linear layer reads a map
//   thresholds  word pass: LANES fields, {{below, threshold}}, the threshold in two's complement;
//               the bit is sum < threshold where below is 1, else sum > threshold
//   affine      word class: {{bias, scale}}, in two's complement
// A score is a whole number; divided by 2**SCORE_FRACTION it is what float32 gives, to the bit.
"""

_CONTENTS = {"sums": "weights", "threshold": "thresholds", "affine": "affine"}


def stage_parameters(name: str, stage: Stage) -> dict[str, int | str]:
    """All of them, with the name of the memory file as text of Verilog."""
    parameters = dict(stage.parameters)
    if stage.memory is not None:
        parameters["FILE"] = f'"{memory_name(name, stage)}.mem"'
    return parameters


def memory_name(name: str, stage: Stage) -> str:
    """Of a stage's file, without suffix."""
    return f"{name}_n{stage.node:02d}_{_CONTENTS[stage.role]}"


def header_text(request: ExportRequest, plan: Plan, name: str, parallel: int) -> str:
    """NAME_parameters.vh."""
    model = request.model
    lines = [
        _HEADER.format(name=name),
        "// Some are for the reader alone.",
        "// verilator lint_off UNUSEDPARAM",
        f"localparam PARALLEL = {parallel};  // output channels a cycle, at most",
        f"localparam SCORE_FRACTION = {plan.fraction};",
    ]
    node = 0
    for stage in plan.stages:
        if stage.node != node:
            node = stage.node
            source, given = model.types[node - 1], model.types[node]
            lines += ["", f"// Node {node}, {model.node(node).op}: {source} to {given}."]
        lines += [
            f"localparam {_parameter(stage, key)} = {value};"
            for key, value in stage_parameters(name, stage).items()
        ]
    return "\n".join([*lines, "// verilator lint_on UNUSEDPARAM", ""])


def network_text(request: ExportRequest, plan: Plan, name: str) -> str:
    """NAME.v."""
    model, result = request.model, plan.stages[-1]
    height, width = model.preprocessing.size
    channels = model.preprocessing.channels
    ports = [
        "input wire clk",
        "input wire rst",
        "input wire s_valid",
        "output wire s_ready",
        f"input wire [{8 * channels - 1}:0] s_data",
        "output wire m_valid",
        "input wire m_ready",
        *(f"output wire [{width - 1}:0] {port}" for port, width in result.outputs.items()),
    ]
    head = [
        f"// {name}: pixels to a class; written by signbit from a packed network.",
        "//",
        f"// In:  {height}x{width} pixels of an image in raster order, {8 * channels} bits a beat,",
        "//      the first channel (red, or grey) in the lowest 8; image after image.",
        "// Out: one beat an image: the class; the scores, signed, with SCORE_FRACTION bits behind",
        "//      the point; the sums, signed, that they come from; class 0 in the lowest bits.",
        "// A beat passes in a cycle with valid and ready; none may while rst, synchronous, is 1.",
        "// The header states the parameters and the layout of the memories.",
        f"module {name} (",
        ",\n".join(f"    {port}" for port in ports),
        ");",
        f'`include "{name}_parameters.vh"',
        "",
    ]
    body: list[str] = []
    for number, stage in enumerate(plan.stages, 1):
        body += _stage_text(request, name, stage, number, stage is result)
    return "\n".join([*head, *body, "endmodule", ""])


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
