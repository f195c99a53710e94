// Collects PASSES beats, each a group of LANES numbers, to one beat of all CHANNELS. The first
// channel is in the lowest bits.
module signbit_collect #(
    parameter CHANNELS = 1,
    parameter LANES = 1,
    parameter BITS = 1
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [LANES*BITS-1:0] s_numbers,
    output reg m_valid,
    input wire m_ready,
    output wire [CHANNELS*BITS-1:0] m_data
);
    localparam PASSES = (CHANNELS + LANES - 1) / LANES;
    localparam PASS_BITS = PASSES > 1 ? $clog2(PASSES) : 1;
    localparam GROUP = LANES * BITS;
    // verilator lint_off WIDTH
    localparam [PASS_BITS-1:0] LAST = PASSES - 1;
    // verilator lint_on WIDTH

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

    // Groups enter at the top; the last one pushes the first to the bottom.
    // Lanes after the last channel are dropped.
    // verilator lint_off UNUSEDSIGNAL
    reg [PASSES*GROUP-1:0] numbers;
    // verilator lint_on UNUSEDSIGNAL
    generate
        if (PASSES == 1) begin : single
            always @(posedge clk) if (take) numbers <= s_numbers;
        end else begin : several
            always @(posedge clk) if (take) numbers <= {s_numbers, numbers[PASSES*GROUP-1:GROUP]};
        end
    endgenerate
    assign m_data = numbers[CHANNELS*BITS-1:0];
endmodule
