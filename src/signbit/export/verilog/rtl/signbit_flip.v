// Inverts the bits in the channels of MASK. Combinational.
module signbit_flip #(
    parameter CHANNELS = 1,
    parameter [CHANNELS-1:0] MASK = 0
) (
    input wire s_valid,
    output wire s_ready,
    input wire [CHANNELS-1:0] s_data,
    output wire m_valid,
    input wire m_ready,
    output wire [CHANNELS-1:0] m_data
);
    assign m_valid = s_valid;
    assign s_ready = m_ready;
    assign m_data = s_data ^ MASK;
endmodule
