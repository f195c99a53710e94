// score * scale + bias for one class in each beat. It is computed exactly and rounded once, as
// float32 rounds: to the nearest number of 24 significant bits, a tie to the even one. Two stages.
//
// Numbers are fixed-point. Word `class` of FILE is {bias, scale}, both signed. The product is
// shifted left by SHIFT, to the point of the bias and of the result. The exporter chooses widths
// that lose nothing. The sum of a score passes through with it.
module signbit_affine #(
    parameter CLASSES = 1,
    parameter X_BITS = 1,
    parameter SCALE_BITS = 1,
    parameter Y_BITS = 1,
    parameter SHIFT = 0,
    parameter SUM_BITS = 1,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [X_BITS-1:0] s_score,
    input wire [SUM_BITS-1:0] s_sum,
    output reg m_valid,
    input wire m_ready,
    output reg [Y_BITS-1:0] m_score,
    output reg [SUM_BITS-1:0] m_sum
);
    localparam SIGNIFICANT = 24;
    localparam PRODUCT_BITS = X_BITS + SCALE_BITS;

    reg exact_valid;
    reg signed [Y_BITS-1:0] exact;
    reg [SUM_BITS-1:0] exact_sum;
    wire exact_ready = !m_valid || m_ready;
    assign s_ready = !exact_valid || exact_ready;
    wire take = s_valid && s_ready;

    wire [SCALE_BITS+Y_BITS-1:0] word;
    signbit_rom #(.WIDTH(SCALE_BITS+Y_BITS), .DEPTH(CLASSES), .FILE(FILE)) rom (
        .clk(clk), .rst(rst), .next(take), .word(word)
    );
    // Sign bits in front, so that the product is exact.
    wire signed [PRODUCT_BITS-1:0] score = {{SCALE_BITS{s_score[X_BITS-1]}}, s_score};
    wire signed [PRODUCT_BITS-1:0] scale = {{X_BITS{word[SCALE_BITS-1]}}, word[SCALE_BITS-1:0]};
    wire [PRODUCT_BITS-1:0] product = score * scale;
    wire [Y_BITS-1:0] product_wide;
    signbit_resize #(.FROM(PRODUCT_BITS), .TO(Y_BITS), .SIGNED(1)) resize (
        .x(product), .y(product_wide)
    );
    wire [Y_BITS-1:0] bias = word[SCALE_BITS +: Y_BITS];

    always @(posedge clk) begin
        if (rst) begin
            exact_valid <= 1'b0;
            m_valid <= 1'b0;
        end else begin
            if (s_ready) exact_valid <= s_valid;
            if (exact_ready) m_valid <= exact_valid;
        end
        if (take) begin
            exact <= (product_wide << SHIFT) + bias;
            exact_sum <= s_sum;
        end
        if (exact_ready) begin
            m_score <= rounded(exact);
            m_sum <= exact_sum;
        end
    end

    // Half the value of the last kept bit, minus one, plus that bit: it carries where the result
    // must be rounded up.
    function [Y_BITS-1:0] rounded(input signed [Y_BITS-1:0] value);
        integer k;
        reg [Y_BITS-1:0] magnitude;
        reg [Y_BITS-1:0] dropped;  // ones where bits are dropped
        reg [Y_BITS-1:0] kept;     // the last bit that is kept
        begin
            magnitude = value < 0 ? -value : value;
            dropped = magnitude >> SIGNIFICANT;
            for (k = 1; k < Y_BITS; k = k * 2) dropped = dropped | (dropped >> k);
            kept = dropped + 1'b1;
            magnitude = magnitude + (dropped >> 1)
                      + {{(Y_BITS-1){1'b0}}, (magnitude & kept) != 0 && dropped[0]};
            magnitude = magnitude & ~dropped;
            rounded = value < 0 ? -magnitude : magnitude;
        end
    endfunction
endmodule
