// Turns groups of LANES sums into one sum a beat, CHANNELS of them. The score that starts from a
// sum is the sum itself.
module signbit_serial #(
    parameter CHANNELS = 1,
    parameter LANES = 1,
    parameter SUM_BITS = 1
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [LANES*SUM_BITS-1:0] s_sums,
    output wire m_valid,
    input wire m_ready,
    output wire [SUM_BITS-1:0] m_score,
    output wire [SUM_BITS-1:0] m_sum
);
    localparam LANE_BITS = LANES > 1 ? $clog2(LANES) : 1;
    localparam CHANNEL_BITS = CHANNELS > 1 ? $clog2(CHANNELS) : 1;
    // verilator lint_off WIDTH
    localparam [LANE_BITS-1:0] LAST_LANE = LANES - 1;
    localparam [CHANNEL_BITS-1:0] LAST_CHANNEL = CHANNELS - 1;
    // verilator lint_on WIDTH
    reg [LANE_BITS-1:0] lane;
    reg [CHANNEL_BITS-1:0] channel;
    wire last_channel = channel == LAST_CHANNEL;
    wire last = last_channel || lane == LAST_LANE;
    assign m_valid = s_valid;
    assign s_ready = m_ready && last;
    assign m_sum = s_sums[lane*SUM_BITS +: SUM_BITS];
    assign m_score = m_sum;
    always @(posedge clk) begin
        if (rst) begin
            lane <= {LANE_BITS{1'b0}};
            channel <= {CHANNEL_BITS{1'b0}};
        end else if (m_valid && m_ready) begin
            lane <= last ? {LANE_BITS{1'b0}} : lane + 1'b1;
            channel <= last_channel ? {CHANNEL_BITS{1'b0}} : channel + 1'b1;
        end
    end
endmodule
