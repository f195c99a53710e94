// Real operations after a convolution. They work on its outputs while the caches hold these.
#pragma once

#include <cstdint>
#include <list>
#include <vector>

#include "engine/step.h"
#include "kernels/real/contract.h"

namespace bnn {

class Tail {
public:
    explicit Tail(const StepContext& context);
    Tail(const Tail&) = delete;

    // Works in place on `count` outputs from `position` on, in the order of rows, and on `channels`
    // channels from `channel` on, which is a multiple of 64.
    void run(const Arena& arena, int position, int count, int channel, int channels) const;

private:
    enum class Op { affine, prelu, clamp, add, threshold };
    // Parameters by channel: scale and bias, slope, or threshold.
    struct Operation {
        Op op;
        Layout other;
        const float *first = nullptr, *second = nullptr;
        const std::uint64_t* below = nullptr;
        float low = 0, high = 0;
    };

    static Operation operation_of(const Node& node, const Layout& other);
    void run_one(const Operation& one, const Arena& arena, int position, int channel,
                 int channels) const;

    std::list<Node> nodes_;  // copies that keep the parameters: the graph is gone after loading
    std::vector<Operation> operations_;
    Layout output_;
    const RealLoops& loops_;
};

}  // namespace bnn
