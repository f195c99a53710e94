"""The self-checking test bench."""

from collections.abc import Mapping
from typing import NamedTuple

from signbit.export._names import safe_names
from signbit.export._template import template
from signbit.export.verilog.cycles import Run
from signbit.export.verilog.memory import Memory
from signbit.export.verilog.ports import InputPort, OutputPort
from signbit.export.verilog.streams import StreamPlan
from signbit.format.parameters import node_name


class Check(NamedTuple):
    """A signal, and the golden file that it must equal, beat by beat."""

    key: str
    beat: str
    data: str


def golden_files(name: str, keys: Mapping[str, Memory]) -> dict[str, str]:
    """A file name for each key. Names are distinct even where case does not count."""
    names = safe_names(f"{name}_golden_{key}" for key in keys)
    return {key: f"{file}.mem" for key, file in zip(keys, names, strict=True)}


def bench_text(
    plan: StreamPlan, name: str, golden: Mapping[str, Memory], samples: int, run: Run
) -> str:
    """The text of NAME_tb.v.  golden: the contents of its files, by their keys."""
    files = golden_files(name, golden)
    checks = _checks(plan)
    ports = [f"{one.stream}_{end}" for one in plan.inputs for end in ("valid", "ready", "data")]
    for port in plan.outputs:
        ports += [f"{port.stream}_{end}" for end in ("valid", "ready", *port.fields)]
    return template(
        "verilog",
        "bench.v",
        MODULE=name,
        SAMPLES_OF=samples,
        CYCLES_OF=run.cycles,
        IS_EXACT=int(run.is_exact),
        PLAYERS="\n".join(
            _player(one, number, files[one.key], len(golden[one.key].words))
            for number, one in enumerate(plan.inputs, 1001)
        ),
        RESULTS="\n".join(
            _result(one, number) for number, one in enumerate(plan.outputs, 1001 + len(plan.inputs))
        ),
        ANY_RESULT=" || ".join(f"{one.stream}_taken" for one in plan.outputs),
        PORTS=",\n        ".join(f".{port}({port})" for port in ports),
        CHECKERS="\n".join(_checker(one, files[one.key], golden[one.key]) for one in checks),
        ERRORS_OF="\n        + ".join(f"c_{one.key}_errors" for one in checks),
        COMPLETE_OF="\n        && ".join(
            f"c_{one.key}_beats == {len(golden[one.key].words)}" for one in checks
        ),
    )


def _checks(plan: StreamPlan) -> list[Check]:
    """One check for the bits of each stage, and for each field of an output."""
    found = [
        Check(node_name(number), f"dut.{stage}_valid && dut.{stage}_ready", f"dut.{stage}_data")
        for number, stage in plan.checked
    ]
    for port in plan.outputs:
        taken = f"{port.stream}_taken"
        found += [Check(port.key(field), taken, f"{port.stream}_{field}") for field in port.fields]
    return found


def _player(port: InputPort, seed: int, file: str, beats: int) -> str:
    return template(
        "verilog",
        "player.v",
        STREAM=port.stream,
        FILE_OF=file,
        BITS_OF=port.width,
        LAST_BIT=port.width - 1,
        BEATS_OF=beats,
        SEED_OF=seed,
    )


def _result(port: OutputPort, seed: int) -> str:
    wires = [
        f"    wire [{one.width - 1}:0] {port.stream}_{field};" for field, one in port.fields.items()
    ]
    return template("verilog", "result.v", STREAM=port.stream, WIRES="\n".join(wires), SEED_OF=seed)


def _checker(check: Check, file: str, golden: Memory) -> str:
    return template(
        "verilog",
        "checker.v",
        KEY=check.key,
        FILE_OF=file,
        BITS_OF=golden.width,
        BEATS_OF=len(golden.words),
        BEAT_OF=check.beat,
        DATA_OF=check.data,
    )
