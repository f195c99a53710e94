// What happens to the results of a convolution before they are stored: scales, additions, clamps, and
// comparisons that give bits. One pass over a row does all of it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu.h"

namespace bnn {

// A part of the epilogue. Parameters by channel have room for whole blocks of 64 channels.
struct EpilogueOp {
    enum class Kind {
        affine,     // fused: number * first + second
        prelu,      // number, or number * first where it is not above 0
        clamp,      // to [low, high]; NaN stays
        add,        // the numbers of a map
        store,      // to a map
        threshold,  // to a map of bits: (number XOR second) > first
    };
    Kind kind;
    const float *first, *second;
    float low, high;
    void* map;              // the first pixel of the row in the map that it reads or writes
    std::ptrdiff_t stride;  // from a pixel of it to the next: numbers, or words of bits
};

struct EpilogueRow {
    const void* from;       // [position][channel], sums of 32 bits or floats
    bool sums;
    std::ptrdiff_t stride;  // numbers from one position to the next: whole blocks of 64
    int positions;
    int channel, channel_end;  // channel is a multiple of 64
    const EpilogueOp *ops, *end;
};

using Epilogue = void (*)(const EpilogueRow& row);

// Called once for each instruction set that has one.
bool add_epilogue(const char* isa, Epilogue epilogue);
// That of the fastest instruction set from `isa` down that has one.
Epilogue epilogue_for(const std::string& isa);

}  // namespace bnn
