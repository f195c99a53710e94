// One operation of the plan, which several threads may share.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/arena.h"
#include "engine/graph.h"

namespace bnn {

// The share of one thread in a step.
struct Part {
    int index = 0, count = 1;

    // Its range [first, last) of `total` equal pieces of work.
    std::pair<int, int> of(int total) const {
        return {static_cast<int>(static_cast<std::int64_t>(total) * index / count),
                static_cast<int>(static_cast<std::int64_t>(total) * (index + 1) / count)};
    }
};

class Step {
public:
    virtual ~Step() = default;
    virtual std::size_t scratch_bytes() const { return 0; }
    virtual void run(const Arena& arena, Part part, void* scratch) const = 0;
};

// An operation on the real outputs of a convolution: affine, prelu, clamp and add work in place; a
// threshold writes bits to another value.
struct TailNode {
    const Node* node;
    Layout other;  // the value that `add` adds, or that a threshold writes
};

// The facts that the maker of a step needs.
struct StepContext {
    const Node& node;
    const Node* folded;  // a threshold or affine, the only reader of integer sums, or nullptr
    std::vector<Layout> inputs;
    Layout output;
    std::string isa;
    std::vector<TailNode> tail;  // of a convolution, in order
};

using MakeStep = std::unique_ptr<Step> (*)(const StepContext&);

// The makers by the name of the operation. Each file of steps registers its own.
bool add_step(const char* op, MakeStep make);
std::unique_ptr<Step> make_step(const StepContext& context);
std::vector<std::string> operation_names();

}  // namespace bnn
