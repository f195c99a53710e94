// The class of the highest score; of equal scores, the first. One score a beat, CLASSES of them.
//
// Out: for each image the class, and all scores and sums, class 0 in the lowest bits.
module signbit_argmax #(
    parameter CLASSES = 1,
    parameter CLASS_BITS = 1,
    parameter SCORE_BITS = 1,
    parameter SUM_BITS = 1
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire signed [SCORE_BITS-1:0] s_score,
    input wire [SUM_BITS-1:0] s_sum,
    output reg m_valid,
    input wire m_ready,
    output reg [CLASS_BITS-1:0] m_class,
    output reg [CLASSES*SCORE_BITS-1:0] m_scores,
    output reg [CLASSES*SUM_BITS-1:0] m_sums
);
    // verilator lint_off WIDTH
    localparam [CLASS_BITS-1:0] LAST = CLASSES - 1;
    // verilator lint_on WIDTH
    reg [CLASS_BITS-1:0] index;
    reg signed [SCORE_BITS-1:0] best;
    wire first = index == {CLASS_BITS{1'b0}};
    wire take = s_valid && s_ready;
    assign s_ready = !m_valid || m_ready;
    always @(posedge clk) begin
        if (rst) begin
            index <= {CLASS_BITS{1'b0}};
            m_valid <= 1'b0;
        end else if (take) begin
            index <= index == LAST ? {CLASS_BITS{1'b0}} : index + 1'b1;
            m_valid <= index == LAST;
        end else if (m_ready) begin
            m_valid <= 1'b0;
        end
        if (take) begin
            // They enter at the top; the last one pushes the first to the bottom.
            m_scores <= m_scores >> SCORE_BITS;
            m_scores[(CLASSES-1)*SCORE_BITS +: SCORE_BITS] <= s_score;
            m_sums <= m_sums >> SUM_BITS;
            m_sums[(CLASSES-1)*SUM_BITS +: SUM_BITS] <= s_sum;
            if (first || s_score > best) begin
                best <= s_score;
                m_class <= index;
            end
        end
    end
endmodule
