#include "engine/order.h"

#include <algorithm>
#include <utility>

namespace bnn {
namespace {

bool is_binary_conv(const Graph& graph, int value) {
    while (value >= graph.inputs()) {
        const Node& node = graph.node(value);
        if (node.op == "conv_bits" || node.op == "conv_u8") return true;
        if (node.op != "affine" && node.op != "prelu" && node.op != "clamp") return false;
        value = node.inputs[0];
    }
    return false;
}

// The inputs of a node, those that need to be computed first at the end.
std::vector<int> by_urgency(const Graph& graph, const Node& node) {
    std::vector<int> inputs(node.inputs.rbegin(), node.inputs.rend());
    if (node.op == "add" && is_binary_conv(graph, inputs.back())) std::ranges::reverse(inputs);
    return inputs;
}

// Each value after all that it is computed from. A stack instead of recursion: graphs may be deep.
class Sorter {
public:
    explicit Sorter(Graph&& graph) : graph_(graph), place_(graph.values(), -1) {
        for (int input = 0; input < graph.inputs(); ++input) put(input);
        for (int output : graph.outputs) visit(output);
        for (int value = graph.inputs(); value < graph.values(); ++value) visit(value);
    }

    // Moves the nodes: their tensors may be large.
    OrderedGraph sorted() {
        OrderedGraph result{{{}, {}, {}}, order_};
        for (int value : order_) {
            result.graph.types.push_back(graph_.types[value]);
            if (value < graph_.inputs()) continue;
            result.graph.nodes.push_back(std::move(graph_.nodes[value - graph_.inputs()]));
            for (int& input : result.graph.nodes.back().inputs) input = place_[input];
        }
        for (int output : graph_.outputs) result.graph.outputs.push_back(place_[output]);
        return result;
    }

private:
    void put(int value) {
        place_[value] = static_cast<int>(order_.size());
        order_.push_back(value);
    }

    void visit(int root) {
        std::vector<int> open{root};
        while (!open.empty()) {
            const int value = open.back();
            const std::size_t before = open.size();
            if (place_[value] < 0)
                for (int input : by_urgency(graph_, graph_.node(value)))
                    if (place_[input] < 0) open.push_back(input);
            if (open.size() > before) continue;
            open.pop_back();
            if (place_[value] < 0) put(value);
        }
    }

    Graph& graph_;
    std::vector<int> place_, order_;  // the new number of each value, and the reverse
};

}  // namespace

OrderedGraph order(Graph graph) { return Sorter(std::move(graph)).sorted(); }

}  // namespace bnn
