// Sums of pixels times weights of one bit, which add or subtract: the first layer. It follows
// signbit_window; a linear layer over a map follows the pixels themselves.
//
// A pixel p counts as MULTIPLIER * p + OFFSET, a signed number of VALUE_BITS; taps outside the map
// add nothing. Weights are laid out as in signbit_sums_bits, bit 1 for +1.
module signbit_sums_u8 #(
    parameter TAPS = 1,
    parameter CHANNELS = 1,
    parameter OUTPUTS = 1,
    parameter LANES = 1,
    parameter GROUPS = 1,
    parameter POSITIONS = 1,
    parameter MULTIPLIER = 1,
    parameter OFFSET = 0,
    parameter VALUE_BITS = 1,
    parameter SUM_BITS = 1,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [TAPS*CHANNELS*8-1:0] s_taps,
    input wire [TAPS-1:0] s_inside,
    output wire m_valid,
    input wire m_ready,
    output wire [LANES*SUM_BITS-1:0] m_sums
);
    localparam TERMS = TAPS * CHANNELS;
    localparam PASSES = (OUTPUTS + LANES - 1) / LANES;
    localparam PASS_BITS = PASSES > 1 ? $clog2(PASSES) : 1;
    // One bit more, for the negative of the lowest value.
    localparam TERM_BITS = VALUE_BITS + 1;
    localparam TOTAL_BITS = TERM_BITS + $clog2(TERMS);
    localparam signed [31:0] OFFSET_32 = OFFSET;
    localparam [TERM_BITS-1:0] OFFSET_BITS = OFFSET_32[TERM_BITS-1:0];
    localparam [TERM_BITS-1:0] MULTIPLIER_BITS = MULTIPLIER;

    wire next;
    wire [PASS_BITS-1:0] pass;
    wire [LANES*TERMS-1:0] weights;
    wire [LANES*SUM_BITS-1:0] partial;

    wire [TERMS*TERM_BITS-1:0] values;
    genvar t, l;
    generate
        for (t = 0; t < TERMS; t = t + 1) begin : term
            wire [TERM_BITS-1:0] pixel;
            signbit_resize #(.FROM(8), .TO(TERM_BITS)) resize (.x(s_taps[t*8 +: 8]), .y(pixel));
            assign values[t*TERM_BITS +: TERM_BITS] = s_inside[t/CHANNELS]
                ? pixel * MULTIPLIER_BITS + OFFSET_BITS : {TERM_BITS{1'b0}};
        end
        for (l = 0; l < LANES; l = l + 1) begin : lane
            wire [CHANNELS-1:0] used;
            wire [TERMS*TERM_BITS-1:0] terms;
            wire [TOTAL_BITS-1:0] total;
            signbit_group #(
                .CHANNELS(CHANNELS), .OUTPUTS(OUTPUTS), .GROUPS(GROUPS), .LANES(LANES), .LANE(l),
                .PASS_BITS(PASS_BITS)
            ) group (
                .pass(pass), .used(used)
            );
            for (t = 0; t < TERMS; t = t + 1) begin : term
                wire [TERM_BITS-1:0] value = values[t*TERM_BITS +: TERM_BITS];
                assign terms[t*TERM_BITS +: TERM_BITS] = !used[t%CHANNELS] ? {TERM_BITS{1'b0}}
                    : weights[l*TERMS+t] ? value : {TERM_BITS{1'b0}} - value;
            end
            signbit_adder_tree #(.TERMS(TERMS), .BITS(TERM_BITS), .SIGNED(1)) tree (
                .terms(terms), .sum(total)
            );
            signbit_resize #(.FROM(TOTAL_BITS), .TO(SUM_BITS), .SIGNED(1)) resize (
                .x(total), .y(partial[l*SUM_BITS +: SUM_BITS])
            );
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
