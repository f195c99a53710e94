#include "engine/plan.h"

#include <algorithm>

namespace bnn {
namespace {

bool is_integer_conv(const Node& node) { return node.op == "conv_bits" || node.op == "conv_u8"; }

// Steps that test no bounds: zero words add nothing to an OR, and convolutions know what they count.
bool reads_border(const Node& node, const ValueType& input) {
    return is_integer_conv(node) || (node.op == "max_pool" && input.kind == Kind::bits);
}

std::vector<int> count_readers(const Graph& graph) {
    std::vector<int> readers(graph.types.size(), 0);
    for (const Node& node : graph.nodes)
        for (int input : node.inputs) ++readers[input];
    return readers;
}

// The first node that reads a value; 0 where none does.
int reader_of(const Graph& graph, int number) {
    for (int next = number + 1; next <= static_cast<int>(graph.nodes.size()); ++next)
        for (int input : graph.node(next).inputs)
            if (input == number) return next;
    return 0;
}

// Sums that only such a node reads are never stored as a map.
bool takes_sums(const Node& reader) { return reader.op == "threshold" || reader.op == "affine"; }

// How far the last window reaches behind the map, over one axis.
int reach_behind(const Node& node, int axis, int size, int positions, int before) {
    const int reach = node.number("dilation", axis) * (node.number("kernel", axis) - 1) + 1;
    return std::max((positions - 1) * node.number("stride", axis) + reach - before - size, 0);
}

}  // namespace

Plan::Plan(const Graph& graph, const std::string& isa) {
    for (const ValueType& type : graph.types) layouts_.push_back({type});
    reserve_borders(graph);
    arena_bytes_ = lay_out(layouts_);
    add_steps(graph, isa);
}

void Plan::reserve_borders(const Graph& graph) {
    for (std::size_t number = 1; number <= graph.nodes.size(); ++number) {
        const Node& node = graph.node(static_cast<int>(number));
        Layout& input = layouts_[node.inputs[0]];
        if (!reads_border(node, input.type)) continue;
        const ValueType& output = graph.types[number];
        const int top = node.number("padding", 0), left = node.number("padding", 1);
        input.top = std::max(input.top, top);
        input.left = std::max(input.left, left);
        input.bottom = std::max(
            input.bottom, reach_behind(node, 0, input.type.height, output.height, top));
        input.right =
            std::max(input.right, reach_behind(node, 1, input.type.width, output.width, left));
    }
}

void Plan::add_steps(const Graph& graph, const std::string& isa) {
    const std::vector<int> readers = count_readers(graph);
    const int count = static_cast<int>(graph.nodes.size());
    std::vector<bool> folded(count + 1, false);
    for (int number = 1; number <= count; ++number) {
        if (folded[number]) continue;
        const Node& node = graph.node(number);
        const int reader = is_integer_conv(node) && readers[number] == 1 ? reader_of(graph, number) : 0;
        const bool folds = reader != 0 && takes_sums(graph.node(reader));
        const int output = folds ? reader : number;
        if (folds) folded[reader] = true;
        std::vector<Layout> inputs;
        for (int input : node.inputs) {
            inputs.push_back(layouts_[input]);
            pixels_only_normalized_ &= input != 0 || node.op == "normalize";
        }
        const StepContext context{node, folds ? &graph.node(reader) : nullptr, inputs, layouts_[output],
                                  isa};
        steps_.push_back({make_step(context), number, node.op == "normalize"});
        scratch_bytes_ = std::max(scratch_bytes_, steps_.back().step->scratch_bytes());
    }
}

}  // namespace bnn
