// The order of work of a layer: for each input beat, groups of LANES output channels, one a cycle.
//
// `partial` is what the beat adds to the LANES sums of group `pass`, combinational; `next` asks
// for the weights of the next pass. With POSITIONS > 1 (a linear layer over a map), the sums of so
// many beats are added up, and leave with the last of them.
//
// Out: the groups of one output position, PASSES beats, the first channel in the lowest field.
module signbit_passes #(
    parameter LANES = 1,
    parameter PASSES = 1,
    parameter POSITIONS = 1,
    parameter SUM_BITS = 1,
    parameter PASS_BITS = 1
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [LANES*SUM_BITS-1:0] partial,
    output wire next,
    output reg [PASS_BITS-1:0] pass,
    output reg m_valid,
    input wire m_ready,
    output reg [LANES*SUM_BITS-1:0] m_sums
);
    // verilator lint_off WIDTH
    localparam [PASS_BITS-1:0] LAST = PASSES - 1;
    // verilator lint_on WIDTH
    wire last_pass = pass == LAST;
    wire last_position;
    wire [LANES*SUM_BITS-1:0] total;

    assign next = s_valid && (!last_position || !m_valid || m_ready);
    assign s_ready = next && last_pass;

    always @(posedge clk) begin
        if (rst) begin
            pass <= {PASS_BITS{1'b0}};
            m_valid <= 1'b0;
        end else begin
            if (next) pass <= last_pass ? {PASS_BITS{1'b0}} : pass + 1'b1;
            if (next && last_position) m_valid <= 1'b1;
            else if (m_ready) m_valid <= 1'b0;
        end
        if (next && last_position) m_sums <= total;
    end

    generate
        if (POSITIONS == 1) begin : single
            assign last_position = 1'b1;
            assign total = partial;
        end else begin : several
            localparam POSITION_BITS = $clog2(POSITIONS);
            // verilator lint_off WIDTH
            localparam [POSITION_BITS-1:0] LAST_POSITION = POSITIONS - 1;
            // verilator lint_on WIDTH
            reg [POSITION_BITS-1:0] position;
            reg [LANES*SUM_BITS-1:0] accumulators [0:PASSES-1];
            wire [LANES*SUM_BITS-1:0] accumulated = accumulators[pass];
            wire first = position == {POSITION_BITS{1'b0}};
            assign last_position = position == LAST_POSITION;
            genvar l;
            for (l = 0; l < LANES; l = l + 1) begin : lane
                assign total[l*SUM_BITS +: SUM_BITS] = partial[l*SUM_BITS +: SUM_BITS]
                    + (first ? {SUM_BITS{1'b0}} : accumulated[l*SUM_BITS +: SUM_BITS]);
            end
            always @(posedge clk) begin
                if (rst) position <= {POSITION_BITS{1'b0}};
                else if (next && last_pass)
                    position <= last_position ? {POSITION_BITS{1'b0}} : position + 1'b1;
                if (next) accumulators[pass] <= total;
            end
        end
    endgenerate
endmodule
