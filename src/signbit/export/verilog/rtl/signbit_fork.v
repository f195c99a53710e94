// Passes one stream to several readers. Each of them takes a beat when it is ready. The next beat
// comes when all have taken this one. The data do not pass through this module.
module signbit_fork #(
    parameter READERS = 2
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    output wire [READERS-1:0] m_valid,
    input wire [READERS-1:0] m_ready
);
    reg [READERS-1:0] taken;  // by those that were ready before the others
    wire [READERS-1:0] now = taken | m_ready;
    assign m_valid = {READERS{s_valid}} & ~taken;
    assign s_ready = &now;
    always @(posedge clk) begin
        if (rst) taken <= {READERS{1'b0}};
        else if (s_valid) taken <= s_ready ? {READERS{1'b0}} : now;
    end
endmodule
