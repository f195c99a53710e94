    wire STREAM_valid, STREAM_ready, STREAM_taken;
WIRES
    signbit_link #(.SEED(SEED_OF)) STREAM_out_link (
        .clk(clk), .s_valid(STREAM_valid), .s_ready(STREAM_ready), .m_valid(STREAM_taken),
        .m_ready(!rst)
    );
