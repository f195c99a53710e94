// A stream from one module to the next; it is only wires. In simulation with +stall it is closed in
// about half of the cycles, at random, so every module meets gaps and backpressure.
module signbit_link #(
    parameter [31:0] SEED = 1
) (
    // verilator lint_off UNUSEDSIGNAL
    input wire clk,
    // verilator lint_on UNUSEDSIGNAL
    input wire s_valid,
    output wire s_ready,
    output wire m_valid,
    input wire m_ready
);
`ifdef SYNTHESIS
    wire open = 1'b1;
`else
    reg stalls = 1'b0;
    reg [31:0] noise = SEED * 32'd2654435761 | 32'd1;
    wire open = !stalls || noise[16];
    initial if ($test$plusargs("stall")) stalls = 1'b1;
    always @(posedge clk) noise <= {noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
`endif
    assign m_valid = s_valid && open;
    assign s_ready = m_ready && open;
endmodule
