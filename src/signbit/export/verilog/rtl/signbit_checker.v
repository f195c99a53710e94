// For the test bench: compares the beats of a stream with the words of a golden file, in order.
module signbit_checker #(
    parameter WIDTH = 1,
    parameter BEATS = 1,
    parameter FILE = ""
) (
    input wire clk,
    input wire beat,
    input wire [WIDTH-1:0] data,
    output reg [31:0] beats,
    output reg [31:0] errors
);
    reg [WIDTH-1:0] golden [0:BEATS-1];
    initial begin
        $readmemh(FILE, golden);
        beats = 0;
        errors = 0;
    end
    always @(posedge clk) begin
        if (beat) begin
            beats <= beats + 1;
            // Not equal also where a bit is unknown.
            if (beats >= BEATS || data !== golden[beats]) begin
                errors <= errors + 1;
                if (errors < 3)
                    $display("%0s: beat %0d is %h, golden %h", FILE, beats, data, golden[beats]);
            end
        end
    end
endmodule
