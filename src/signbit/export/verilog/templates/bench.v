// Test bench of MODULE, written by signbit. It runs the golden samples, back to back, and compares
// the bits of every layer and all outputs with the golden files. It prints a line that starts with
// PASS or FAIL. +stall closes each stream at random; then the cycles are not checked.
module MODULE_tb;
    localparam SAMPLES = SAMPLES_OF;
    // Cycles from the end of the reset to the last result, without stalls. Where not EXACT, this is
    // about the most.
    localparam CYCLES = CYCLES_OF;
    localparam EXACT = IS_EXACT;

    reg clk = 1'b0;
    reg rst = 1'b1;
    reg stalls = 1'b0;
    integer cycle = 0;
    integer first_result = 0;  // cycles until it was taken
    integer last_result = 0;

    // In: a beat whenever there is one left.
PLAYERS
    // Out: always ready.
RESULTS
    wire result = ANY_RESULT;

    MODULE dut (
        .clk(clk), .rst(rst),
        PORTS
    );

CHECKERS
    wire [31:0] errors = ERRORS_OF;
    wire complete = COMPLETE_OF;

    initial begin
        if ($test$plusargs("stall")) stalls = 1'b1;
    end
    initial forever #5 clk = !clk;

    always @(posedge clk) begin
        if (rst) begin
            rst <= 1'b0;
        end else begin
            cycle <= cycle + 1;
            if (result && first_result == 0) first_result <= cycle + 1;
            if (result) last_result <= cycle + 1;
            // Layers may still receive positions that no result needs.
            if (complete || cycle > 40 * CYCLES + 1000) finish;
        end
    end

    task finish;
        begin
            if (errors != 0 || !complete)
                $display("FAIL MODULE: %0d beats differ, %0s", errors,
                         complete ? "none is missing" : "beats are missing or too many");
            else if (EXACT != 0 && last_result != CYCLES && !stalls)
                $display("FAIL MODULE: %0d cycles, expected %0d", last_result, CYCLES);
            else
                $display("PASS MODULE: %0d samples, %0d cycles, first result after %0d",
                         SAMPLES, last_result, first_result);
            $finish;
        end
    endtask
endmodule
