// MODULE: written by signbit from a packed network.
//
// In: streams of samples, one after the other. A beat is one position of a map with all its
// channels, the first in the lowest bits. Positions come in raster order. A bit 1 stands for +1,
// 0 for -1.
STREAMS_IN
// Out: streams in the same order. Sums and scores are signed; the parameters say how many bits of a
// score are after the point. The class is the one with the highest score.
STREAMS_OUT
// A beat passes in a cycle with valid and ready. While rst, which is synchronous, is 1, no beat may
// pass. Offer each input, and take each output, without waiting for another stream.
// The header states the parameters and the layout of the memories.
module MODULE (
    input wire clk,
    input wire rst,
PORTS
);
`include "MODULE_parameters.vh"

STAGES
endmodule
