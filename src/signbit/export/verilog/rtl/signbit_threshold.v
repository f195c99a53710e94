// Sums to bits: sum < threshold where `below` is set, else sum > threshold.
//
// In:  groups of LANES sums, the channels of a position in PASSES beats (signbit_passes).
// Out: a position of CHANNELS bits a beat.
// Word `pass` of FILE: LANES fields {below, threshold}, the first in the lowest bits. Thresholds
// are signed and have SUM_BITS. A threshold at an end of the range of the sums makes its bit
// constant.
module signbit_threshold #(
    parameter CHANNELS = 1,
    parameter LANES = 1,
    parameter SUM_BITS = 1,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [LANES*SUM_BITS-1:0] s_sums,
    output reg m_valid,
    input wire m_ready,
    output wire [CHANNELS-1:0] m_data
);
    localparam PASSES = (CHANNELS + LANES - 1) / LANES;
    localparam PASS_BITS = PASSES > 1 ? $clog2(PASSES) : 1;
    // verilator lint_off WIDTH
    localparam [PASS_BITS-1:0] LAST = PASSES - 1;
    // verilator lint_on WIDTH
    localparam FIELD = SUM_BITS + 1;

    reg [PASS_BITS-1:0] pass;
    wire last_pass = pass == LAST;
    wire take = s_valid && s_ready;
    assign s_ready = !m_valid || m_ready;

    always @(posedge clk) begin
        if (rst) begin
            pass <= {PASS_BITS{1'b0}};
            m_valid <= 1'b0;
        end else begin
            if (take) pass <= last_pass ? {PASS_BITS{1'b0}} : pass + 1'b1;
            if (take) m_valid <= last_pass;
            else if (m_ready) m_valid <= 1'b0;
        end
    end

    wire [LANES*FIELD-1:0] word;
    signbit_rom #(.WIDTH(LANES*FIELD), .DEPTH(PASSES), .FILE(FILE)) rom (
        .clk(clk), .rst(rst), .next(take), .word(word)
    );

    // Groups enter at the top; the last one pushes the first to the bottom.
    // Lanes after the last channel are dropped.
    // verilator lint_off UNUSEDSIGNAL
    reg [PASSES*LANES-1:0] bits;
    // verilator lint_on UNUSEDSIGNAL
    wire [LANES-1:0] compared;
    genvar l;
    generate
        for (l = 0; l < LANES; l = l + 1) begin : lane
            wire signed [SUM_BITS-1:0] sum = s_sums[l*SUM_BITS +: SUM_BITS];
            wire signed [SUM_BITS-1:0] threshold = word[l*FIELD +: SUM_BITS];
            wire below = word[l*FIELD + SUM_BITS];
            assign compared[l] = below ? sum < threshold : sum > threshold;
        end
        if (PASSES == 1) begin : single
            always @(posedge clk) if (take) bits <= compared;
        end else begin : several
            always @(posedge clk) if (take) bits <= {compared, bits[PASSES*LANES-1:LANES]};
        end
    endgenerate
    assign m_data = bits[CHANNELS-1:0];
endmodule
