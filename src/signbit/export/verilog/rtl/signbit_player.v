// For the test bench: sends the words of a golden file as a stream, in order.
module signbit_player #(
    parameter WIDTH = 1,
    parameter BEATS = 1,
    parameter [31:0] SEED = 1,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    output wire valid,
    input wire ready,
    output wire [WIDTH-1:0] data
);
    reg [WIDTH-1:0] words [0:BEATS-1];
    integer sent = 0;
    wire waits = !rst && sent < BEATS;
    wire taken;
    assign data = words[sent];
    initial $readmemh(FILE, words);
    signbit_link #(.SEED(SEED)) link (
        .clk(clk), .s_valid(waits), .s_ready(taken), .m_valid(valid), .m_ready(ready)
    );
    always @(posedge clk) if (waits && taken) sent <= sent + 1;
endmodule
