#include "engine/tail.h"

namespace bnn {
namespace {

template <typename T>
T* at_position(const Arena& arena, const Layout& layout, int position) {
    return arena.at<T>(layout, position / layout.type.width, position % layout.type.width);
}

}  // namespace

Tail::Tail(const StepContext& context) : output_(context.output), loops_(real_loops(context.isa)) {
    for (const TailNode& one : context.tail) {
        nodes_.push_back(*one.node);
        operations_.push_back(operation_of(nodes_.back(), one.other));
    }
}

Tail::Operation Tail::operation_of(const Node& node, const Layout& other) {
    const auto tensor = [&](const char* name) { return node.tensors.at(name).as<float>(); };
    if (node.op == "affine") return {Op::affine, other, tensor("scale"), tensor("bias")};
    if (node.op == "prelu") return {Op::prelu, other, tensor("slope")};
    if (node.op == "add") return {Op::add, other};
    if (node.op == "clamp") {
        const auto end = [&](const char* name) {
            return static_cast<float>(node.attributes.at(name)[0]);
        };
        return {Op::clamp, other, nullptr, nullptr, nullptr, end("low"), end("high")};
    }
    return {Op::threshold, other, tensor("threshold"), nullptr,
            node.tensors.at("below").as<std::uint64_t>()};
}

void Tail::run(const Arena& arena, int position, int count, int channel, int channels) const {
    for (const Operation& one : operations_)
        for (int each = position; each < position + count; ++each)
            run_one(one, arena, each, channel, channels);
}

void Tail::run_one(const Operation& one, const Arena& arena, int position, int channel,
                   int channels) const {
    float* to = at_position<float>(arena, output_, position) + channel;
    switch (one.op) {
        case Op::affine:
            loops_.affine_f32(to, one.first + channel, one.second + channel, to, channels);
            break;
        case Op::prelu:
            loops_.prelu(to, one.first + channel, to, channels);
            break;
        case Op::clamp:
            loops_.clamp(to, one.low, one.high, to, channels);
            break;
        case Op::add:
            loops_.add(to, at_position<float>(arena, one.other, position) + channel, to, channels);
            break;
        case Op::threshold:
            loops_.threshold_f32(
                to, one.first + channel, one.below + channel / 64,
                at_position<std::uint64_t>(arena, one.other, position) + channel / 64, channels);
    }
}

}  // namespace bnn
