#include "engine/finish.h"

#include <algorithm>
#include <limits>

namespace bnn {
namespace {

EpilogueOp of_kind(EpilogueOp::Kind kind) { return {kind, nullptr, nullptr, 0, 0, nullptr, 0}; }

}  // namespace

Finish::Finish(const StepContext& context)
    : width_(context.output.type.width),
      channels_(context.output.type.channels),
      epilogue_(epilogue_for(context.isa)) {
    if (context.folded != nullptr && context.folded->op == "affine") add(*context.folded, {});
    for (const Chained& one : context.chain) {
        if (one.node == nullptr)
            operations_.push_back({of_kind(EpilogueOp::Kind::store), one.map, {}, {}, true});
        else
            add(*one.node, one.map);
    }
    for (Operation& one : operations_) {
        one.op.first = one.first.data();
        one.op.second = one.second.data();
        one.op.stride = one.in_map ? one.map.pixel_elements() : 0;
    }
}

void Finish::add(const Node& node, const Layout& map) {
    Operation one{of_kind(EpilogueOp::Kind::add), map, {}, {}, false};
    if (node.op == "affine") {
        one.op.kind = EpilogueOp::Kind::affine;
        one.first = padded(node, "scale");
        one.second = padded(node, "bias");
    } else if (node.op == "prelu") {
        one.op.kind = EpilogueOp::Kind::prelu;
        one.first = padded(node, "slope");
    } else if (node.op == "clamp") {
        one.op.kind = EpilogueOp::Kind::clamp;
        one.op.low = static_cast<float>(node.attributes.at("low")[0]);
        one.op.high = static_cast<float>(node.attributes.at("high")[0]);
    } else {
        one.in_map = true;
        if (node.op == "threshold") add_threshold(node, one);
    }
    operations_.push_back(std::move(one));
}

// number < limit  <=>  -number > -limit. Channels of padding give no bit.
void Finish::add_threshold(const Node& node, Operation& to) const {
    to.op.kind = EpilogueOp::Kind::threshold;
    to.first = padded(node, "threshold");
    to.second.resize(words_for(channels_) * 64);
    const auto* below = node.tensors.at("below").as<std::uint64_t>();
    for (int channel = 0; channel < channels_; ++channel) {
        if ((below[channel / 64] >> (channel % 64) & 1) == 0) continue;
        to.first.data()[channel] = -to.first.data()[channel];
        to.second.data()[channel] = -0.0F;
    }
    std::fill(to.first.data() + channels_, to.first.data() + words_for(channels_) * 64,
              std::numeric_limits<float>::infinity());
}

AlignedVector<float> Finish::padded(const Node& node, const char* name) const {
    AlignedVector<float> numbers;
    numbers.resize(words_for(channels_) * 64);
    std::copy_n(node.tensors.at(name).as<float>(), channels_, numbers.data());
    return numbers;
}

void* Finish::row_of(const Arena& arena, const Operation& one, int y) {
    if (!one.in_map) return nullptr;
    if (one.map.type.kind == Kind::bits) return arena.at<std::uint64_t>(one.map, y, 0);
    return arena.at<float>(one.map, y, 0);
}

void Finish::run(const Arena& arena, const Region& region, const void* from, bool sums,
                 std::ptrdiff_t stride) const {
    EpilogueOp ops[longest_chain];
    EpilogueOp* end = ops;
    for (const Operation& one : operations_) *end++ = one.op;
    const auto* numbers = static_cast<const std::int32_t*>(from);  // or floats of the same size
    for (int y = region.row; y < region.row_end; ++y, numbers += width_ * stride) {
        for (std::size_t index = 0; index < operations_.size(); ++index)
            ops[index].map = row_of(arena, operations_[index], y);
        epilogue_({numbers, sums, stride, width_, region.block * 64,
                   std::min(region.block_end * 64, channels_), ops, end});
    }
}

}  // namespace bnn
