// The sum of TERMS numbers of BITS bits each, as a balanced tree; terms of one bit: a popcount.
// Combinational. Each level is one bit wider than the one below it, so that nothing overflows.
module signbit_adder_tree #(
    parameter TERMS = 1,
    parameter BITS = 1,
    parameter SIGNED = 0
) (
    // Lint does not look into a module that instantiates itself.
    // verilator lint_off UNUSEDSIGNAL
    input wire [TERMS*BITS-1:0] terms,
    // verilator lint_on UNUSEDSIGNAL
    output wire [BITS+$clog2(TERMS)-1:0] sum
);
    generate
        if (TERMS == 1) begin : leaf
            assign sum = terms;
        end else begin : node
            localparam LOW = TERMS / 2;
            localparam HIGH = TERMS - LOW;
            localparam LOW_BITS = BITS + $clog2(LOW);
            localparam HIGH_BITS = BITS + $clog2(HIGH);
            localparam SUM_BITS = BITS + $clog2(TERMS);
            // verilator lint_off UNDRIVEN
            wire [LOW_BITS-1:0] low;
            wire [HIGH_BITS-1:0] high;
            // verilator lint_on UNDRIVEN
            signbit_adder_tree #(.TERMS(LOW), .BITS(BITS), .SIGNED(SIGNED)) low_tree (
                .terms(terms[LOW*BITS-1:0]), .sum(low)
            );
            signbit_adder_tree #(.TERMS(HIGH), .BITS(BITS), .SIGNED(SIGNED)) high_tree (
                .terms(terms[TERMS*BITS-1:LOW*BITS]), .sum(high)
            );
            assign sum = {{(SUM_BITS-LOW_BITS){SIGNED != 0 && low[LOW_BITS-1]}}, low}
                       + {{(SUM_BITS-HIGH_BITS){SIGNED != 0 && high[HIGH_BITS-1]}}, high};
        end
    endgenerate
endmodule
