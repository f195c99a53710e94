// The sum of TERMS numbers of BITS bits each, as a balanced tree. For terms of one bit it is a
// popcount. Its leaves have six bits, the inputs of a look-up table in an FPGA. Combinational.
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
    localparam SUM_BITS = BITS + $clog2(TERMS);
    localparam LEAF = 6;
    // Bits 2, 1 and 0 of the number of set bits of 0 to 63.
    localparam [63:0] FOURS = 64'hfee8e880e8808000;
    localparam [63:0] TWOS = 64'h8117177e177e7ee8;
    localparam [63:0] ONES = 64'h6996966996696996;
    generate
        if (TERMS == 1) begin : single
            assign sum = terms;
        end else if (BITS == 1 && TERMS <= LEAF) begin : leaf
            wire [LEAF-1:0] index;
            wire [2:0] count = {FOURS[index], TWOS[index], ONES[index]};
            signbit_resize #(.FROM(TERMS), .TO(LEAF)) term_resize (.x(terms), .y(index));
            signbit_resize #(.FROM(3), .TO(SUM_BITS)) count_resize (.x(count), .y(sum));
        end else begin : node
            localparam LOW = BITS == 1 ? (TERMS + 2 * LEAF - 1) / (2 * LEAF) * LEAF : TERMS / 2;
            localparam HIGH = TERMS - LOW;
            localparam LOW_BITS = BITS + $clog2(LOW);
            localparam HIGH_BITS = BITS + $clog2(HIGH);
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
            wire [SUM_BITS-1:0] low_wide, high_wide;
            signbit_resize #(.FROM(LOW_BITS), .TO(SUM_BITS), .SIGNED(SIGNED)) low_resize (
                .x(low), .y(low_wide)
            );
            signbit_resize #(.FROM(HIGH_BITS), .TO(SUM_BITS), .SIGNED(SIGNED)) high_resize (
                .x(high), .y(high_wide)
            );
            assign sum = low_wide + high_wide;
        end
    endgenerate
endmodule
