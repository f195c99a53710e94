// Sums of bits times weights of one bit: a binary convolution after signbit_window (TAPS of a
// window a beat, POSITIONS 1), or a binary linear layer over a map (TAPS 1, a position a beat).
//
// Where m of n counted terms are equal, sum = 2 * m - n. A tap outside the map is not counted where
// PADDING_VALUE is 0; else it holds that value.
//
// Weights: word position * PASSES + pass of FILE has LANES fields of TAPS fields of CHANNELS bits,
// the first in the lowest bits. With GROUPS > 1, bits of other groups are there, but not counted.
module signbit_sums_bits #(
    parameter TAPS = 1,
    parameter CHANNELS = 1,
    parameter OUTPUTS = 1,
    parameter LANES = 1,
    parameter GROUPS = 1,
    parameter POSITIONS = 1,
    parameter PADDING_VALUE = 0,
    parameter SUM_BITS = 1,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [TAPS*CHANNELS-1:0] s_taps,
    input wire [TAPS-1:0] s_inside,
    output wire m_valid,
    input wire m_ready,
    output wire [LANES*SUM_BITS-1:0] m_sums
);
    localparam TERMS = TAPS * CHANNELS;
    localparam PASSES = (OUTPUTS + LANES - 1) / LANES;
    localparam PASS_BITS = PASSES > 1 ? $clog2(PASSES) : 1;
    localparam COUNT_BITS = $clog2(TERMS) + 1;
    localparam TAP_BITS = $clog2(TAPS) + 1;
    localparam [SUM_BITS-1:0] TERMS_OF_A_TAP = CHANNELS / GROUPS;

    wire next;
    wire [PASS_BITS-1:0] pass;
    wire [LANES*TERMS-1:0] weights;
    wire [LANES*SUM_BITS-1:0] partial;

    // n
    wire [TAPS-1:0] counted = PADDING_VALUE == 0 ? s_inside : {TAPS{1'b1}};
    wire [TAP_BITS-1:0] taps_counted;
    wire [SUM_BITS-1:0] taps_counted_wide;
    wire [SUM_BITS-1:0] terms_counted = taps_counted_wide * TERMS_OF_A_TAP;
    signbit_adder_tree #(.TERMS(TAPS)) tap_count (.terms(counted), .sum(taps_counted));
    signbit_resize #(.FROM(TAP_BITS), .TO(SUM_BITS)) tap_resize (
        .x(taps_counted), .y(taps_counted_wide)
    );

    wire [TERMS-1:0] x;
    wire [TERMS-1:0] looked_at;
    genvar t, l;
    generate
        for (t = 0; t < TAPS; t = t + 1) begin : tap
            assign x[t*CHANNELS +: CHANNELS]
                = s_inside[t] ? s_taps[t*CHANNELS +: CHANNELS] : {CHANNELS{PADDING_VALUE > 0}};
            assign looked_at[t*CHANNELS +: CHANNELS] = {CHANNELS{counted[t]}};
        end
        for (l = 0; l < LANES; l = l + 1) begin : lane
            wire [CHANNELS-1:0] used;
            wire [COUNT_BITS-1:0] agreeing;  // m
            wire [SUM_BITS-1:0] agreeing_twice;
            signbit_group #(
                .CHANNELS(CHANNELS), .OUTPUTS(OUTPUTS), .GROUPS(GROUPS), .LANES(LANES), .LANE(l),
                .PASS_BITS(PASS_BITS)
            ) group (
                .pass(pass), .used(used)
            );
            signbit_adder_tree #(.TERMS(TERMS)) popcount (
                .terms(~(x ^ weights[l*TERMS +: TERMS]) & looked_at & {TAPS{used}}),
                .sum(agreeing)
            );
            signbit_resize #(.FROM(COUNT_BITS + 1), .TO(SUM_BITS)) resize (
                .x({agreeing, 1'b0}), .y(agreeing_twice)
            );
            assign partial[l*SUM_BITS +: SUM_BITS] = agreeing_twice - terms_counted;
        end
    endgenerate

    signbit_rom #(.WIDTH(LANES*TERMS), .DEPTH(POSITIONS*PASSES), .FILE(FILE)) rom (
        .clk(clk), .rst(rst), .next(next), .word(weights)
    );
    signbit_passes #(
        .LANES(LANES), .PASSES(PASSES), .POSITIONS(POSITIONS), .SUM_BITS(SUM_BITS),
        .PASS_BITS(PASS_BITS)
    ) passes (
        .clk(clk), .rst(rst), .s_valid(s_valid), .s_ready(s_ready), .partial(partial),
        .next(next), .pass(pass), .m_valid(m_valid), .m_ready(m_ready), .m_sums(m_sums)
    );
endmodule
