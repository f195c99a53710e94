// A number in more or in fewer bits. With fewer bits it keeps the lowest, which is all that
// arithmetic modulo 2^TO needs. Combinational.
module signbit_resize #(
    parameter FROM = 1,
    parameter TO = 1,
    parameter SIGNED = 0
) (
    // The highest bits are dropped where there are fewer.
    // verilator lint_off UNUSEDSIGNAL
    input wire [FROM-1:0] x,
    // verilator lint_on UNUSEDSIGNAL
    output wire [TO-1:0] y
);
    generate
        if (TO <= FROM) begin : fewer
            assign y = x[TO-1:0];
        end else begin : more
            assign y = {{(TO-FROM){SIGNED != 0 && x[FROM-1]}}, x};
        end
    endgenerate
endmodule
