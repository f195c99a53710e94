// MODULE: written by signbit from a packed network.
//
// In, a position of all channels a beat, in raster order, sample after sample; the first channel in
// the lowest bits; a bit 1 stands for +1, 0 for -1:
STREAMS_IN
// Out, the same; sums and scores are signed, and the parameters say how many bits of a score are
// after the point; class is that of the highest score:
STREAMS_OUT
// A beat passes in a cycle with valid and ready; none may while rst, synchronous, is 1. Each input is
// offered, and each output taken, without waiting for another.
// The header states the parameters and the layout of the memories.
module MODULE (
    input wire clk,
    input wire rst,
PORTS
);
`include "MODULE_parameters.vh"

STAGES
endmodule
