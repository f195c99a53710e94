// One operation of the plan, which several threads may share.
#pragma once

#include <memory>
#include <span>
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
    // Runs the whole step for the samples of a group, or for the first of them.
    virtual void run_group(std::span<const Arena> arenas, void* scratch) const {
        for (const Arena& arena : arenas) run(arena, {}, scratch);
    }
};

// A link of the chain of operations that a convolution with real results does in addition: affine,
// prelu, clamp, add, threshold, or a store.
struct Chained {
    const Node* node;  // nullptr for a store
    Layout map;        // the value that `add` adds, or that a threshold or a store writes
};

constexpr int longest_chain = 24;

// The facts that the maker of a step needs.
struct StepContext {
    const Node& node;
    const Node* folded;  // a threshold or affine, the only reader of integer sums, or nullptr
    std::vector<Layout> inputs;
    Layout output;       // the value that the folded node gives, or else the node itself
    std::string isa;
    std::vector<Chained> chain;  // of a convolution with real results, in order
    int group = 1;               // the most samples that run_group gets
};

using MakeStep = std::unique_ptr<Step> (*)(const StepContext&);

// The makers by the name of the operation. Each file of steps registers its own.
bool add_step(const char* op, MakeStep make);
std::unique_ptr<Step> make_step(const StepContext& context);
std::vector<std::string> operation_names();

}  // namespace bnn
