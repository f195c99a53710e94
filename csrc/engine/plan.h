// The steps for one sample, in order, and the places of all values.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/arena.h"
#include "engine/chain.h"
#include "engine/graph.h"
#include "engine/order.h"
#include "engine/step.h"

namespace bnn {

struct PlannedStep {
    std::unique_ptr<Step> step;
    int node;   // the first node that it computes, by its number in the file
    int value;  // its number in the plan
    bool normalizes;
};

// A step before the places of its values are known.
struct Draft {
    int value;  // the first node that it computes
    Chain chain;
};

class Plan {
public:
    Plan(Graph given, const std::string& isa);

    const std::vector<PlannedStep>& steps() const { return steps_; }
    // By the number in the plan; those of the inputs are the same as in the file.
    const Layout& layout(int number) const { return layouts_[number]; }
    int inputs() const { return inputs_; }
    const std::vector<int>& outputs() const { return outputs_; }
    // Whether the only input is pixels, and only normalization reads them.
    bool pixels_only_normalized() const { return pixels_only_normalized_; }
    std::size_t arena_bytes() const { return arena_bytes_; }
    // How many inputs and outputs stay in the caller's memory.
    int given() const { return given_; }
    std::size_t scratch_bytes() const { return scratch_bytes_; }
    // How many samples a thread computes together, each in an arena of its own.
    int group() const { return group_; }

private:
    int group_of_samples(const std::vector<StepContext>& contexts) const;
    void reserve_borders(const Graph& graph);
    void leave_with_caller(const Graph& graph, const std::vector<Draft>& drafts);
    std::vector<int> replaced_by_sums(const Graph& graph, const std::vector<Draft>& drafts,
                                      const std::vector<Lifetime>& lifetimes) const;
    StepContext context_of(const Graph& graph, const Draft& draft, const std::string& isa);

    std::vector<Layout> layouts_;
    std::vector<PlannedStep> steps_;
    int inputs_;
    std::vector<int> outputs_;
    bool pixels_only_normalized_;
    std::size_t arena_bytes_ = 0, scratch_bytes_ = 0;
    int given_ = 0, group_ = 1;
};

}  // namespace bnn
