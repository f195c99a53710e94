// Joins two streams. A beat has the channels of both, those of s in the lowest bits.
//
// Each stream waits for the other in a queue of DEPTH beats, the positions of a map. So two streams
// from one source may be a whole map apart, and neither blocks the source for ever.
module signbit_concat #(
    parameter S_DATA = 1,
    parameter T_DATA = 1,
    parameter DEPTH = 1
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [S_DATA-1:0] s_data,
    input wire t_valid,
    output wire t_ready,
    input wire [T_DATA-1:0] t_data,
    output wire m_valid,
    input wire m_ready,
    output wire [S_DATA+T_DATA-1:0] m_data
);
    wire s_waits, t_waits;
    assign m_valid = s_waits && t_waits;
    wire leaves = m_valid && m_ready;
    signbit_fifo #(.DATA(S_DATA), .DEPTH(DEPTH)) s_queue (
        .clk(clk), .rst(rst), .s_valid(s_valid), .s_ready(s_ready), .s_data(s_data),
        .m_valid(s_waits), .m_ready(leaves), .m_data(m_data[S_DATA-1:0])
    );
    signbit_fifo #(.DATA(T_DATA), .DEPTH(DEPTH)) t_queue (
        .clk(clk), .rst(rst), .s_valid(t_valid), .s_ready(t_ready), .s_data(t_data),
        .m_valid(t_waits), .m_ready(leaves), .m_data(m_data[S_DATA+T_DATA-1:S_DATA])
    );
endmodule
