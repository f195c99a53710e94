// Test bench of MODULE, written by signbit: runs the golden images, back to back, and compares the
// bits of every layer, sums, scores and class with the golden files. Prints a line that starts with
// PASS or FAIL. +stall closes each stream at random, and then cycles are not checked.
module MODULE_tb;
    localparam IMAGES = IMAGES_OF;
    localparam PIXELS = PIXELS_OF;  // of all images
    localparam CYCLES = CYCLES_OF;  // from the end of the reset to the last result, no stalls

    reg clk = 1'b0;
    reg rst = 1'b1;
    reg stalls = 1'b0;
    integer cycle = 0;
    integer first_result = 0;  // cycles until it was taken
    integer last_result = 0;

    // In: a pixel whenever there is one left.
    reg [PIXEL_BITS-1:0] pixels [0:PIXELS-1];
    integer sent = 0;
    wire s_valid, s_ready, s_open_valid, s_open_ready;
    wire [PIXEL_BITS-1:0] s_data = pixels[sent];
    assign s_valid = !rst && sent < PIXELS;
    signbit_link #(.SEED(1001)) in_link (
        .clk(clk), .s_valid(s_valid), .s_ready(s_ready), .m_valid(s_open_valid),
        .m_ready(s_open_ready)
    );

    // Out: always ready.
    wire m_valid, m_ready, result;
WIRES
    signbit_link #(.SEED(1002)) out_link (
        .clk(clk), .s_valid(m_valid), .s_ready(m_ready), .m_valid(result), .m_ready(!rst)
    );

    MODULE dut (
        .clk(clk), .rst(rst), .s_valid(s_open_valid), .s_ready(s_open_ready), .s_data(s_data),
        .m_valid(m_valid), .m_ready(m_ready), PORTS
    );

CHECKERS
    wire [31:0] errors = ERRORS_OF;
    wire complete = COMPLETE_OF;

    initial begin
        $readmemh("MODULE_golden_pixels.mem", pixels);
        if ($test$plusargs("stall")) stalls = 1'b1;
    end
    initial forever #5 clk = !clk;

    always @(posedge clk) begin
        if (rst) begin
            rst <= 1'b0;
        end else begin
            cycle <= cycle + 1;
            if (s_valid && s_ready) sent <= sent + 1;
            if (result && first_result == 0) first_result <= cycle + 1;
            if (result) last_result <= cycle + 1;
            // Layers may be given positions behind the last that a result needs.
            if (complete || cycle > 40 * CYCLES + 1000) finish;
        end
    end

    task finish;
        begin
            if (errors != 0 || !complete)
                $display("FAIL MODULE: %0d beats differ, %0s", errors,
                         complete ? "all came" : "beats are missing or too many");
            else if (last_result != CYCLES && !stalls)
                $display("FAIL MODULE: %0d cycles, expected %0d", last_result, CYCLES);
            else
                $display("PASS MODULE: %0d images, %0d cycles, first result after %0d",
                         IMAGES, last_result, first_result);
            $finish;
        end
    endtask
endmodule
