"""The self-checking test bench."""

from collections.abc import Mapping
from dataclasses import dataclass

from signbit.export._template import template
from signbit.export.verilog.plan import StreamPlan
from signbit.format.parameters import node_name


@dataclass(frozen=True)
class Check:
    """A stream, and the golden file that it must equal, beat by beat."""

    key: str
    file: str
    width: int
    beats: int
    beat: str
    data: str


def checks(plan: StreamPlan, name: str, sizes: Mapping[str, tuple[int, int]]) -> list[Check]:
    """One check for each golden file.

    sizes: width and words of each file, by the part of its name after `NAME_golden_`.
    """
    found = []
    for number, stage in plan.checked:
        key = node_name(number)
        beat = f"dut.{stage}_valid && dut.{stage}_ready"
        found.append(Check(key, _file(name, key), *sizes[key], beat, f"dut.{stage}_data"))
    for key in ("class", "scores", "sums"):
        found.append(Check(key, _file(name, key), *sizes[key], "result", f"m_{key}"))
    return found


def _file(name: str, key: str) -> str:
    return f"{name}_golden_{key}.mem"


def bench_text(
    plan: StreamPlan,
    name: str,
    found: list[Check],
    images: int,
    pixels: tuple[int, int],
    cycles: int,
) -> str:
    """The text of NAME_tb.v.  pixels: bits of one pixel, and the number of pixels."""
    outputs = plan.stages[-1].outputs
    return template(
        "verilog",
        "bench.v",
        MODULE=name,
        IMAGES_OF=images,
        PIXEL_BITS=pixels[0],
        PIXELS_OF=pixels[1],
        CYCLES_OF=cycles,
        WIRES="\n".join(f"    wire [{width - 1}:0] {port};" for port, width in outputs.items()),
        PORTS=", ".join(f".{port}({port})" for port in outputs),
        CHECKERS="\n".join(map(_checker, found)),
        ERRORS_OF="\n        + ".join(f"c_{check.key}_errors" for check in found),
        COMPLETE_OF="\n        && ".join(
            f"c_{check.key}_beats == {check.beats}" for check in found
        ),
    )


def _checker(check: Check) -> str:
    return template(
        "verilog",
        "checker.v",
        KEY=check.key,
        FILE_OF=check.file,
        BITS_OF=check.width,
        BEATS_OF=check.beats,
        BEAT_OF=check.beat,
        DATA_OF=check.data,
    )
