// A line buffer: the column of ROWS positions that ends with the position that arrives.
//
// `column` is combinational; its field r is the position r rows above `data`, field 0 is `data`.
// A cycle with `step` moves on to the next of COLUMNS columns, and from the last one to the first
// of the row below. The memory is read one step ahead into a register, so it can be block RAM.
module signbit_lines #(
    parameter DATA = 1,
    parameter ROWS = 1,
    parameter COLUMNS = 1,
    parameter X_BITS = 1
) (
    // Nothing is stored for a kernel of one row.
    // verilator lint_off UNUSEDSIGNAL
    input wire clk,
    input wire step,
    input wire [X_BITS-1:0] x,
    input wire [X_BITS-1:0] next_x,
    // verilator lint_on UNUSEDSIGNAL
    input wire [DATA-1:0] data,
    output wire [ROWS*DATA-1:0] column
);
    generate
        if (ROWS == 1) begin : none
            assign column = data;
        end else begin : some
            localparam ABOVE_BITS = (ROWS - 1) * DATA;
            reg [ABOVE_BITS-1:0] above;
            assign column = {above, data};
            if (COLUMNS == 1) begin : narrow
                always @(posedge clk) if (step) above <= column[ABOVE_BITS-1:0];
            end else begin : wide
                reg [ABOVE_BITS-1:0] stored [0:COLUMNS-1];
                always @(posedge clk) begin
                    if (step) begin
                        stored[x] <= column[ABOVE_BITS-1:0];
                        above <= stored[next_x];
                    end
                end
            end
        end
    endgenerate
endmodule
