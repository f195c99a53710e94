// Parameters of MODULE, written by signbit; a part of the body of module MODULE.
//
// A bit 1 stands for +1, 0 for -1. A beat of a stream is one position with all its channels:
// channel c is in bit c, and pixels have 8 bits a channel. Maps come in raster order, one after the
// other.
//
// Layers work on groups of LANES output channels, one group a cycle, which is a pass. In the words
// of memories, the first field is in the lowest bits, and channels after the last one are 0:
//   weights     word position * passes + pass: LANES fields of TAPS fields of CHANNELS bits;
//               taps row by row; positions, in raster order, where a linear layer reads a map
//   thresholds  word pass: LANES fields, {below, threshold}, the threshold in two's complement;
//               the bit is sum < threshold where below is 1, else sum > threshold
//   affine      word class: {bias, scale}, in two's complement
// A score is a whole number. Divided by 2**(its ..._FRACTION) it is exactly the float32 score.

// Some parameters are only for the reader.
// verilator lint_off UNUSEDPARAM
localparam PARALLEL = CHANNELS_A_CYCLE;  // output channels a cycle, at most
LOCALPARAMS
// verilator lint_on UNUSEDPARAM
