"""The parameter header and the network's module."""

from collections.abc import Iterable

from signbit.export._template import template
from signbit.export.verilog.ports import InputPort, OutputPort
from signbit.export.verilog.stage import Stage
from signbit.export.verilog.streams import StreamPlan
from signbit.format.parameters import node_name
from signbit.format.types import U8

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


def header_text(plan: StreamPlan, name: str) -> str:
    """NAME_parameters.vh."""
    model = plan.model
    lines = [
        f"localparam {fraction_name(port)} = {port.fraction};"
        for port in plan.outputs
        if port.scores is not None
    ]
    node = 0
    for stage in plan.stages:
        if stage.node != node:
            node = stage.node
            sources = ", ".join(str(model.types[source]) for source in model.node(node).inputs)
            lines += [
                "",
                f"// Node {node}, {model.node(node).op}: {sources} to {model.types[node]}.",
            ]
        lines += [
            f"localparam {_parameter(stage, key)} = {value};"
            for key, value in stage_parameters(name, stage).items()
        ]
    return template(
        "verilog",
        "parameters.vh",
        MODULE=name,
        CHANNELS_A_CYCLE=plan.parallel,
        LOCALPARAMS="\n".join(lines),
    )


def fraction_name(port: OutputPort) -> str:
    """The name of the parameter that says how many bits of a score are after the point."""
    if port.has_short_name:
        return "SCORE_FRACTION"
    return f"{port.stream}_FRACTION"


def network_text(plan: StreamPlan, name: str) -> str:
    """NAME.v."""
    stages: list[str] = []
    for one in plan.inputs:
        stages += _fork_text(plan, one.stream)
        if not plan.readers[one.stream]:
            stages += _unread_text(one.stream)
    for number, stage in enumerate(plan.stages, 1):
        stages += _stage_text(plan, name, stage, number)
        stages += _fork_text(plan, stage.name)
    for port in plan.outputs:
        stages += _output_text(plan, port)
    if not _is_clocked(plan):
        stages += ["    // No module has registers.", *_unused_text("unclocked", "clk, rst")]
    return template(
        "verilog",
        "network.v",
        MODULE=name,
        STREAMS_IN="\n".join(map(_about_input, plan.inputs)),
        STREAMS_OUT="\n".join(map(_about_output, plan.outputs)),
        PORTS=",\n".join([*_inputs(plan), *_outputs(plan)]),
        STAGES="\n".join(stages),
    )


def _about_input(port: InputPort) -> str:
    bits = 8 if port.source.kind == U8 else 1
    return f"//   {port.stream}: {port.source}, {_beats(port.beats)}, {_bits(bits)} a channel"


def _about_output(port: OutputPort) -> str:
    fields = ", ".join(
        f"class, {_bits(one.bits)}" if name == "class" else f"{name}, {_bits(one.bits)} a channel"
        for name, one in port.fields.items()
    )
    about = f"{port.source.name} ({port.source.kind}, {port.value})"
    return f"//   {port.stream}: {about}, {_beats(port.value.positions)}: {fields}"


def _beats(count: int) -> str:
    return "1 beat a sample" if count == 1 else f"{count} beats a sample"


def _bits(count: int) -> str:
    return "1 bit" if count == 1 else f"{count} bits"


def _inputs(plan: StreamPlan) -> Iterable[str]:
    for port in plan.inputs:
        yield f"    input wire {port.stream}_valid"
        yield f"    output wire {port.stream}_ready"
        yield f"    input wire [{port.width - 1}:0] {port.stream}_data"


def _outputs(plan: StreamPlan) -> Iterable[str]:
    for port in plan.outputs:
        yield f"    output wire {port.stream}_valid"
        yield f"    input wire {port.stream}_ready"
        for field, one in port.fields.items():
            yield f"    output wire [{one.width - 1}:0] {port.stream}_{field}"


def _handshake(plan: StreamPlan, stream: str, reader: str) -> tuple[str, str]:
    """The signals valid and ready between a stream and one of its readers."""
    readers = plan.readers[stream]
    if len(readers) == 1:
        return f"{stream}_valid", f"{stream}_ready"
    place = readers.index(reader)
    return f"fork_{stream}_valid[{place}]", f"fork_{stream}_ready[{place}]"


