// MODULE: pixels to a class; written by signbit from a packed network.
//
// In:  ROWS_OFxCOLUMNS_OF pixels of an image in raster order, PIXEL_BITS bits a beat,
//      the first channel (red, or grey) in the lowest 8; image after image.
// Out: one beat an image: the class; the scores, signed, with SCORE_FRACTION bits behind
//      the point; the sums, signed, that they come from; class 0 in the lowest bits.
// A beat passes in a cycle with valid and ready; none may while rst, synchronous, is 1.
// The header states the parameters and the layout of the memories.
module MODULE (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [LAST_BIT:0] s_data,
    output wire m_valid,
    input wire m_ready,
OUTPUTS
);
`include "MODULE_parameters.vh"

STAGES
endmodule
