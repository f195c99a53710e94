#include "engine/chain.h"

#include "engine/step.h"

namespace bnn {
namespace {

bool is_integer_conv(const Node& node) { return node.op == "conv_bits" || node.op == "conv_u8"; }

bool is_real_conv(const Node& node) { return node.op == "conv_f32" || node.op == "conv_f32_bits"; }

// Sums are not stored as a map where such a node is their only reader.
bool takes_sums(const Node& reader) { return reader.op == "threshold" || reader.op == "affine"; }

// Finds what follows the real results of a convolution.
class ChainFinder {
public:
    ChainFinder(const Graph& graph, int start, const Readers& readers, Chain& chain)
        : graph_(graph), start_(start), readers_(readers), chain_(chain) {}

    // Follows operations that need nothing but the number before them. Thresholds give their bits on
    // the way. A value that others read, too, is stored.
    void follow() {
        for (int value = chain_.output; value != 0;) {
            const int others = static_cast<int>(readers_[value].size()) - take_thresholds(value);
            const Link next = next_of(value);
            if (others > (next.node != 0)) chain_.links.push_back({0, value});
            if (next.node != 0) fold(next);
            value = next.node;
        }
    }

private:
    int take_thresholds(int value) {
        int taken = 0;
        for (int number : readers_[value]) {
            if (number == 0 || graph_.node(number).op != "threshold" || !has_room()) continue;
            fold({number, number});
            ++taken;
        }
        return taken;
    }

    // The first operation that can follow a value; none is node 0.
    Link next_of(int value) const {
        for (int number : readers_[value]) {
            if (number == 0 || !has_room()) continue;
            const Node& node = graph_.node(number);
            if (node.op == "affine" || node.op == "prelu" || node.op == "clamp") return {number, -1};
            if (node.op != "add") continue;
            const int addend = node.inputs[0] == value ? node.inputs[1] : node.inputs[0];
            // It must be ready before the convolution starts.
            if (addend < start_) return {number, addend};
        }
        return {0, -1};
    }

    void fold(const Link& link) {
        chain_.links.push_back(link);
        chain_.folded.push_back(link.node);
    }

    // A folded affine comes before, and a store may come after.
    bool has_room() const { return chain_.links.size() + 2 < longest_chain; }

    const Graph& graph_;
    int start_;
    const Readers& readers_;
    Chain& chain_;
};

}  // namespace

Readers readers_of(const Graph& graph) {
    Readers readers(graph.types.size());
    for (int number = graph.inputs(); number < graph.values(); ++number)
        for (int input : graph.node(number).inputs) readers[input].push_back(number);
    for (int output : graph.outputs) readers[output].push_back(0);
    return readers;
}

Chain chain_of(const Graph& graph, int number, const Readers& readers) {
    Chain chain{number, nullptr, {}, {}};
    const Node& node = graph.node(number);
    if (is_integer_conv(node)) {
        const int reader = readers[number].size() == 1 ? readers[number].front() : 0;
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

}  // namespace bnn
