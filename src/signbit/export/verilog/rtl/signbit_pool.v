// Max pooling of bits after signbit_window: the OR of the taps inside the map. Combinational.
module signbit_pool #(
    parameter TAPS = 1,
    parameter CHANNELS = 1
) (
    input wire s_valid,
    output wire s_ready,
    input wire [TAPS*CHANNELS-1:0] s_taps,
    input wire [TAPS-1:0] s_inside,
    output wire m_valid,
    input wire m_ready,
    output wire [CHANNELS-1:0] m_data
);
    assign m_valid = s_valid;
    assign s_ready = m_ready;
    genvar t, c;
    generate
        for (c = 0; c < CHANNELS; c = c + 1) begin : channel
            wire [TAPS-1:0] taps;
            for (t = 0; t < TAPS; t = t + 1) begin : tap
                assign taps[t] = s_taps[t*CHANNELS + c];
            end
            assign m_data[c] = |(taps & s_inside);
        end
    endgenerate
endmodule
