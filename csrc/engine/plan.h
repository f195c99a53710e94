// What to do for one image, in order, and where everything lies.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/arena.h"
#include "engine/graph.h"
#include "engine/step.h"

namespace bnn {

struct PlannedStep {
    std::unique_ptr<Step> step;
    int node;  // the first one that it stands for
    bool normalizes;
};

class Plan {
public:
    Plan(const Graph& graph, const std::string& isa);

    const std::vector<PlannedStep>& steps() const { return steps_; }
    const Layout& layout(int number) const { return layouts_[number]; }
    const Layout& pixels() const { return layouts_.front(); }
    const Layout& scores() const { return layouts_.back(); }
    // Whether nothing but normalization reads the pixels.
    bool pixels_only_normalized() const { return pixels_only_normalized_; }
    std::size_t arena_bytes() const { return arena_bytes_; }
    std::size_t scratch_bytes() const { return scratch_bytes_; }

private:
    void reserve_borders(const Graph& graph);
    void add_steps(const Graph& graph, const std::string& isa);

    std::vector<Layout> layouts_;
    std::vector<PlannedStep> steps_;
    bool pixels_only_normalized_ = true;
    std::size_t arena_bytes_ = 0, scratch_bytes_ = 0;
};

}  // namespace bnn
