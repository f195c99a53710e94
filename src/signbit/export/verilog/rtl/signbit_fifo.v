// A queue of DEPTH beats.
module signbit_fifo #(
    parameter DATA = 1,
    parameter DEPTH = 1
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [DATA-1:0] s_data,
    output wire m_valid,
    input wire m_ready,
    output wire [DATA-1:0] m_data
);
    localparam ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam COUNT_BITS = $clog2(DEPTH + 1);
    // verilator lint_off WIDTH
    localparam [ADDRESS_BITS-1:0] LAST = DEPTH - 1;
    localparam [COUNT_BITS-1:0] FULL = DEPTH;
    // verilator lint_on WIDTH
    localparam [COUNT_BITS-1:0] ONE = 1;

    reg [DATA-1:0] words [0:DEPTH-1];
    reg [ADDRESS_BITS-1:0] oldest, newest;  // where the next beat leaves, and where it enters
    reg [COUNT_BITS-1:0] count;
    wire enters = s_valid && s_ready;
    wire leaves = m_valid && m_ready;
    assign s_ready = count != FULL;
    assign m_valid = count != {COUNT_BITS{1'b0}};
    assign m_data = words[oldest];

    always @(posedge clk) begin
        if (rst) begin
            oldest <= {ADDRESS_BITS{1'b0}};
            newest <= {ADDRESS_BITS{1'b0}};
            count <= {COUNT_BITS{1'b0}};
        end else begin
            if (enters) newest <= newest == LAST ? {ADDRESS_BITS{1'b0}} : newest + 1'b1;
            if (leaves) oldest <= oldest == LAST ? {ADDRESS_BITS{1'b0}} : oldest + 1'b1;
            if (enters && !leaves) count <= count + ONE;
            if (leaves && !enters) count <= count - ONE;
        end
        if (enters) words[newest] <= s_data;
    end
endmodule
