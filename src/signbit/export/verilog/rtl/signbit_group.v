// Which input channels an output channel reads. Combinational.
module signbit_group #(
    parameter CHANNELS = 1,
    parameter OUTPUTS = 1,
    parameter GROUPS = 1,
    parameter LANES = 1,
    parameter LANE = 0,
    parameter PASS_BITS = 1
) (
    // Without groups it reads all of them.
    // verilator lint_off UNUSEDSIGNAL
    input wire [PASS_BITS-1:0] pass,
    // verilator lint_on UNUSEDSIGNAL
    output wire [CHANNELS-1:0] used
);
    genvar c;
    generate
        if (GROUPS == 1) begin : all
            assign used = {CHANNELS{1'b1}};
        end else begin : some
            wire [31:0] own
                = ({{(32-PASS_BITS){1'b0}}, pass} * LANES + LANE) / (OUTPUTS / GROUPS);
            for (c = 0; c < CHANNELS; c = c + 1) begin : channel
                assign used[c] = own == c / (CHANNELS / GROUPS);
            end
        end
    endgenerate
endmodule
