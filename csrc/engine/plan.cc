#include "engine/plan.h"

#include <algorithm>
#include <utility>

#include "engine/geometry.h"

namespace bnn {
namespace {

// Linear layers with so many bytes of weights are worth a second form of them, for groups of samples.
constexpr std::size_t least_weight_bytes = 1 << 16;
// The memory of all samples that a thread computes together; docs/format.md counts it.
constexpr std::size_t group_bytes = 1 << 18;
// docs/format.md counts the scratch of so many.
constexpr std::size_t most_samples = 32;

bool is_zero_padded(const Node& node) {
    return node.op == "conv_f32" ||
           (node.op == "conv_f32_bits" && node.number("padding_value") == 0);
}

// Steps that do not test bounds: zeros do not change an OR, and convolutions need them or correct
// for them.
bool reads_border(const Node& node, const ValueType& input) {
    return node.op == "conv_bits" || node.op == "conv_u8" || is_zero_padded(node) ||
           (node.op == "max_pool" && input.kind == Kind::bits);
}

// Steps that read no byte beyond the numbers of their input.
bool reads_exactly(const Node& node) {
    return node.op == "normalize" || node.op == "threshold" || node.op == "affine" ||
           node.op == "clamp" || node.op == "prelu";
}

std::vector<Draft> draft_steps(const Graph& graph) {
    const Readers readers = readers_of(graph);
    std::vector<bool> folded(graph.values(), false);
    std::vector<Draft> drafts;
    for (int number = graph.inputs(); number < graph.values(); ++number) {
        if (folded[number]) continue;
        drafts.push_back({number, chain_of(graph, number, readers)});
        for (int one : drafts.back().chain.folded) folded[one] = true;
    }
    return drafts;
}

// A value that is never stored has no lifetime: the next operation takes it from a register.
std::vector<Lifetime> lifetimes_of(const Graph& graph, const std::vector<Draft>& drafts) {
    const int end = static_cast<int>(drafts.size());
    std::vector<Lifetime> lifetimes(graph.values(), {end, -1});
    const auto use = [&](int value, int step) {
        lifetimes[value].first = std::min(lifetimes[value].first, step);
        lifetimes[value].last = std::max(lifetimes[value].last, step);
    };
    for (int input = 0; input < graph.inputs(); ++input) use(input, -1);
    for (int step = 0; step < end; ++step) {
        const Node& node = graph.node(drafts[step].value);
        for (int input : node.inputs) use(input, step);
        for (const Link& link : drafts[step].chain.links)
            if (link.map >= 0) use(link.map, step);
        if (drafts[step].chain.links.empty()) use(drafts[step].chain.output, step);
        // A caller may give these numbers instead of pixels.
        if (node.op == "normalize") use(drafts[step].value, -1);
    }
    for (int output : graph.outputs) use(output, end);
    return lifetimes;
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
    const std::vector<Draft> drafts = draft_steps(graph);
    leave_with_caller(graph, drafts);
    const std::vector<Lifetime> lifetimes = lifetimes_of(graph, drafts);
    arena_bytes_ = lay_out(layouts_, lifetimes, replaced_by_sums(graph, drafts, lifetimes));
    std::vector<StepContext> contexts;
    for (const Draft& draft : drafts) contexts.push_back(context_of(graph, draft, isa));
    group_ = group_of_samples(contexts);
    for (std::size_t index = 0; index < drafts.size(); ++index) {
        StepContext& context = contexts[index];
        const int value = drafts[index].value;
        context.group = group_;
        steps_.push_back({make_step(context), ordered.original[value], value,
                          context.node.op == "normalize"});
        scratch_bytes_ = std::max(scratch_bytes_, steps_.back().step->scratch_bytes());
    }
}

// One, unless there are many weights that samples can share.
int Plan::group_of_samples(const std::vector<StepContext>& contexts) const {
    std::size_t bytes = 0;
    for (const StepContext& context : contexts)
        if (is_linear(context)) bytes += context.node.tensors.at("weight").words.size() * 8;
    if (bytes < least_weight_bytes) return 1;
    return static_cast<int>(
        std::clamp<std::size_t>(group_bytes / (arena_bytes_ + 1), 1, most_samples));
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

// The caller's memory has no border and nothing behind its end. So an input stays there if its readers
// need no more, and an output if nothing reads it.
void Plan::leave_with_caller(const Graph& graph, const std::vector<Draft>& drafts) {
    std::vector<bool> is_read(graph.values(), false), is_read_beyond(graph.values(), false);
    for (const Draft& draft : drafts) {
        const Node& node = graph.node(draft.value);
        for (int input : node.inputs) {
            is_read[input] = true;
            if (!reads_exactly(node)) is_read_beyond[input] = true;
        }
        for (const Link& link : draft.chain.links)
            if (link.node != 0 && graph.node(link.node).op == "add")
                is_read[link.map] = is_read_beyond[link.map] = true;
    }
    for (int input = 0; input < inputs_; ++input)
        if (!is_read_beyond[input] && !layouts_[input].has_border())
            layouts_[input].given = given_++;
    for (int output : outputs_)
        if (output >= inputs_ && !is_read[output] && std::ranges::count(outputs_, output) == 1)
            layouts_[output].given = given_++;
}

// A chain that adds a value for the last time may store its own result there: it reads and writes the
// numbers of the same positions and channels, in this order. A cache then holds one map in place of two.
std::vector<int> Plan::replaced_by_sums(const Graph& graph, const std::vector<Draft>& drafts,
                                        const std::vector<Lifetime>& lifetimes) const {
    std::vector<int> replaced(layouts_.size(), -1);
    const auto in_arena = [&](int value) {
        return layouts_[value].given < 0 && !layouts_[value].has_border();
    };
    for (int step = 0; step < static_cast<int>(drafts.size()); ++step) {
        std::vector<int> read = graph.node(drafts[step].value).inputs;
        for (const Link& link : drafts[step].chain.links) read.push_back(link.map);
        int added = -1;  // the value that the chain added last, and may replace
        for (const Link& link : drafts[step].chain.links) {
            if (link.node != 0 && graph.node(link.node).op == "add") {
                const bool is_last = lifetimes[link.map].last == step;
                const bool is_read_once = std::ranges::count(read, link.map) == 1;
                added = is_last && is_read_once && in_arena(link.map) ? link.map : -1;
            } else if (link.node == 0 && added >= 0 && in_arena(link.map)) {
                replaced[link.map] = added;
                added = -1;
            }
        }
    }
    return replaced;
}

StepContext Plan::context_of(const Graph& graph, const Draft& draft, const std::string& isa) {
    const Node& node = graph.node(draft.value);
    std::vector<Layout> inputs;
    for (int input : node.inputs) {
        inputs.push_back(layouts_[input]);
        pixels_only_normalized_ &= input != 0 || node.op == "normalize";
    }
    const Chain& chain = draft.chain;
    StepContext context{node, chain.sums_reader, inputs, layouts_[chain.output], isa, {}};
    for (const Link& link : chain.links)
        context.chain.push_back(
            {link.node == 0 ? nullptr : &graph.node(link.node),
             link.map < 0 ? Layout{} : layouts_[link.map]});
    return context;
}

}  // namespace bnn
