// Operations on the real results of a convolution, done while these are in registers.
#pragma once

#include <vector>

#include "engine/step.h"
#include "kernels/aligned.h"
#include "kernels/epilogue/contract.h"

namespace bnn {

class Finish {
public:
    // The operations of `context.chain`, after the `affine` that turns sums into numbers, if any.
    explicit Finish(const StepContext& context);
    Finish(const Finish&) = delete;

    bool is_empty() const { return operations_.empty(); }

    // Finishes rows [row, row_end) of the channels of a region. `from` has their results: sums of
    // 32 bits or floats, [position][channel], `stride` from one position to the next.
    void run(const Arena& arena, const Region& region, const void* from, bool sums,
             std::ptrdiff_t stride) const;

private:
    struct Operation {
        EpilogueOp op;
        Layout map;
        AlignedVector<float> first, second;
        bool in_map = false;
    };

    void add(const Node& node, const Layout& map);
    void add_threshold(const Node& node, Operation& to) const;
    // A tensor with a number for each channel, and zeros up to a whole block.
    AlignedVector<float> padded(const Node& node, const char* name) const;
    static void* row_of(const Arena& arena, const Operation& one, int y);

    int width_, channels_;
    Epilogue epilogue_;
    std::vector<Operation> operations_;
};

}  // namespace bnn
