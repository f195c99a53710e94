#include "engine/plan.h"

#include <algorithm>
#include <utility>

namespace bnn {
namespace {

bool is_integer_conv(const Node& node) { return node.op == "conv_bits" || node.op == "conv_u8"; }

bool is_real_conv(const Node& node) { return node.op == "conv_f32" || node.op == "conv_f32_bits"; }

bool is_zero_padded(const Node& node) {
    return node.op == "conv_f32" ||
           (node.op == "conv_f32_bits" && node.number("padding_value") == 0);
}

// Steps that do not test bounds: zeros do not change an OR, and convolutions need them or correct
// for them.
bool reads_border(const Node& node, const ValueType& input) {
    return is_integer_conv(node) || is_zero_padded(node) ||
           (node.op == "max_pool" && input.kind == Kind::bits);
}

// An output counts as a reader of its value, because the value must be stored.
std::vector<int> count_readers(const Graph& graph) {
    std::vector<int> readers(graph.types.size(), 0);
    for (int output : graph.outputs) ++readers[output];
    for (const Node& node : graph.nodes)
        for (int input : node.inputs) ++readers[input];
    return readers;
}

// The first node that reads a value; 0 where none does.
int reader_of(const Graph& graph, int number) {
    for (int next = number + 1; next < graph.values(); ++next)
        for (int input : graph.node(next).inputs)
            if (input == number) return next;
    return 0;
}

// Sums are not stored as a map where such a node is their only reader.
bool takes_sums(const Node& reader) { return reader.op == "threshold" || reader.op == "affine"; }

// A node of a chain and the value that it adds or writes; the node 0 stores a value.
struct Link {
    int node, map;
};

// The operations that the step of a convolution does in addition to it.
struct Chain {
    int output;                         // the value that the convolution itself gives
    const Node* sums_reader = nullptr;  // the node that turns integer sums into bits or reals
    std::vector<Link> links;
    std::vector<int> folded;            // all nodes that need no step of their own
};

// Finds what follows the real results of a convolution.
class ChainFinder {
public:
    ChainFinder(const Graph& graph, int start, const std::vector<int>& readers, Chain& chain)
        : graph_(graph), start_(start), readers_(readers), chain_(chain) {}

    // Follows operations that need nothing but the number before them. Thresholds give their bits on
    // the way. A value that others read, too, is stored.
    void follow() {
        for (int value = chain_.output; value != 0;) {
            const int others = readers_[value] - take_thresholds(value);
            const Link next = next_of(value);
            if (others > (next.node != 0)) chain_.links.push_back({0, value});
            if (next.node != 0) fold(next);
            value = next.node;
        }
    }

private:
    int take_thresholds(int value) {
        int taken = 0;
        for (int number = value + 1; number < graph_.values(); ++number) {
            const Node& node = graph_.node(number);
            if (node.op != "threshold" || node.inputs[0] != value || !has_room()) continue;
            fold({number, number});
            ++taken;
        }
        return taken;
    }

    // The first operation that can follow a value; none is {0, 0}.
    Link next_of(int value) const {
        for (int number = value + 1; number < graph_.values() && has_room(); ++number) {
            const Node& node = graph_.node(number);
            if (node.inputs.front() != value && node.inputs.back() != value) continue;
            if (node.op == "affine" || node.op == "prelu" || node.op == "clamp") return {number, 0};
            if (node.op != "add") continue;
            const int addend = node.inputs[0] == value ? node.inputs[1] : node.inputs[0];
            // It must be ready before the convolution starts.
            if (addend < start_) return {number, addend};
        }
        return {0, 0};
    }

    void fold(const Link& link) {
        chain_.links.push_back(link);
        chain_.folded.push_back(link.node);
    }

    // A folded affine comes before, and a store may come after.
    bool has_room() const { return chain_.links.size() + 2 < longest_chain; }

    const Graph& graph_;
    int start_;
    const std::vector<int>& readers_;
    Chain& chain_;
};

// The operations that are folded into the step of a node. There are none unless it is a convolution.
Chain chain_of(const Graph& graph, int number, const std::vector<int>& readers) {
    Chain chain{number, nullptr, {}, {}};
    const Node& node = graph.node(number);
    if (is_integer_conv(node)) {
        const int reader = readers[number] == 1 ? reader_of(graph, number) : 0;
        if (reader == 0 || !takes_sums(graph.node(reader))) return chain;
        chain.sums_reader = &graph.node(reader);
        chain.folded.push_back(reader);
        chain.output = reader;
    }
    const bool real = graph.types[chain.output].kind == Kind::f32;
    if (real && (is_integer_conv(node) || is_real_conv(node)))
        ChainFinder(graph, number, readers, chain).follow();
    return chain;
}

// How far the last window reaches beyond the end of the map, along one axis.
int reach_behind(const Node& node, int axis, int size, int positions, int before) {
    const int reach = node.number("dilation", axis) * (node.number("kernel", axis) - 1) + 1;
    return std::max((positions - 1) * node.number("stride", axis) + reach - before - size, 0);
}

}  // namespace

Plan::Plan(Graph given, const std::string& isa)
    : inputs_(given.inputs()),
      pixels_only_normalized_(inputs_ == 1 && given.types.front().kind == Kind::u8) {
    const OrderedGraph ordered = order(std::move(given));
    const Graph& graph = ordered.graph;
    outputs_ = graph.outputs;
    for (const ValueType& type : graph.types) layouts_.push_back({type});
    reserve_borders(graph);
    arena_bytes_ = lay_out(layouts_);
    add_steps(ordered, isa);
}

void Plan::reserve_borders(const Graph& graph) {
    for (int number = graph.inputs(); number < graph.values(); ++number) {
        const Node& node = graph.node(number);
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

void Plan::add_steps(const OrderedGraph& ordered, const std::string& isa) {
    const Graph& graph = ordered.graph;
    const std::vector<int> readers = count_readers(graph);
    std::vector<bool> folded(graph.values(), false);
    for (int number = graph.inputs(); number < graph.values(); ++number) {
        if (folded[number]) continue;
        const Node& node = graph.node(number);
        const Chain chain = chain_of(graph, number, readers);
        for (int one : chain.folded) folded[one] = true;
        std::vector<Layout> inputs;
        for (int input : node.inputs) {
            inputs.push_back(layouts_[input]);
            pixels_only_normalized_ &= input != 0 || node.op == "normalize";
        }
        StepContext context{node, chain.sums_reader, inputs, layouts_[chain.output], isa, {}};
        for (const Link& link : chain.links)
            context.chain.push_back(
                {link.node == 0 ? nullptr : &graph.node(link.node), layouts_[link.map]});
        steps_.push_back(
            {make_step(context), ordered.original[number], number, node.op == "normalize"});
        scratch_bytes_ = std::max(scratch_bytes_, steps_.back().step->scratch_bytes());
    }
}

}  // namespace bnn
