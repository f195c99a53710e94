// Which taps of a window, along one axis, lie inside the map. The last tap is at `position` of the
// padded map. Combinational.
module signbit_inside #(
    parameter BITS = 1,
    parameter SIZE = 1,
    parameter PAD = 0,
    parameter KERNEL = 1,
    parameter DILATION = 1
) (
    input wire [BITS-1:0] position,
    output wire [KERNEL-1:0] in_map
);
    // One bit more than the position: the bounds are below twice the padded size.
    wire [BITS:0] at = {1'b0, position};
    genvar i;
    generate
        for (i = 0; i < KERNEL; i = i + 1) begin : tap
            localparam [BITS:0] FIRST = PAD + (KERNEL - 1 - i) * DILATION;
            localparam [BITS:0] LIMIT = PAD + (KERNEL - 1 - i) * DILATION + SIZE;
            // Without padding, a bound equals that of the counter, and the comparison is constant.
            // verilator lint_off UNSIGNED
            // verilator lint_off CMPCONST
            assign in_map[i] = at >= FIRST && at < LIMIT;
            // verilator lint_on CMPCONST
            // verilator lint_on UNSIGNED
        end
    endgenerate
endmodule
