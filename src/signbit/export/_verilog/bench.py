"""The self-checking test bench."""

from collections.abc import Mapping
from dataclasses import dataclass

from signbit.export._verilog.plan import Plan

_TEXT = """\
// Test bench of {name}, written by signbit: runs the golden images, back to back, and compares the
// bits of every layer, sums, scores and class with the golden files. Prints a line that starts with
// PASS or FAIL. +stall closes each stream at random, and then cycles are not checked.
module {name}_tb;
    localparam IMAGES = {images};
    localparam PIXELS = {pixels};  // of all images
    localparam CYCLES = {cycles};  // from the end of the reset to the last result, no stalls

    reg clk = 1'b0;
    reg rst = 1'b1;
    reg stalls = 1'b0;
    integer cycle = 0;
    integer first_result = 0;  // cycles until it was taken
    integer last_result = 0;

    // In: a pixel whenever there is one left.
    reg [{pixel_bits}-1:0] pixels [0:PIXELS-1];
    integer sent = 0;
    wire s_valid, s_ready, s_open_valid, s_open_ready;
    wire [{pixel_bits}-1:0] s_data = pixels[sent];
    assign s_valid = !rst && sent < PIXELS;
    signbit_link #(.SEED(1001)) in_link (
        .clk(clk), .s_valid(s_valid), .s_ready(s_ready), .m_valid(s_open_valid),
        .m_ready(s_open_ready)
    );

    // Out: always ready.
    wire m_valid, m_ready, result;
{wires}
    signbit_link #(.SEED(1002)) out_link (
        .clk(clk), .s_valid(m_valid), .s_ready(m_ready), .m_valid(result), .m_ready(!rst)
    );

    {name} dut (
        .clk(clk), .rst(rst), .s_valid(s_open_valid), .s_ready(s_open_ready), .s_data(s_data),
        .m_valid(m_valid), .m_ready(m_ready), {ports}
    );

{checkers}
    wire [31:0] errors = {errors};
    wire complete = {complete};

    initial begin
        $readmemh("{name}_golden_pixels.mem", pixels);
        if ($test$plusargs("stall")) stalls = 1'b1;
    end
    initial forever #5 clk = !clk;

    always @(posedge clk) begin
        if (rst) begin
            rst <= 1'b0;
        end else begin
            cycle <= cycle + 1;
            if (s_valid && s_ready) sent <= sent + 1;
            if (result && first_result == 0) first_result <= cycle + 1;
            if (result) last_result <= cycle + 1;
            // Layers may be given positions behind the last that a result needs.
            if (complete || cycle > 40 * CYCLES + 1000) finish;
        end
    end

    task finish;
        begin
            if (errors != 0 || !complete)
                $display("FAIL {name}: %0d beats differ, %0s", errors,
                         complete ? "all came" : "beats are missing or too many");
            else if (last_result != CYCLES && !stalls)
                $display("FAIL {name}: %0d cycles, expected %0d", last_result, CYCLES);
            else
                $display("PASS {name}: %0d images, %0d cycles, first result after %0d",
                         IMAGES, last_result, first_result);
            $finish;
        end
    endtask
endmodule
"""

_CHECKER = """\
    wire [31:0] c_{key}_beats, c_{key}_errors;
    signbit_checker #(.WIDTH({width}), .BEATS({beats}), .FILE("{file}")) c_{key} (
        .clk(clk), .beat({beat}),
        .data({data}), .beats(c_{key}_beats), .errors(c_{key}_errors)
    );
"""


@dataclass(frozen=True)
class Check:
    """A stream and the golden file that it must equal, beat by beat."""

    key: str
    file: str
    width: int
    beats: int
    beat: str
    data: str


def checks(plan: Plan, name: str, sizes: Mapping[str, tuple[int, int]]) -> list[Check]:
    """One for each golden file.

    sizes: width and words of each file, by what stands behind `NAME_golden_`.
    """
    found = []
    for number, stage in plan.checked:
        key = f"n{number:02d}"
        beat = f"dut.{stage}_valid && dut.{stage}_ready"
        found.append(Check(key, _file(name, key), *sizes[key], beat, f"dut.{stage}_data"))
    for key in ("class", "scores", "sums"):
        found.append(Check(key, _file(name, key), *sizes[key], "result", f"m_{key}"))
    return found


def _file(name: str, key: str) -> str:
    return f"{name}_golden_{key}.mem"


def bench_text(
    plan: Plan, name: str, found: list[Check], images: int, pixels: tuple[int, int], cycles: int
) -> str:
    """NAME_tb.v.  pixels: bits of one, and how many there are."""
    outputs = plan.stages[-1].outputs
    return _TEXT.format(
        name=name,
        images=images,
        pixel_bits=pixels[0],
        pixels=pixels[1],
        cycles=cycles,
        wires="\n".join(f"    wire [{width - 1}:0] {port};" for port, width in outputs.items()),
        ports=", ".join(f".{port}({port})" for port in outputs),
        checkers="\n".join(_CHECKER.format(**vars(check)) for check in found),
        errors="\n        + ".join(f"c_{check.key}_errors" for check in found),
        complete="\n        && ".join(f"c_{check.key}_beats == {check.beats}" for check in found),
    )
