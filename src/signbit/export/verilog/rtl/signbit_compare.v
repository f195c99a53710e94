// Pixels to bits: pixel < limit, or its opposite where ABOVE is set. Combinational.
//
// LIMITS: 9 bits a channel, 0 to 256, the first channel in the lowest bits. For 0 and 256 the bit
// is constant. pixel > t is the opposite of pixel < t + 1.
module signbit_compare #(
    parameter CHANNELS = 1,
    parameter [9*CHANNELS-1:0] LIMITS = 0,
    parameter [CHANNELS-1:0] ABOVE = 0
) (
    input wire s_valid,
    output wire s_ready,
    input wire [8*CHANNELS-1:0] s_data,
    output wire m_valid,
    input wire m_ready,
    output wire [CHANNELS-1:0] m_data
);
    assign m_valid = s_valid;
    assign s_ready = m_ready;
    genvar c;
    generate
        for (c = 0; c < CHANNELS; c = c + 1) begin : channel
            // The borrow of a subtraction. For a comparison with a constant end, tools would warn.
            // verilator lint_off UNUSEDSIGNAL
            wire [9:0] difference = {2'b00, s_data[8*c +: 8]} - {1'b0, LIMITS[9*c +: 9]};
            // verilator lint_on UNUSEDSIGNAL
            assign m_data[c] = difference[9] ^ ABOVE[c];
        end
    endgenerate
endmodule