def _fork_text(plan: StreamPlan, stream: str) -> Iterable[str]:
    """The fork after a stream that several read."""
    readers = len(plan.readers[stream])
    if readers < 2:
        return
    yield f"    wire [{readers - 1}:0] fork_{stream}_valid, fork_{stream}_ready;"
    yield f"    signbit_fork #(.READERS({readers})) fork_{stream} ("
    yield f"        .clk(clk), .rst(rst), .s_valid({stream}_valid), .s_ready({stream}_ready),"
    yield f"        .m_valid(fork_{stream}_valid), .m_ready(fork_{stream}_ready)"
    yield "    );"
    yield ""


def _unread_text(stream: str) -> Iterable[str]:
    yield f"    // Nothing reads {stream}."
    yield f"    assign {stream}_ready = 1'b1;"
    yield from _unused_text(f"{stream}_unread", f"{stream}_valid, {stream}_data")
    yield ""


def _unused_text(name: str, signals: str) -> Iterable[str]:
    """Lines that stop tools from warning about unused signals."""
    yield "    // verilator lint_off UNUSEDSIGNAL"
    yield f"    wire {name} = &{{{signals}}};"
    yield "    // verilator lint_on UNUSEDSIGNAL"


def _is_clocked(plan: StreamPlan) -> bool:
    """Whether a module in the network has registers."""
    has_forks = any(len(readers) > 1 for readers in plan.readers.values())
    return has_forks or any(stage.clocked for stage in plan.stages)


def _output_text(plan: StreamPlan, port: OutputPort) -> Iterable[str]:
    valid, ready = _handshake(plan, port.reads, port.stream)
    yield f"    assign {port.stream}_valid = {valid};"
    yield f"    assign {ready} = {port.stream}_ready;"
    for field, one in port.fields.items():
        yield f"    assign {port.stream}_{field} = {port.reads}_{one.signal};"


def _stage_text(plan: StreamPlan, name: str, stage: Stage, number: int) -> Iterable[str]:
    signal = stage.name
    yield f"    // Node {stage.node}, {plan.model.node(stage.node).op}"
    yield f"    wire {signal}_m_valid, {signal}_m_ready;"
    yield f"    wire {signal}_valid, {signal}_ready;"
    for port, width in stage.outputs.items():
        wire = f"    wire [{width - 1}:0] {signal}_{port.removeprefix('m_')};"
        if _is_read(plan, stage, port.removeprefix("m_")):
            yield wire
        else:
            yield from ("    // verilator lint_off UNUSEDSIGNAL", wire)
            yield "    // verilator lint_on UNUSEDSIGNAL"
    parameters = {key: _parameter(stage, key) for key in stage_parameters(name, stage)}
    yield f"    {stage.module} #("
    yield from _wrapped(parameters)
    yield f"    ) {signal} ("
    yield from _wrapped(_connections(plan, stage))
    yield "    );"
    yield f"    signbit_link #(.SEED({number})) {signal}_link ("
    yield f"        .clk(clk), .s_valid({signal}_m_valid), .s_ready({signal}_m_ready),"
    yield f"        .m_valid({signal}_valid), .m_ready({signal}_ready)"
    yield "    );"
    yield ""


def _connections(plan: StreamPlan, stage: Stage) -> dict[str, str]:
    ports = {port: port for port in (["clk", "rst"] if stage.clocked else [])}
    sources = {"s": stage.source} | ({"t": stage.second} if stage.second is not None else {})
    for side, source in sources.items():
        valid, ready = _handshake(plan, source, f"{stage.name}.{side}")
        ports |= {f"{side}_valid": valid, f"{side}_ready": ready}
    for port, driver in stage.inputs.items():
        ports[port] = driver if "'" in driver else f"{sources[port[0]]}_{driver}"
    ports |= {"m_valid": f"{stage.name}_m_valid", "m_ready": f"{stage.name}_m_ready"}
    return ports | {port: f"{stage.name}_{port.removeprefix('m_')}" for port in stage.outputs}


def _is_read(plan: StreamPlan, stage: Stage, signal: str) -> bool:
    """Whether something in the module reads a signal of a stage."""
    if any(
        port.reads == stage.name and signal in [one.signal for one in port.fields.values()]
        for port in plan.outputs
    ):
        return True
    return any(
        signal in other.inputs.values()
        for other in plan.stages
        if stage.name in (other.source, other.second)
    )


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
