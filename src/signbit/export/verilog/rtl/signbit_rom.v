// The words of a memory file in their order, over and over.
//
// `word` is the first one after a reset, and the following one after each cycle with `next`. The
// read is registered, so synthesis can use block RAM.
module signbit_rom #(
    parameter WIDTH = 1,
    parameter DEPTH = 1,
    parameter FILE = ""
) (
    input wire clk,
    input wire rst,
    input wire next,
    output reg [WIDTH-1:0] word
);
    localparam ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;
    // verilator lint_off WIDTH
    localparam [ADDRESS_BITS-1:0] LAST = DEPTH - 1;
    // verilator lint_on WIDTH

    reg [WIDTH-1:0] words [0:DEPTH-1];
    reg [ADDRESS_BITS-1:0] following;
    wire [ADDRESS_BITS-1:0] address = rst ? {ADDRESS_BITS{1'b0}} : following;

    initial $readmemh(FILE, words);

    always @(posedge clk) begin
        if (rst || next) begin
            word <= words[address];
            following <= address == LAST ? {ADDRESS_BITS{1'b0}} : address + 1'b1;
        end
    end
endmodule
